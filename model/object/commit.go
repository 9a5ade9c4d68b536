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
func (s *Store) commit(ctx context.Context, d *draft, epoch uint64, may func(*version) error) error {
	var pending bool
	_, err := s.Registers.Update(ctx, d.row, register.Change{
		Ballot: d.ballot,
		Epoch:  epoch,
		Raise:  func(ctx context.Context, b register.Ballot) error { return s.raise(ctx, d, b) },
		Apply: func(old *register.Value) (*register.Value, error) {
			sl, err := decodeRow[slot](old)
			if err != nil {
				return nil, err
			}
			if err := may(sl.Version); err != nil {
				return nil, err
			}
			next := &slot{Version: &d.version, Drops: append(sl.Drops[:len(sl.Drops):len(sl.Drops)], sl.Version.drop()...)}
			pending = len(next.Drops) > 0
			return next.value(d.blob), nil
		},
	})
	d.ballot = register.Ballot{} // spent; another attempt raises the references
	if err != nil {
		return err
	}
	s.settle(d)
	if pending {
		s.enqueue(d.row)
	}
	return nil
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
