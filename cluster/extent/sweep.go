package extent

import (
	"context"
	"errors"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/register"
	"rhizome/disk/extentstore"
)

// SweepReport says what a sweep found.
type SweepReport struct {
	Extents int   // bytes looked at
	Deleted int   // bytes without a row, removed
	Freed   int64 // what they occupied
	Lost    int   // rows without bytes
	Failed  int   // extents that nothing could be said about; they stay
}

// Sweep compares rows and bytes in both directions. Bytes without a row are deleted,
// but for those of this node's writers at work and those on a disk that was away when
// the rows were made anew; another node's writer, if one there
// is, then fails. lost is called for each live row whose bytes are not here. An extent
// whose row cannot be read does not stop it: the first such error is returned at the
// end. It is run when the store opens and daily.
func (s *Store) Sweep(ctx context.Context, lost func(ident.ID)) (rep SweepReport, err error) {
	var first error
	passOver := func(err error) error {
		if err == nil || ctx.Err() != nil {
			return err
		}
		if rep.Failed++; rep.Failed == 1 {
			first = err
		}
		return nil
	}
	err = s.disks.Each(ctx, func(i extentstore.Info) error {
		rep.Extents++
		return passOver(s.sweepBytes(ctx, i, &rep))
	})
	if err != nil {
		return rep, err
	}
	err = s.local.Rows(ctx, Extents, func(row register.Row, _ *register.Value) error {
		isLost, err := s.bytesLost(ctx, row)
		if isLost {
			rep.Lost++
			lost(ident.ID([]byte(row.Part)))
		}
		return passOver(err)
	})
	if err == nil {
		err = first
	}
	return rep, err
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
	if may, err := s.disks.Uncompared(i.ID); err != nil || may {
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

// Status says where an extent stands.
type Status struct {
	Length, Stored int64
	Refs           []Ref
	Place          extentstore.Info
	// Damaged lists the numbers of frames that are not what was written; -1 stands for
	// what the extent says about itself. Missing: there are no bytes.
	Damaged []int
	Missing bool
}

// Stat looks at an extent's row and at every byte it has on disk. errs.NotFound if
// nothing refers to it.
func (s *Store) Stat(ctx context.Context, id ident.ID) (Status, error) {
	v, _, err := s.regs.Read(ctx, Row(id))
	if err != nil {
		return Status{}, err
	}
	if v == nil {
		return Status{}, gone(id)
	}
	r, err := decodeRow(v)
	if err != nil {
		return Status{}, err
	}
	st := Status{Length: r.Length, Stored: r.Stored}
	for i := range r.Refs {
		st.Refs = append(st.Refs, r.Refs[i].ref())
	}
	st.Place, err = s.disks.Info(ctx, id)
	if err == nil {
		st.Damaged, err = s.disks.Verify(ctx, id)
	}
	if kind := errs.KindOf(err); err != nil && (kind == errs.NotFound || kind == errs.Corrupt) {
		st.Missing, err = true, nil
	}
	return st, err
}
