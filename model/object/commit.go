package object

import (
	"context"
	"errors"

	"rhizome/base/errs"
	"rhizome/cluster/register"
)

// commit makes the draft the version of its row, if may allows it in view of the
// version that is there (nil: none). This is the one commit point of every operation
// that writes an object or a part.
//
// It is of a bucket in the given state of versioning; a part is of none.
func (s *Store) commit(ctx context.Context, d *draft, epoch uint64, keep Versioning, may func(*version) error) error {
	v, err := s.Registers.Update(ctx, d.row, register.Change{
		Ballot: d.ballot,
		Epoch:  epoch,
		Raise:  func(ctx context.Context, b register.Ballot) error { return s.raise(ctx, d, b) },
		Apply: func(old *register.Value) (*register.Value, error) {
			e, err := takeApart(old)
			if err != nil {
				return nil, err
			}
			if err := allowed(&e.slot, may); err != nil {
				return nil, err
			}
			if keep == VersioningSuspended {
				if err := s.freeNull(e); err != nil {
					return nil, err
				}
			}
			if keep != VersioningOff {
				e.supersede(d.version, d.blob, keep)
				if err := e.record(d.tell, e.Version); err != nil {
					return nil, err
				}
				return e.value()
			}
			if e.Past != nil {
				return nil, register.ErrFenced // the bucket has versioning by now
			}
			if err := s.free(e.Version, false); err != nil {
				return nil, err
			}
			e.Drops = append(e.Drops[:len(e.Drops):len(e.Drops)], e.Version.drop()...)
			e.Version, e.blob = &d.version, d.blob
			if err := e.record(d.tell, e.Version); err != nil {
				return nil, err
			}
			return e.value()
		},
	})
	d.ballot = register.Ballot{} // spent; another attempt raises the references
	if err != nil {
		return err
	}
	s.settle(d)
	if v.Pending {
		s.enqueue(d.row)
	}
	if keep == VersioningOff {
		return nil
	}
	sl, err := decodeRow[slot](v) // what this change wrote, whatever came after it
	if err == nil {
		d.version = *sl.Version
	}
	return err
}

// allowed asks may about the current version. A row that does not say which that is will do
// for a change to which it does not matter.
func allowed(sl *slot, may func(*version) error) error {
	v, err := sl.current()
	if err != nil && may(nil) == nil && may(&version{}) == nil {
		return nil
	}
	if err != nil {
		return err
	}
	return may(v)
}

// roomy does what writes an object's row again when follow-up work of that row was in its
// way.
func (s *Store) roomy(ctx context.Context, row register.Row, op func() error) (err error) {
	for range 8 {
		err = op()
		switch {
		case errors.Is(err, errGap):
			err = s.keep(ctx, row)
		case errors.Is(err, errCrowded):
			var some bool
			if some, err = s.flush(ctx, row); err == nil && !some {
				err = s.makeRoom(ctx, row)
			}
		default:
			return err
		}
		if err != nil {
			return err
		}
	}
	return errCrowded
}

// raise names a higher ballot in everything the draft references.
func (s *Store) raise(ctx context.Context, d *draft, b register.Ballot) error {
	for _, id := range d.version.Extents {
		if err := s.Extents.RaiseRef(ctx, id, d.version.ID, b); err != nil {
			return err
		}
	}
	if d.holder == nil {
		return nil
	}
	return s.raiseHolder(ctx, *d.holder, d.version.ID, b)
}

// settle says that the draft's references are in use, so that no collector needs to
// look.
func (s *Store) settle(d *draft) {
	if d.shared {
		// Another's reference may be in doubt: the collector looks at them all.
		s.Extents.Release(d.version.Extents...)
	} else {
		s.Extents.Settle(d.version.ID, d.version.Extents...)
	}
	if d.holder != nil {
		s.enqueue(*d.holder)
	}
}

// release drops the references of a draft that certainly was not committed. It tries
// once: what it leaves, a collector finds.
func (s *Store) release(ctx context.Context, d *draft) {
	ctx = context.WithoutCancel(ctx)
	for _, id := range d.version.Extents {
		if err := s.Extents.DropRef(ctx, id, d.version.ID); err != nil {
			s.Logger.Debug("a reference is left to the collector", "extent", id, "error", err)
		}
	}
	s.Extents.Release(d.version.Extents...)
	if d.holder == nil {
		return
	}
	if err := s.dropHolder(ctx, *d.holder, d.version.ID, false); err != nil {
		s.Logger.Debug("a reference is left to the collector", "row", d.holder.Sort, "error", err)
	}
}

// end gives a draft's references back, or leaves them to the collector when it is
// unknown whether the draft was committed.
func (s *Store) end(ctx context.Context, d *draft, err error) {
	if refused(err) {
		s.release(ctx, d)
		return
	}
	s.Extents.Release(d.version.Extents...)
}

// refused reports whether err says for certain that an update did not happen.
func refused(err error) bool {
	switch errs.KindOf(err) {
	case errs.Unavailable, errs.Internal:
		return false
	}
	return true
}

// isFenced reports whether a write was refused because it carried an old epoch.
func isFenced(err error) bool { return errors.Is(err, register.ErrFenced) }
