package extentstore

import (
	"context"
	"encoding/binary"
	"errors"
	"sync"
	"time"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/disk/kv"
)

func encodeSize(n int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }

func decodeSize(b []byte) int64 {
	if len(b) != 8 {
		return 0
	}
	return int64(binary.BigEndian.Uint64(b))
}

// Delete removes the extent, or returns errs.NotFound. Its room comes back moments
// later. A power cut may undo a deletion unless a later commit to the row store was
// durable.
func (s *Store) Delete(ctx context.Context, id ident.ID) error {
	if err := ctx.Err(); err != nil {
		return errs.Newf(errs.Unavailable, "deleting an extent was given up: %w", err)
	}
	s.indexMu.Lock()
	defer s.indexMu.Unlock()
	e, err := s.find(id)
	if err != nil {
		return err
	}
	b := s.rows.NewBatch()
	b.Delete(extentKey(id))
	if err := s.discardDoubles(b, id, e); err != nil {
		b.Discard()
		return err
	}
	return s.forget(id, e, b)
}

// forget commits b and gives the place e up; indexMu is held.
func (s *Store) forget(id ident.ID, e *entry, b *kv.Batch) error {
	s.unplace(b, id, e)
	if err := b.CommitLazily(); err != nil {
		return err
	}
	s.unplaced(e)
	return nil
}

// unplace records in b that nothing of the extent is at e any more.
func (s *Store) unplace(b *kv.Batch, id ident.ID, e *entry) {
	if e.seg != 0 {
		b.Add(segmentKey(keyLive, e.disk, e.seg), -e.bytes())
		return
	}
	b.Add(key(keyFiles, e.disk[:]), -e.bytes())
	b.Set(garbageKey(e.disk, fileName(id)), encodeSize(e.bytes()))
}

// unplaced does the same to what memory knows, after the batch.
func (s *Store) unplaced(e *entry) {
	d, err := s.disk(e.disk)
	if err != nil {
		return
	}
	if e.seg == 0 {
		s.reaper.poke()
		return
	}
	d.mu.Lock()
	seg := d.segments[e.seg]
	sparse := false
	if seg != nil {
		seg.live -= e.bytes()
		sparse = d.sparse(seg) && !seg.stuck && (seg.sealed || seg.size >= s.opt.sparseOpen())
	}
	d.mu.Unlock()
	if seg != nil {
		s.dropIfEmpty(d, seg)
	}
	if sparse {
		s.keeper.poke()
	}
}

// dropIfEmpty removes a sealed segment in which nothing is live. Nothing can become
// live in it again.
func (s *Store) dropIfEmpty(d *disk, seg *segment) {
	d.mu.Lock()
	empty := seg.sealed && seg.live <= 0 && d.segments[seg.num] == seg
	if empty {
		delete(d.segments, seg.num)
	}
	d.mu.Unlock()
	if empty {
		s.discardSegment(d, seg)
	}
}

// discardSegment makes a segment's file garbage.
func (s *Store) discardSegment(d *disk, seg *segment) {
	b := s.rows.NewBatch()
	b.Delete(segmentKey(keySegment, d.id, seg.num))
	b.Delete(segmentKey(keyLive, d.id, seg.num))
	b.Set(garbageKey(d.id, segmentName(seg.num)), encodeSize(seg.size))
	if err := b.CommitLazily(); err != nil {
		s.log.Warn("an empty segment stays until the next start", "disk", d.dir, "error", err)
		return
	}
	s.reaper.poke()
}

// reaper removes files that the row store lists as garbage, after what made them
// garbage is durable.
type reaper struct {
	s    *Store
	wake chan struct{}

	mu   sync.Mutex
	idle *sync.Cond
	want uint64 // number of the last poke
	done uint64 // the poke up to which all was looked at
}

func (r *reaper) init(s *Store) {
	r.s = s
	r.wake = make(chan struct{}, 1)
	r.idle = sync.NewCond(&r.mu)
}

func (r *reaper) poke() {
	r.mu.Lock()
	r.want++
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// wait returns when all that was garbage at the call is gone, or cannot go now.
func (r *reaper) wait() {
	r.poke()
	r.mu.Lock()
	defer r.mu.Unlock()
	for want := r.want; r.done < want && r.s.ctx.Err() == nil; {
		r.idle.Wait()
	}
}

func (r *reaper) run() {
	defer r.idle.Broadcast()
	retry := time.NewTicker(r.s.opt.retry)
	defer retry.Stop()
	again := false
	for {
		select {
		case <-r.s.ctx.Done():
			return
		case <-r.wake:
		case <-retry.C:
			if !again {
				continue
			}
		}
		r.mu.Lock()
		want := r.want
		r.mu.Unlock()
		err := r.sweep()
		if again = err != nil; again {
			r.s.log.Warn("files of deleted extents could not be removed; another try follows in some minutes", "error", err)
		}
		r.mu.Lock()
		r.done = want
		r.idle.Broadcast()
		r.mu.Unlock()
	}
}

const reapBatch = 512

// sweep removes all listed files on disks that serve, reapBatch at a time. What cannot
// be removed on one of them does not keep the others.
func (r *reaper) sweep() (failed error) {
	for _, d := range r.s.allDisks() {
		if d.usable() == nil {
			failed = errors.Join(failed, r.sweepDisk(d))
		}
	}
	return failed
}

func (r *reaper) sweepDisk(d *disk) (failed error) {
	from := garbageKey(d.id, "")
	for end := after(from); from != nil && r.s.ctx.Err() == nil; {
		next, left, err := r.some(d, from, end)
		if err != nil {
			return err
		}
		if failed == nil {
			failed = left
		}
		from = next
	}
	return failed
}

type garbage struct {
	key   []byte
	name  string
	bytes int64
}

// some removes up to reapBatch files from key on and returns where to go on, nil at
// the end, and why one of them is left.
func (r *reaper) some(d *disk, from, end []byte) (next []byte, left, err error) {
	d.reaping.Lock()
	defer d.reaping.Unlock()
	found, err := r.list(d, from, end)
	if err != nil || len(found) == 0 {
		return nil, nil, err
	}
	// The list may show batches that are not durable yet; this commit makes them so.
	b := r.s.rows.NewBatch()
	b.Set(key(keyTick), nil)
	if err := b.Commit(); err != nil {
		return nil, nil, err
	}
	if left, err = r.remove(d, found); err != nil {
		return nil, nil, err
	}
	if len(found) == reapBatch {
		next = append(found[len(found)-1].key, 0)
	}
	return next, left, nil
}

// remove removes files and then their keys: a file that a power cut brings back
// without its key would count again.
func (r *reaper) remove(d *disk, found []garbage) (left, err error) {
	b := r.s.rows.NewBatch()
	var freed int64
	dirs := map[string]bool{}
	for _, g := range found {
		if err := removeFile(r.s.fs, d.path(g.name)); err != nil {
			left = err
			continue
		}
		dirs[d.fs.PathDir(d.path(g.name))] = true
		freed += g.bytes
		b.Delete(g.key)
	}
	for dir := range dirs {
		if err := syncDir(d.fs, dir); err != nil {
			b.Discard()
			return nil, err
		}
	}
	if err := b.CommitLazily(); err != nil {
		return nil, err
	}
	d.occupy(-freed)
	return left, nil
}

func (r *reaper) list(d *disk, from, end []byte) (found []garbage, err error) {
	it, err := r.s.rows.Iter(from, end)
	if err != nil {
		return nil, err
	}
	for ok := it.First(); ok && len(found) < reapBatch; ok = it.Next() {
		v, err := it.Value()
		if err != nil {
			_ = it.Close()
			return nil, err
		}
		k := append([]byte(nil), it.Key()...)
		found = append(found, garbage{k, string(k[2+len(d.id):]), decodeSize(v)})
	}
	return found, it.Close()
}
