package extent

import (
	"context"
	"errors"
	"time"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/register"
)

// undoTime bounds the clean-up after a failed write, which must not wait for ever.
const undoTime = 10 * time.Second

// errNothing ends an update that has nothing to change.
var errNothing = errors.New("nothing to change")

// change applies f to the extent's row. f gets nil for an absent row and may refuse;
// errNothing is success.
func (s *Store) change(ctx context.Context, id ident.ID, f func(*rowRecord) (*register.Value, error)) error {
	v, err := s.regs.Update(ctx, Row(id), register.Change{Apply: func(old *register.Value) (*register.Value, error) {
		r, err := edit(old)
		if err != nil {
			return nil, err
		}
		return f(r)
	}})
	if errors.Is(err, errNothing) {
		return nil
	}
	if err == nil {
		s.left(id, v)
	}
	return err
}

func gone(id ident.ID) error {
	return errs.Newf(errs.NotFound, "extent %s is gone: nothing refers to it any more", id)
}

// AddRef adds a reference, before the commit of the row it names; the caller calls
// Settle or Release afterwards. errs.NotFound if the extent's last reference is gone,
// errs.TooLarge if it has too many: then the bytes are copied instead. Adding one
// that is there already changes nothing.
func (s *Store) AddRef(ctx context.Context, id ident.ID, ref Ref) error {
	s.hold(id)
	again := false
	err := s.change(ctx, id, func(r *rowRecord) (*register.Value, error) {
		if r == nil {
			return nil, gone(id)
		}
		if again = r.find(ref.ID) >= 0; again {
			return nil, errNothing
		}
		r.Refs = append(r.Refs, record(ref))
		v := r.value(true)
		if len(v.Data) > maxRow {
			return nil, errs.Newf(errs.TooLarge, "extent %s has %d references, which is as many as fit", id, len(r.Refs)-1)
		}
		return v, nil
	})
	if err != nil || again {
		s.Release(id) // one hold per reference
	}
	return err
}

// RaiseRef lets the reference's writer Accept its row up to a higher ballot.
// errs.Conflict if the reference is dying or gone: the writer must give up.
func (s *Store) RaiseRef(ctx context.Context, id, refID ident.ID, ballot register.Ballot) error {
	return s.change(ctx, id, func(r *rowRecord) (*register.Value, error) {
		if r == nil || r.find(refID) < 0 || r.Refs[r.find(refID)].Dying {
			return nil, errs.Newf(errs.Conflict, "the reference to extent %s was given up meanwhile", id)
		}
		ref := &r.Refs[r.find(refID)]
		if !ref.Ballot.Less(ballot) {
			return nil, errNothing
		}
		ref.Ballot = ballot
		return r.value(true), nil
	})
}

// DropRef removes a reference; one that is gone stays gone. With the last one the
// extent's row becomes a tombstone, which is final, and the bytes are deleted. Only
// the effect of a chosen value may drop: a row that no longer uses the extent.
func (s *Store) DropRef(ctx context.Context, id, refID ident.ID) error {
	return s.drop(ctx, id, refID, func(Ref) bool { return true })
}

func (s *Store) drop(ctx context.Context, id, refID ident.ID, may func(Ref) bool) error {
	empty := false
	err := s.change(ctx, id, func(r *rowRecord) (*register.Value, error) {
		empty = r == nil
		if r == nil || r.find(refID) < 0 || !may(r.Refs[r.find(refID)].ref()) {
			return nil, errNothing
		}
		i := r.find(refID)
		r.Refs = append(r.Refs[:i], r.Refs[i+1:]...)
		if empty = len(r.Refs) == 0; empty {
			return nil, nil
		}
		return r.value(true), nil // one that is left may be of a writer that died
	})
	if err != nil || !empty {
		return err
	}
	return s.deleteBytes(ctx, id)
}

// deleteBytes removes this node's bytes of an extent whose row is a chosen tombstone, or
// that others keep. Other holders hear of the tombstone by their rows.
func (s *Store) deleteBytes(ctx context.Context, id ident.ID) error {
	if s.disks == nil {
		return nil
	}
	if err := s.disks.Delete(ctx, id); err != nil && !errors.Is(err, errs.NotFound) {
		return err
	}
	return nil
}

// MarkDying is a collector's first step: from now on nobody raises the reference. It
// returns the reference with the ballot that it names in that very update;
// errs.NotFound if it is gone.
func (s *Store) MarkDying(ctx context.Context, id, refID ident.ID) (Ref, error) {
	var ref Ref
	err := s.change(ctx, id, func(r *rowRecord) (*register.Value, error) {
		if r == nil || r.find(refID) < 0 {
			return nil, gone(id)
		}
		rec := &r.Refs[r.find(refID)]
		rec.Dying = true
		ref = rec.ref()
		return r.value(true), nil
	})
	return ref, err
}

// Revive is a collector's last step for a reference that its row uses.
func (s *Store) Revive(ctx context.Context, id, refID ident.ID) error {
	return s.change(ctx, id, func(r *rowRecord) (*register.Value, error) {
		if r == nil || r.find(refID) < 0 || !r.Refs[r.find(refID)].Dying {
			return nil, errNothing
		}
		r.Refs[r.find(refID)].Dying = false
		return r.value(true), nil
	})
}

// MoveRef has a reference name another row, which uses the extent under it by now, as the
// one that it named does until this returns. One that is gone stays gone.
func (s *Store) MoveRef(ctx context.Context, id ident.ID, to Ref) error {
	return s.change(ctx, id, func(r *rowRecord) (*register.Value, error) {
		if r == nil || r.find(to.ID) < 0 {
			return nil, errNothing
		}
		rec := &r.Refs[r.find(to.ID)]
		old := rec.ref()
		if old.Row == to.Row && !old.Dying && !old.Ballot.Less(to.Ballot) {
			return nil, errNothing
		}
		if old.Row == to.Row {
			to.Ballot = to.Ballot.Max(old.Ballot)
		}
		*rec = record(to) // a collector that had marked it finds that it moved
		return r.value(true), nil
	})
}

// dropDying is a collector's last step for a reference that its row does not use: it drops
// it if it is still as it was marked.
func (s *Store) dropDying(ctx context.Context, id ident.ID, ref Ref) error {
	return s.drop(ctx, id, ref.ID, func(r Ref) bool { return r.Dying && r.Row == ref.Row })
}
