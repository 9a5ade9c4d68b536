package object

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/register"
)

// cleaners is how many rows' pending work is done side by side.
const cleaners = 4

// enqueue asks for a row's pending work to be done soon. When the queue is full the
// work list remembers.
func (s *Store) enqueue(row register.Row) {
	select {
	case s.work <- row:
	default:
	}
}

// Run does the clean-up until ctx ends: pending work as it comes, what crashes left
// behind at the start and then whenever it is old enough, abandoned uploads when they are. It
// touches the disk only while there is work, and once a day to look for uploads.
//
// On the only node of a rhizome what the work lists name at the start is old enough: who
// worked on it ended with the process before, and what this process works on it holds.
func (s *Store) Run(ctx context.Context) error {
	var workers sync.WaitGroup
	defer workers.Wait()
	for range cleaners {
		workers.Go(func() { s.clean(ctx) })
	}
	tick := time.NewTicker(s.Ages.Orphan)
	defer tick.Stop()
	if s.Extents.Alone() {
		s.report("pending work", s.CleanUp(ctx)) // is seen, and ripe below
	}
	var swept, due time.Time
	for {
		now := s.Clock.Now()
		if s.sure() && (swept.IsZero() || time.Since(swept) >= s.Ages.sweep() || !due.IsZero() && !now.Before(due)) { // stopwatch
			var err error
			swept = time.Now() // stopwatch
			due, err = s.abortAbandoned(ctx)
			s.report("abandoned uploads", err)
		}
		s.report("pending work", s.CleanUp(ctx))
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (s *Store) report(what string, err error) {
	if err != nil && !errors.Is(err, context.Canceled) {
		s.Logger.Warn("clean-up will be tried again", "what", what, "error", err)
	}
}

// clean does queued work until ctx ends.
func (s *Store) clean(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case row := <-s.work:
			s.report("pending work", s.finish(ctx, row))
		}
	}
}

// CleanUp looks once at everything on the work lists.
func (s *Store) CleanUp(ctx context.Context) error {
	var failed error
	for _, t := range []register.Table{Objects, Parts, Uploads, Buckets, Aliases} {
		failed = errors.Join(failed, s.cleanTable(ctx, t))
	}
	s.nextRound()
	_, _, err := s.Extents.CollectPending(ctx, uses)
	return errors.Join(failed, err)
}

func (s *Store) cleanTable(ctx context.Context, t register.Table) error {
	var after *register.Row
	var failed error
	for {
		rows, err := s.Local.Pending(ctx, t, after, 256)
		if err != nil || len(rows) == 0 {
			return errors.Join(failed, err)
		}
		for _, row := range rows {
			if !s.turn(row) {
				continue
			}
			if err := s.finish(ctx, row); err != nil {
				failed = err
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		after = &rows[len(rows)-1]
	}
}

// finish does what is pending in one row. It may run anywhere, any number of times.
func (s *Store) finish(ctx context.Context, row register.Row) error {
	switch row.Table {
	case Objects, Parts:
		return s.finishSlot(ctx, row)
	case Uploads:
		return s.finishUpload(ctx, row)
	case Buckets:
		return s.finishBucket(ctx, row)
	case Aliases:
		return s.finishAlias(ctx, row)
	}
	return nil
}

// finishSlot brings events into the outbox and drops what replaced versions referenced, but
// for what is being read here: the next round comes back for that.
func (s *Store) finishSlot(ctx context.Context, row register.Row) error {
	v, _, err := s.Registers.Read(ctx, row)
	if err != nil {
		return err
	}
	sl, err := decodeRow[slot](v)
	if err != nil || v == nil {
		return err
	}
	done := map[ident.ID]bool{}
	failed := s.post(ctx, row, sl.Events, done)
	if err := s.pins.looked(ctx, row); err != nil {
		return err
	}
	for _, d := range sl.Drops {
		if s.pins.pinned(d.Version) {
			continue
		}
		if err := s.dropAll(ctx, d); err != nil {
			failed = err // the others need not wait for it
			continue
		}
		done[d.Version] = true
	}
	if len(done) > 0 {
		failed = errors.Join(failed, s.strikeOut(ctx, row, done))
	}
	if sl.Past.pending() {
		failed = errors.Join(failed, s.keep(ctx, row))
	}
	return failed
}

// dropAll drops one version's references.
func (s *Store) dropAll(ctx context.Context, d drop) error {
	for _, id := range d.Extents {
		if err := s.Extents.DropRef(ctx, id, d.Version); err != nil {
			return err
		}
	}
	if d.Holder == nil {
		return nil
	}
	return s.dropHolder(ctx, d.Holder.row(), d.Version, true)
}

// strikeOut removes finished work from a row, by the IDs of versions and events, and the row
// if nothing else is left.
func (s *Store) strikeOut(ctx context.Context, row register.Row, done map[ident.ID]bool) error {
	_, err := s.Registers.Update(ctx, row, register.Change{Epoch: anyEpoch, Apply: func(old *register.Value) (*register.Value, error) {
		if old == nil {
			return nil, errNothing
		}
		sl, err := decodeRow[slot](old)
		if err != nil {
			return nil, err
		}
		next := &slot{Version: sl.Version, Past: sl.Past, Order: sl.Order}
		for _, ev := range sl.Events {
			if !done[ev.ID] {
				next.Events = append(next.Events, ev)
			}
		}
		for _, d := range sl.Drops {
			if !done[d.Version] {
				next.Drops = append(next.Drops, d)
			}
		}
		if len(next.Drops) == len(sl.Drops) && len(next.Events) == len(sl.Events) {
			return nil, errNothing
		}
		v := next.value(old.Blob)
		if v != nil {
			v.Blob = old.Blob // with those of the notes
		}
		return v, nil
	}})
	if errors.Is(err, errNothing) {
		return nil
	}
	return err
}

// uploadSteps bounds the steps that one round makes of an upload: its reference is
// confirmed or dropped, parts that were left out go, it is settled; and one to spare for
// what another node changes meanwhile.
const uploadSteps = 4

// finishUpload removes the parts of an upload that was aborted or whose last version
// is gone, or those that completing left out, and decides about doubtful references. Each
// step makes way for the next, which waits for no other round.
func (s *Store) finishUpload(ctx context.Context, row register.Row) error {
	for range uploadSteps {
		more, err := s.stepUpload(ctx, row)
		if err != nil || !more {
			return err
		}
	}
	return nil
}

// stepUpload does the next thing that is to be done about an upload, and reports whether
// there may be another.
func (s *Store) stepUpload(ctx context.Context, row register.Row) (more bool, err error) {
	_, r, err := s.uploadAt(ctx, row)
	if errors.Is(err, ErrNoSuchUpload) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	switch {
	case r.State == uploadDropped:
		return s.removeUpload(ctx, row, r)
	case r.State == uploadDone && len(r.Kept) > 0:
		return true, s.removeUnused(ctx, row, r)
	}
	return s.settleUpload(ctx, row, s.ripe(row))
}

func (s *Store) removeUpload(ctx context.Context, row register.Row, r *uploadRecord) (more bool, err error) {
	// A part that is being uploaded must not appear behind our back.
	parts, err := s.allParts(ctx, r.ID, register.EpochFinal)
	var open *register.UnsettledError
	if errors.As(err, &open) { // one that did not get to a majority in time: it goes too
		return true, s.emptySlot(ctx, open.Row)
	}
	if err != nil {
		return false, err
	}
	for _, n := range slices.Sorted(maps.Keys(parts)) {
		if err := s.emptySlot(ctx, partRow(r.ID, n)); err != nil {
			return false, err
		}
	}
	_, err = s.Registers.Update(ctx, row, register.Change{Epoch: anyEpoch, Apply: func(*register.Value) (*register.Value, error) {
		return nil, nil
	}})
	return false, err
}

func (s *Store) removeUnused(ctx context.Context, row register.Row, r *uploadRecord) error {
	parts, err := s.allParts(ctx, r.ID, r.Epoch)
	if err != nil {
		return err
	}
	for _, n := range slices.Sorted(maps.Keys(parts)) {
		if r.Kept.has(n) {
			continue
		}
		if err := s.emptySlot(ctx, partRow(r.ID, n)); err != nil {
			return err
		}
	}
	_, err = s.changeUpload(ctx, row, func(r *uploadRecord) error {
		r.Kept = nil
		return nil
	})
	return ignoreGone(err)
}

// emptySlot empties an object's or a part's row and drops what it referenced.
func (s *Store) emptySlot(ctx context.Context, row register.Row) error {
	_, err := s.Registers.Update(ctx, row, register.Change{Epoch: anyEpoch, Apply: func(old *register.Value) (*register.Value, error) {
		sl, err := decodeRow[slot](old)
		if err != nil {
			return nil, err
		}
		next := &slot{Drops: append(sl.Drops[:len(sl.Drops):len(sl.Drops)], sl.Version.drop()...), Events: sl.Events, Order: sl.Order}
		for _, n := range sl.Past.notes() {
			next.Drops = append(next.Drops, append(n.Version.drop(), n.Drops...)...)
		}
		return next.value(nil), nil
	}})
	if err != nil {
		return err
	}
	return s.finishSlot(ctx, row)
}

// errUnsure ends what deletes by the time while nobody is sure of that.
var errUnsure = errs.New(errs.Unavailable, "the clocks of the nodes do not agree")

// sure reports whether the time may decide that something goes.
func (s *Store) sure() bool { return s.Agreed == nil || s.Agreed() }

// AbortAbandoned aborts uploads that were begun too long ago. One that cannot be read
// or aborted does not stop it: the first such error is returned at the end. While the time
// is in doubt it aborts none, errs.Unavailable.
func (s *Store) AbortAbandoned(ctx context.Context) error {
	_, err := s.abortAbandoned(ctx)
	return err
}

// abortAbandoned is AbortAbandoned; due is when the next of the uploads that are there is
// abandoned, zero if there is none.
func (s *Store) abortAbandoned(ctx context.Context) (due time.Time, _ error) {
	if s.Ages.Upload < 0 {
		return due, nil
	}
	var first error
	err := s.Local.Rows(ctx, Uploads, func(row register.Row, v *register.Value) error {
		if !s.sure() {
			return errUnsure
		}
		r, err := decodeRow[uploadRecord](v)
		switch {
		case err != nil || r.State != uploadOpen:
		case r.Started < s.now()-s.Ages.Upload.Milliseconds():
			err = s.abortAt(ctx, row)
		default:
			if at := time.UnixMilli(r.Started + 1).Add(s.Ages.Upload); due.IsZero() || at.Before(due) {
				due = at
			}
		}
		if errs.KindOf(err) == errs.NotFound {
			err = nil
		}
		if first == nil {
			first = err
		}
		return ctx.Err()
	})
	if err == nil {
		err = first
	}
	return due, err
}
