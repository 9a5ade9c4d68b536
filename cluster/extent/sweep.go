package extent

import (
	"context"
	"errors"
	"sync"
	"time"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/register"
	"rhizome/disk/extentstore"
	"rhizome/net/rpc"
)

// SweepReport says what a sweep found.
type SweepReport struct {
	Extents int   // bytes looked at
	Deleted int   // bytes without a row, removed
	Freed   int64 // what they occupied
	Lost    int   // rows without bytes, of which there is no other holder
	Queued  int   // extents that Mend will look at
	Failed  int   // extents that nothing could be said about; they stay
}

// Sweep compares rows and bytes in both directions; it is run when the store opens and
// daily, and by Mend when the layout changed.
//
// Where this node is the only holder it acts at once: bytes without a row are deleted,
// but for those of this node's writers at work and those on a disk that was away when
// the rows were made anew; another node's writer, if one there is, then fails. lost is
// called for each live row whose bytes are not here. All else is queued for Mend, which
// asks the other holders before it does anything.
//
// An extent whose row cannot be read does not stop it: the first such error is returned
// at the end.
func (s *Store) Sweep(ctx context.Context, lost func(ident.ID)) (SweepReport, error) {
	ctx = rpc.Behind(ctx)
	w := sweeper{s: s, lost: lost}
	if s.disks == nil {
		return w.rep, nil
	}
	err := s.disks.Each(ctx, func(i extentstore.Info) error {
		w.rep.Extents++
		if s.alone(i.ID) {
			return w.passOver(ctx, s.sweepBytes(ctx, i, &w.rep))
		}
		if w.page = append(w.page, i); len(w.page) < sweepBatch {
			return nil
		}
		return w.compare(ctx)
	})
	if err == nil {
		err = w.compare(ctx)
	}
	if err == nil && s.local != nil {
		err = s.local.Rows(ctx, Extents, func(row register.Row, v *register.Value) error {
			return w.row(ctx, row, v)
		})
	}
	if err == nil {
		err = w.first
	}
	return w.rep, err
}

// sweepBatch is how many rows are read side by side.
const sweepBatch = 128

// sweeper is one sweep.
type sweeper struct {
	s     *Store
	lost  func(ident.ID)
	rep   SweepReport
	page  []extentstore.Info // whose rows are still to be read
	first error
}

// passOver counts an extent about which nothing could be said.
func (w *sweeper) passOver(ctx context.Context, err error) error {
	if err == nil || ctx.Err() != nil {
		return err
	}
	if w.rep.Failed == 0 {
		w.first = err
	}
	w.rep.Failed++
	return nil
}

// compare reads the rows of a page of bytes that others hold too, or alone, and queues
// what does not agree.
func (w *sweeper) compare(ctx context.Context) error {
	page := w.page
	w.page = w.page[:0]
	if len(page) == 0 {
		return nil
	}
	rows := make([]register.Row, len(page))
	for i := range page {
		rows[i] = Row(page[i].ID)
	}
	values, _, failed := w.s.readEach(ctx, rows)
	for i, info := range page {
		if failed[i] != nil {
			if err := w.passOver(ctx, failed[i]); err != nil {
				return err
			}
			continue
		}
		if why, after := w.s.disagree(info, values[i]); why != 0 {
			w.s.mend.add(info.ID, why, info.Data, after)
			w.rep.Queued++
		}
	}
	return nil
}

// readEach reads rows side by side; one that cannot be read keeps none of the others.
func (s *Store) readEach(ctx context.Context, rows []register.Row) ([]*register.Value, []register.Ballot, []error) {
	values, ballots, failed := make([]*register.Value, len(rows)), make([]register.Ballot, len(rows)), make([]error, len(rows))
	var all sync.WaitGroup
	for i, row := range rows {
		all.Go(func() { values[i], ballots[i], failed[i] = s.regs.Read(ctx, row) })
	}
	all.Wait()
	return values, ballots, failed
}

// disagree says what is wrong with bytes here that others hold too, or alone; zero:
// nothing.
func (s *Store) disagree(i extentstore.Info, v *register.Value) (why Reason, after time.Duration) {
	if v == nil {
		if s.doubtful() {
			return 0, 0
		}
		return Unused, s.mend.orphan // the row may be on its way
	}
	r, err := decodeRow(v)
	switch {
	case err != nil:
		return 0, 0
	case !s.mine(i.ID):
		return Moved, 0
	case !r.fits(i):
		return Damaged, 0
	}
	return 0, 0
}

// row looks whether the bytes of a row are here.
func (w *sweeper) row(ctx context.Context, row register.Row, v *register.Value) error {
	id, err := ident.FromKey(row.Part)
	if err != nil || !w.s.mine(id) {
		return nil
	}
	if w.s.alone(id) {
		isLost, err := w.s.bytesLost(ctx, row)
		if isLost {
			w.rep.Lost++
			w.lost(id)
		}
		return w.passOver(ctx, err)
	}
	if _, err := w.s.disks.Info(ctx, id); errors.Is(err, errs.NotFound) && !w.s.held(id) {
		w.s.mend.add(id, Missing, v.Bytes, 0)
		w.rep.Queued++
	}
	return nil
}

// bytesLost reports whether an extent's row is alive and its bytes are not here.
func (s *Store) bytesLost(ctx context.Context, row register.Row) (bool, error) {
	id, err := ident.FromKey(row.Part)
	if err != nil || s.held(id) {
		return false, nil
	}
	if _, err := s.disks.Info(ctx, id); !errors.Is(err, errs.NotFound) {
		return false, nil
	}
	v, _, err := s.regs.Read(ctx, row)
	return err == nil && v != nil && !s.held(id), err
}

func (s *Store) sweepBytes(ctx context.Context, i extentstore.Info, rep *SweepReport) error {
	if s.held(i.ID) {
		return nil
	}
	if may, err := s.disks.Uncompared(i.ID); err != nil || may || s.doubtful() {
		return err
	}
	v, _, err := s.regs.Read(ctx, Row(i.ID))
	// A writer that began since Each saw the bytes holds them from before the first.
	if err != nil || v != nil || s.held(i.ID) {
		return err
	}
	if err = s.forgo(ctx, i.ID); err != nil {
		return err
	}
	if _, err := s.disks.Info(ctx, i.ID); errors.Is(err, errs.NotFound) {
		rep.Deleted++
		rep.Freed += i.Stored
	}
	return nil
}
