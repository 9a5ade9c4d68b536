package object

import (
	"context"
	"errors"

	"rhizome/cluster/register"
)

// errNothing ends an update that has nothing to do.
var errNothing = errors.New("nothing to do")

// Deleted says what a Delete did.
type Deleted struct {
	// VersionID is that of the version that was deleted, or of the delete marker that was
	// made; empty if there is none, as in a bucket that never had versioning.
	VersionID string
	// Marker says that it is a delete marker.
	Marker bool
}

// Delete implements Service.
func (s *Store) Delete(ctx context.Context, b *Bucket, key string, cond Conditions) (*Deleted, error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	out := &Deleted{}
	err := s.writable(ctx, b, func(b *Bucket) error {
		if err := cond.still.keeps(b); err != nil {
			return err
		}
		row := b.objectRow(key)
		return s.roomy(ctx, row, func() (err error) {
			if b.Versioning == VersioningOff {
				return s.deleteSlot(ctx, b, row, cond, s.telling(ctx, b, cond.still.event(EventDelete), key))
			}
			out, err = s.mark(ctx, b, key, cond)
			return err
		})
	})
	return out, err
}

// deleteSlot empties an object's row. The row goes at once when nothing was
// referenced, else when its drops are done.
func (s *Store) deleteSlot(ctx context.Context, b *Bucket, row register.Row, cond Conditions, tell *event) error {
	v, err := s.Registers.Update(ctx, row, register.Change{
		Epoch: b.epoch,
		Apply: func(old *register.Value) (*register.Value, error) {
			sl, err := decodeRow[slot](old)
			if err != nil {
				return nil, err
			}
			if err := cond.checkDelete(sl.Version); err != nil {
				return nil, err
			}
			if sl.Past != nil {
				return nil, register.ErrFenced // the bucket has versioning by now
			}
			if sl.Version == nil {
				return nil, errNothing
			}
			if err := s.free(sl.Version, false); err != nil {
				return nil, err
			}
			next := &slot{Drops: append(sl.Drops[:len(sl.Drops):len(sl.Drops)], sl.Version.drop()...), Events: sl.Events, Order: sl.Order}
			if err := next.record(tell, nil); err != nil {
				return nil, err
			}
			v := next.value(nil)
			return v, next.fits(v)
		},
	})
	if errors.Is(err, errNothing) {
		return nil
	}
	if err == nil && v != nil && v.Pending {
		s.enqueue(row)
	}
	return err
}

// mark makes a delete marker the current version.
func (s *Store) mark(ctx context.Context, b *Bucket, key string, cond Conditions) (*Deleted, error) {
	if err := checkUploadKey(key); err != nil {
		return nil, err
	}
	d := s.newDraft(b.objectRow(key))
	d.version.Marker, d.ballot = true, register.Ballot{} // it references nothing
	d.tell = s.telling(ctx, b, cond.still.event(EventMarker), key)
	full, err := s.fullOfObjects(ctx, b)
	if err != nil {
		return nil, err
	}
	err = s.commit(ctx, d, b.epoch, b.Versioning, func(old *version) error {
		hides := old.readable() != nil
		replaces := old != nil && old.Null && b.Versioning == VersioningSuspended
		if full && !hides && !replaces {
			return ErrQuota
		}
		return cond.checkDelete(old)
	})
	if err != nil {
		return nil, err
	}
	return &Deleted{VersionID: d.version.name(), Marker: true}, nil
}

// DeleteVersion implements Service. Its commit point is in the object's row, also for a
// version that has a row of its own: so nobody makes a version the current one again that is
// being deleted.
func (s *Store) DeleteVersion(ctx context.Context, b *Bucket, key, id string, cond Conditions) (*Deleted, error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	w, err := parseVersion(id)
	if err != nil {
		return nil, err
	}
	if w.current {
		return nil, ErrVersionID
	}
	out := &Deleted{VersionID: id}
	row := b.objectRow(key)
	err = s.writable(ctx, b, func(b *Bucket) error {
		return s.roomy(ctx, row, func() error { return s.deleteVersion(ctx, b, row, w, cond, out) })
	})
	return out, err
}

// fill says at once which version is current after one was deleted, for listings have to
// look it up until then; all else is left to the work list.
func (s *Store) fill(ctx context.Context, row register.Row, v *register.Value) {
	sl, err := decodeRow[slot](v)
	if err == nil && sl.gap() {
		err = s.keep(context.WithoutCancel(ctx), row)
	}
	if err != nil {
		s.Logger.Debug("a deleted version is left to clean-up", "key", row.Sort, "error", err)
	}
	s.enqueue(row)
}

// delete takes the very version away that id names, if it is there.
func (e *entry) delete(id which) bool {
	if v := e.Version; v != nil && v.ID == id.id && (v.Number == id.number || v.null() && id.null) {
		older := e.Past != nil && e.Past.Older
		e.removeCurrent()
		if older {
			e.openGap()
		}
		return true
	}
	if e.Past == nil || id.number == 0 || id.number > e.Past.Number {
		// What was there before versioning may have been put away since it was found.
		if e.Past == nil || !id.null || e.Past.Null != numberBefore {
			return false
		}
		id.number = numberBefore
	}
	if e.Past.removes(id.number, id.id) {
		return false
	}
	if e.Past.Null == id.number {
		e.Past.Null = 0
	}
	e.removeNoted(id.number, id.id)
	return true
}

// readable is v for conditions: a delete marker is no object.
func (v *version) readable() *version {
	if v == nil || v.Marker {
		return nil
	}
	return v
}
