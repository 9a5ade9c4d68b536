package extentstore

import (
	"bytes"
	"context"
	"sync"
	"time"

	"rhizome/base/errs"
	"rhizome/base/ident"
)

func indexMagic(b []byte) int { return bytes.Index(b, []byte(metaMagic)) }

// smallCrowd is how many small sealed segments are merged: each start leaves one.
const smallCrowd = 8

// keeper compacts segments and drains disks, one thing at a time.
type keeper struct {
	s    *Store
	wake chan struct{}

	mu   sync.Mutex
	idle *sync.Cond
	want uint64
	done uint64
}

func (k *keeper) init(s *Store) {
	k.s = s
	k.wake = make(chan struct{}, 1)
	k.idle = sync.NewCond(&k.mu)
}

func (k *keeper) poke() {
	k.mu.Lock()
	k.want++
	k.mu.Unlock()
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// wait returns when all that was worth doing at the call was tried.
func (k *keeper) wait() {
	k.poke()
	k.mu.Lock()
	defer k.mu.Unlock()
	for want := k.want; k.done < want && k.s.ctx.Err() == nil; {
		k.idle.Wait()
	}
}

func (k *keeper) run() {
	defer k.idle.Broadcast()
	retry := time.NewTicker(k.s.opt.retry)
	defer retry.Stop()
	for {
		select {
		case <-k.s.ctx.Done():
			return
		case <-k.wake:
		case <-retry.C:
			if !k.s.draining() {
				continue
			}
		}
		k.mu.Lock()
		want := k.want
		k.mu.Unlock()
		k.round(k.s.ctx)
		k.mu.Lock()
		k.done = want
		k.idle.Broadcast()
		k.mu.Unlock()
	}
}

func (k *keeper) round(ctx context.Context) {
	for _, d := range k.s.allDisks() {
		if d.usable() != nil || ctx.Err() != nil {
			continue
		}
		if err := k.s.compact(ctx, d); err != nil && ctx.Err() == nil {
			k.s.log.Warn("segments could not be compacted", "disk", d.dir, "error", err)
		}
		if !d.isDraining() {
			continue
		}
		if err := k.s.drain(ctx, d); err != nil && ctx.Err() == nil {
			k.s.log.Warn("a disk could not be drained yet", "disk", d.dir, "error", err)
		}
	}
}

func (d *disk) isDraining() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.draining
}

func (s *Store) draining() bool {
	for _, d := range s.allDisks() {
		if d.isDraining() {
			return true
		}
	}
	return false
}

// sparse reports whether the segment is worth rewriting: less than half of it is
// live, or less than seven eighths on a disk that is tight. d.mu is held.
func (d *disk) sparse(seg *segment) bool {
	if seg.size == 0 || seg.live <= 0 {
		return false
	}
	return 2*seg.live < seg.size || d.tight && 8*seg.live < 7*seg.size
}

// roomy ends the time of a disk's being tight once it has a third of its use free.
func (s *Store) roomy(d *disk) {
	left := s.left()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.tight && min(left, d.free(s.opt.Reserve)) > d.usedBytes/3 {
		d.tight = false
	}
}

// compact rewrites the disk's sparse segments, and small ones once they are many.
func (s *Store) compact(ctx context.Context, d *disk) error {
	if d.openIsSparse(s.opt.sparseOpen()) {
		if err := d.app.sealNow(s, d); err != nil {
			return err
		}
	}
	s.roomy(d)
	for _, seg := range d.worthwhile(s.opt.SegmentBytes / 8) {
		if err := s.emptySegment(ctx, d, seg); err != nil {
			return err
		}
		d.mu.Lock()
		seg.stuck = d.segments[seg.num] == seg
		d.mu.Unlock()
	}
	return nil
}

func (d *disk) worthwhile(small int64) (out []*segment) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var crowd []*segment
	for _, seg := range d.segments {
		switch {
		case !seg.sealed || seg.stuck || d.draining:
		case d.sparse(seg):
			out = append(out, seg)
		case seg.size < small && seg.live > 0:
			crowd = append(crowd, seg)
		}
	}
	if len(crowd) >= smallCrowd {
		out = append(out, crowd...)
	}
	return out
}

// sparseOpen is the size from which an open segment is closed for being sparse.
func (o *Options) sparseOpen() int64 { return o.SegmentBytes / 16 }

func (d *disk) openIsSparse(size int64) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, seg := range d.segments {
		if !seg.sealed && seg.size >= size && d.sparse(seg) {
			return true
		}
	}
	return false
}

// drain moves everything off a disk. Index entries of other disks are passed over.
func (s *Store) drain(ctx context.Context, d *disk) error {
	if err := s.adopted(ctx); err != nil {
		return err
	}
	if err := d.app.sealNow(s, d); err != nil {
		return err
	}
	for _, seg := range d.sealedSegments() {
		if err := s.emptySegment(ctx, d, seg); err != nil {
			return err
		}
	}
	return s.each(ctx, ident.ID{}, func(id ident.ID, e *entry) error {
		if e.disk != d.id || e.seg != 0 {
			return nil
		}
		err := s.moveFile(ctx, d, id, e)
		if kind := errs.KindOf(err); err != nil && (kind == errs.Corrupt || kind == errs.NotFound) {
			s.log.Error("an extent cannot be moved off the disk", "extent", id, "disk", d.dir, "error", err)
			return nil
		}
		return err
	})
}

func (d *disk) sealedSegments() (out []*segment) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, seg := range d.segments {
		if seg.sealed && seg.live > 0 && seg.size > 0 {
			out = append(out, seg)
		}
	}
	return out
}
