package object

import (
	"context"
	"errors"
	"slices"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/extent"
	"rhizome/cluster/register"
)

// An upload that was completed is a holder like an extent: it lives while a version
// references it. The references are an extent.Set and follow the same rule.

// changeRef rewrites one reference of an upload.
func (s *Store) changeRef(ctx context.Context, row register.Row, id ident.ID, f func(*held) error) error {
	_, err := s.changeUpload(ctx, row, func(r *uploadRecord) error {
		i := r.find(id)
		if i < 0 {
			return errs.New(errs.Conflict, "the reference is gone")
		}
		return f(&r.Refs[i])
	})
	return err
}

func (r *uploadRecord) find(id ident.ID) int {
	return slices.IndexFunc(r.Refs, func(x held) bool { return x.ID == id })
}

// raiseHolder lets a reference's writer Accept up to a higher ballot.
func (s *Store) raiseHolder(ctx context.Context, row register.Row, id ident.ID, b register.Ballot) error {
	return s.changeRef(ctx, row, id, func(r *held) error {
		if r.Dying {
			return errs.New(errs.Conflict, "the reference was given up meanwhile")
		}
		r.Ballot = r.Ballot.Max(b)
		return nil
	})
}

// addHolder adds a copy's reference to a completed upload.
func (s *Store) addHolder(ctx context.Context, row register.Row, ref extent.Ref) error {
	_, err := s.changeUpload(ctx, row, func(r *uploadRecord) error {
		if r.State != uploadDone || len(r.Refs) == 0 {
			return errs.New(errs.NotFound, "the source is gone")
		}
		if len(r.Refs) >= maxHolderRefs {
			return errs.New(errs.TooLarge, "the source has too many copies by reference")
		}
		r.Refs = append(r.Refs, holds(ref))
		return nil
	})
	return err
}

// maxHolderRefs keeps an upload's row below what a register may hold.
const maxHolderRefs = 128

// dropHolder drops a reference of an upload. Without one left, an upload whose
// completing came to nothing is open again, and a completed one is removed by the
// pending work of its row. committed says that the version stood once, which a
// completing upload may not know yet.
func (s *Store) dropHolder(ctx context.Context, row register.Row, id ident.ID, committed bool) error {
	return s.dropHeld(ctx, row, id, committed, func(extent.Ref) bool { return true })
}

func (s *Store) dropHeld(ctx context.Context, row register.Row, id ident.ID, committed bool, may func(extent.Ref) bool) error {
	_, err := s.changeUpload(ctx, row, func(r *uploadRecord) error {
		i := r.find(id)
		if i < 0 || !may(r.Refs[i].ref()) {
			return errNothing
		}
		r.Refs = slices.Delete(r.Refs, i, i+1)
		switch {
		case len(r.Refs) > 0:
		case r.State == uploadCompleting && !committed:
			r.State, r.Kept = uploadOpen, nil
		default:
			r.State = uploadDropped
		}
		return nil
	})
	if errors.Is(err, ErrNoSuchUpload) || errors.Is(err, errNothing) {
		return nil
	}
	if err == nil {
		s.enqueue(row)
	}
	return err
}

// confirm notes that a version uses the upload; that ends completing.
func (r *uploadRecord) confirm(id ident.ID) error {
	i := r.find(id)
	if i < 0 {
		return errs.New(errs.Conflict, "the reference is gone")
	}
	r.Refs[i].Dying = false
	if r.State == uploadCompleting {
		r.State, r.Done = uploadDone, id
	}
	return nil
}

// settleUpload decides about every reference of an upload whose writer may be dead,
// as package extent's doc comment describes, and reports whether there was one. Of an
// upload that is not ripe it only notes that nothing is in doubt and nothing left to be
// removed, if so.
func (s *Store) settleUpload(ctx context.Context, row register.Row, ripe bool) (decided bool, err error) {
	v, r, err := s.uploadAt(ctx, row)
	if err != nil {
		return false, err
	}
	doubt := r.State == uploadCompleting || len(r.Kept) > 0
	for i := range r.Refs {
		ref := r.Refs[i].ref()
		used, err := s.inUse(ctx, ref)
		if err != nil {
			return decided, err
		}
		if used && !ref.Dying && r.State != uploadCompleting {
			continue
		}
		doubt = true
		if !ripe {
			continue
		}
		if err := s.settleRef(ctx, row, ref.ID); err != nil {
			return decided, err
		}
		decided = true
	}
	if !doubt {
		s.Registers.Settle(row, v)
	}
	return decided, nil
}

// inUse reports whether a reference's row uses it now.
func (s *Store) inUse(ctx context.Context, ref extent.Ref) (bool, error) {
	v, _, err := s.Registers.Read(ctx, ref.Row)
	if isFenced(err) {
		return false, nil // closed for ever
	}
	return err == nil && uses(ref.Row, v, ref, ident.ID{}), err
}

func (s *Store) settleRef(ctx context.Context, row register.Row, id ident.ID) error {
	var ref extent.Ref
	err := s.changeRef(ctx, row, id, func(r *held) error {
		r.Dying = true
		ref = r.ref()
		return nil
	})
	if err != nil {
		return ignoreGone(err)
	}
	v, err := s.Registers.Update(ctx, ref.Row, register.Change{
		Above: ref.Ballot, AbsentToo: true, Epoch: register.EpochSettle,
		Apply: func(old *register.Value) (*register.Value, error) { return old, nil },
	})
	if err != nil && !isFenced(err) {
		return err // where it is closed for ever, nothing uses anything
	}
	if !uses(ref.Row, v, ref, ident.ID{}) {
		return s.dropHeld(ctx, row, id, false, func(r extent.Ref) bool { return r.Dying && r.Row == ref.Row })
	}
	_, err = s.changeUpload(ctx, row, func(r *uploadRecord) error { return r.confirm(id) })
	return ignoreGone(err)
}

// ignoreGone passes over what another collector did already.
func ignoreGone(err error) error {
	if errs.KindOf(err) == errs.Conflict || errs.KindOf(err) == errs.NotFound {
		return nil
	}
	return err
}

// uses is an extent.Uses: it reports whether a row's value references what ref is a
// reference of. On a row that references nothing, or cannot be read, it says yes:
// nothing is dropped on doubt.
func uses(row register.Row, v *register.Value, ref extent.Ref, _ ident.ID) bool {
	if v == nil {
		return false
	}
	if row.Table != Objects && row.Table != Versions && row.Table != Parts {
		return true
	}
	sl, err := decodeRow[slot](v)
	return err != nil || sl.Version != nil && sl.Version.ID == ref.ID || sl.drops(ref.ID) || sl.Past.writes(ref.ID)
}

// writes reports whether a version that has no row of its own yet is to get one.
func (p *past) writes(id ident.ID) bool {
	return p != nil && slices.ContainsFunc(p.Notes, func(n note) bool {
		return n.Version != nil && n.Version.ID == id || slices.ContainsFunc(n.Drops, func(d drop) bool { return d.Version == id })
	})
}

func (s *slot) drops(id ident.ID) bool {
	return slices.ContainsFunc(s.Drops, func(d drop) bool { return d.Version == id })
}
