package object

import (
	"context"
	"encoding/binary"
	"errors"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/register"
)

// sighting is a version as it was when the rows were looked at, and the turn of the
// object's row then. It still is so if that row has the same turn.
type sighting struct {
	v    *version
	turn uint64
}

// sight looks a version up so that what is found may be changed or deleted: the object's
// row is read first, so that what a version's own row says is no older than the turn.
func (s *Store) sight(ctx context.Context, row register.Row, w which) (sighting, error) {
	ctx = register.Afresh(ctx)
	e, err := s.entryAt(ctx, row)
	if err != nil {
		return sighting{}, err
	}
	at := sighting{turn: e.Past.turn()}
	if w.current || w.null {
		at.v, _, err = s.findIn(ctx, row, e, w)
		return at, err
	}
	var known bool
	if at.v, _, known = e.holds(w); known {
		return at, nil
	}
	at.v, _, err = s.findOwn(ctx, row, w.number, w)
	return at, err
}

// revise changes what is kept of a version beside its bytes, and returns what it became.
// f may be called several times, and refuses by returning an error. The version stays the
// same one: its ID, ETag and time are untouched. The event that it is has the kind; 0: it is none.
//
// As everything about a key, it is committed in the object's row. The row of a version that
// has one of its own is written by a note, and the turn that is drawn tells whoever looked
// at that row before that it is no longer so.
func (s *Store) revise(ctx context.Context, b *Bucket, key, id string, kind EventKind, f func(*version) error) (*Head, error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	w, err := parseVersion(id)
	if err != nil {
		return nil, err
	}
	var out *version
	row := b.objectRow(key)
	err = s.writable(ctx, b, func(b *Bucket) error {
		return s.roomy(ctx, row, func() (err error) {
			out, err = s.reviseVersion(ctx, b, row, w, s.telling(ctx, b, kind, key), f)
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	h := out.head(key)
	return &h, nil
}

func (s *Store) reviseVersion(ctx context.Context, b *Bucket, row register.Row, w which, tell *event, f func(*version) error) (out *version, err error) {
	for range keepSteps {
		at, err := s.sight(ctx, row, w)
		if err != nil {
			return nil, err
		}
		if err := at.readable(row, w); err != nil {
			return nil, err
		}
		v, err := s.Registers.Update(ctx, row, register.Change{Epoch: b.epoch, Apply: func(old *register.Value) (*register.Value, error) {
			e, err := takeApart(old)
			if err != nil {
				return nil, err
			}
			if e.Past != nil && b.Versioning == VersioningOff {
				return nil, register.ErrFenced // the bucket has versioning by now
			}
			if out, err = e.revise(at, w, s.rules.blindTurn, f); err != nil {
				return nil, err
			}
			if err := e.record(tell, out); err != nil {
				return nil, err
			}
			return e.value()
		}})
		if errors.Is(err, errLost) {
			continue
		}
		if err == nil && v != nil && v.Pending {
			s.enqueue(row)
		}
		return out, err
	}
	return nil, errs.Newf(errs.Unavailable, "the object is being changed all the time: %w", ErrBusy)
}

// readable says why there is no version to be revised.
func (at sighting) readable(row register.Row, w which) error {
	switch {
	case at.v == nil && w.current:
		return ErrNoSuchKey
	case at.v == nil:
		return ErrNoSuchVersion
	case at.v.Marker && w.current:
		return &MarkerError{at.v.head(row.Sort), ErrNoSuchKey}
	case at.v.Marker:
		return &MarkerError{at.v.head(row.Sort), ErrMarker}
	}
	return nil
}

// revise has f change the version that was seen, wherever it stands by now. errLost: it is
// gone, or may be another than was seen.
func (e *entry) revise(at sighting, w which, blind bool, f func(*version) error) (*version, error) {
	v, blob, stands := e.seen(at, blind)
	if v == nil || w.current && stands != standsCurrent && (!e.gap() || e.Past.turn() != at.turn) {
		return nil, errLost
	}
	next := *v
	if err := f(&next); err != nil {
		return nil, err
	}
	turn := e.Past.turned()
	e.noteLock(next.Lock)
	switch {
	case stands != standsCurrent:
		n := note{Number: next.Number, ID: next.ID, Do: taskWrite, Version: &next, Turn: turn, Again: stands == standsAlone}
		if i := e.Past.find(next.Number); i >= 0 {
			n.Again = e.Past.Notes[i].Again
		}
		e.note(n, blob)
	case e.Past != nil && (e.Past.Mirror || e.Past.find(next.Number) >= 0):
		e.note(note{Number: next.Number, ID: next.ID, Do: taskMirror, Turn: turn}, nil)
	}
	if stands == standsCurrent {
		e.Version = &next
	}
	return &next, nil
}

// blobOf returns a version of which a note says something else than its row, with the blob
// that its row has; nil if it was deleted meanwhile.
func (s *Store) blobOf(ctx context.Context, row register.Row, v *version) (*version, []byte, error) {
	own, blob, err := s.findOwn(ctx, row, v.Number, which{number: v.Number, id: v.ID, null: v.null()})
	if err != nil || own == nil {
		return nil, nil, err
	}
	return v, blob, nil
}

// again reports whether the blob of a version that the row holds is in a row of its own.
func (e *entry) again(v *version) bool {
	if v == nil || v == e.Version || e.Past == nil {
		return false
	}
	i := e.Past.find(v.Number)
	return i >= 0 && e.Past.Notes[i].Again
}

// stand is where a version stands.
type stand uint8

const (
	standsCurrent stand = iota
	standsNoted
	standsAlone // in its own row
)

// seen returns the version that was seen as it is now; nil if it is gone, or if it is in its
// own row, where it may have been changed since it was seen.
func (e *entry) seen(at sighting, blind bool) (*version, []byte, stand) {
	if e.Version != nil && e.Version.ID == at.v.ID {
		return e.Version, nil, standsCurrent
	}
	if e.Past == nil {
		return nil, nil, standsAlone
	}
	for i, n := range e.Past.Notes {
		switch {
		case n.ID != at.v.ID && (n.Number != at.v.Number || !n.ID.IsZero()):
		case n.Version == nil:
			return nil, nil, standsNoted // it is deleted
		default:
			return n.Version, e.blobs[i], standsNoted
		}
	}
	if at.v.Number == 0 || e.Past.turn() != at.turn && !blind {
		return nil, nil, standsAlone
	}
	return at.v, nil, standsAlone
}

// turn is that of an object's row, 0 if nothing was ever drawn.
func (p *past) turn() uint64 {
	if p == nil {
		return 0
	}
	return p.Turn
}

// turned draws the turn anew, and returns it.
func (p *past) turned() uint64 {
	if p == nil {
		return 0
	}
	p.Turn = newTurn()
	return p.Turn
}

func newTurn() uint64 {
	id := ident.New()
	return binary.BigEndian.Uint64(id[:]) | 1
}
