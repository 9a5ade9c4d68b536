package node

import (
	"context"
	"errors"
	"sync"
	"time"

	"rhizome/base/clock"
	"rhizome/base/codec"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/disk/extentstore"
	"rhizome/disk/kv"
	"rhizome/gateway/admin/api"
)

// scrubber reads every stored byte again once in a while and notes what is damaged.
// It works in one window a day, so that disks may sleep; a window reads as much as
// finishes a pass in time, at scrubRate at most. Where it stands is kept:
//
//	'n' 's'   progress, a record of package codec
type scrubber struct {
	disks  *extentstore.Store
	rows   *kv.Store
	damage ledger
	every  time.Duration
	clock  clock.Clock
	warn   func(id ident.ID, reason string)
	now    chan struct{} // a pass was asked for

	mu sync.Mutex
	at progress
}

// progress says how far a pass is. Extents are checked in the order of their IDs,
// which are random: the next ID is the part that is done.
type progress struct {
	Next     ident.ID `cbor:"1,keyasint"`
	Checked  int64    `cbor:"2,keyasint"` // bytes in this pass
	Finished int64    `cbor:"3,keyasint"` // end of the last whole pass, Unix milliseconds
	Window   int64    `cbor:"4,keyasint"` // start of the last window, Unix milliseconds
	running  bool
}

const (
	scrubRate   = 16 << 20 // bytes per second
	scrubDay    = 24 * time.Hour
	firstWindow = 10 * time.Minute // after the start, so that starting is quick
)

var scrubKey = []byte("ns")

func (s *scrubber) load() error {
	raw, err := s.rows.Get(scrubKey)
	if errors.Is(err, errs.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return codec.Decode(raw, &s.at)
}

// run works until ctx ends. A failure is told and tried again in the next window.
func (s *scrubber) run(ctx context.Context) error {
	wait := firstWindow
	for {
		full := false
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-s.now:
			full = true
		case <-timer.C:
		}
		timer.Stop()
		if err := s.window(ctx, full); err != nil && ctx.Err() == nil {
			s.warn(ident.ID{}, err.Error())
		}
		wait = scrubDay
	}
}

// window checks extents from where the last one ended: enough for a day, or with
// full a whole pass from the beginning, at full speed.
func (s *scrubber) window(ctx context.Context, full bool) error {
	day := s.clock.Now().UnixMilli() - s.progress().Window
	if !full && day < (scrubDay/2).Milliseconds() {
		return nil // the node was restarted within the day
	}
	s.change(func(p *progress) {
		p.running, p.Window = true, s.clock.Now().UnixMilli()
		if full {
			p.Next, p.Checked = ident.ID{}, 0
		}
	})
	defer s.change(func(p *progress) { p.running = false })
	end := 1.0
	if !full {
		end = min(1, s.progress().part()+float64(scrubDay)/float64(s.every))
	}
	err := s.disks.Each(ctx, func(i extentstore.Info) error { return s.one(ctx, i, end, !full) })
	if errors.Is(err, errEnough) {
		return s.save()
	}
	if err != nil {
		return err
	}
	s.change(func(p *progress) { p.Next, p.Checked, p.Finished = ident.ID{}, 0, s.clock.Now().UnixMilli() })
	return s.save()
}

var errEnough = errors.New("enough for one window")

// part says how much of a pass is done, from 0 to 1.
func (p progress) part() float64 { return float64(uint16(p.Next[0])<<8|uint16(p.Next[1])) / 65536 }

func (s *scrubber) one(ctx context.Context, i extentstore.Info, end float64, gently bool) error {
	p := s.progress()
	if i.ID.Key() < p.Next.Key() {
		return nil
	}
	if (progress{Next: i.ID}).part() >= end && end < 1 {
		return errEnough
	}
	if err := s.check(ctx, i.ID); err != nil {
		return err
	}
	s.change(func(p *progress) { p.Next, p.Checked = i.ID, p.Checked+i.Stored })
	if !gently {
		return nil
	}
	pause := time.NewTimer(time.Duration(float64(i.Stored) / scrubRate * float64(time.Second)))
	defer pause.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-pause.C:
		return nil
	}
}

// check reads one extent and notes what it found.
func (s *scrubber) check(ctx context.Context, id ident.ID) error {
	damaged, err := s.disks.Verify(ctx, id)
	kind := errs.KindOf(err)
	switch {
	case err != nil && (kind == errs.NotFound || kind == errs.Unavailable):
		return ctx.Err() // it was deleted meanwhile, or its disk is away
	case err == nil && len(damaged) == 0:
		return s.damage.clear(id)
	case err != nil && kind != errs.Corrupt:
		return err
	}
	reason := "its bytes on disk are not those that were written"
	s.warn(id, reason)
	return s.damage.note(id, damage{reason, s.clock.Now().UnixMilli()})
}

func (s *scrubber) progress() progress {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.at
}

func (s *scrubber) change(f func(*progress)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.at)
}

func (s *scrubber) save() error {
	b := s.rows.NewBatch()
	b.Set(scrubKey, codec.Encode(s.progress()))
	return b.Commit()
}

// start asks for a whole pass now.
func (s *scrubber) start() {
	select {
	case s.now <- struct{}{}:
	default: // asked for already
	}
}

func (s *scrubber) wire() api.Scrub {
	p := s.progress()
	out := api.Scrub{Running: p.running, Done: p.part(), Checked: p.Checked}
	if p.Finished != 0 {
		t := time.UnixMilli(p.Finished).UTC()
		out.Finished = &t
	}
	return out
}
