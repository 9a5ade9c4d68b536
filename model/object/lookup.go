package object

import (
	"bytes"
	"context"
	"errors"

	"rhizome/base/errs"
	"rhizome/cluster/register"
)

// ErrNoSuchVersion says that a version ID stands for nothing (any more). ErrMarker says that
// it stands for a delete marker, which has nothing that could be read.
var (
	ErrNoSuchVersion = errs.New(errs.NotFound, "the version does not exist")
	ErrMarker        = errs.New(errs.Invalid, "the version is a delete marker")
)

// MarkerError says that a delete marker is in the way: as the current version, so that there
// is no object (it wraps ErrNoSuchKey), or as the one that was asked for (ErrMarker).
type MarkerError struct {
	Head Head
	Kind error
}

func (e *MarkerError) Error() string { return e.Kind.Error() }

// Unwrap returns ErrNoSuchKey or ErrMarker.
func (e *MarkerError) Unwrap() error { return e.Kind }

// readSlot returns the version in the row of an object or a part, and its blob; none is
// ErrNoSuchKey.
func (s *Store) readSlot(ctx context.Context, row register.Row) (*version, []byte, error) {
	return s.lookUp(ctx, row, which{current: true})
}

// lookUp returns a version of an object and its blob; none is ErrNoSuchKey or
// ErrNoSuchVersion, a delete marker a MarkerError.
func (s *Store) lookUp(ctx context.Context, row register.Row, w which) (*version, []byte, error) {
	v, blob, err := s.find(ctx, row, w)
	switch {
	case err != nil:
		return nil, nil, err
	case v == nil && w.current:
		return nil, nil, ErrNoSuchKey
	case v == nil:
		return nil, nil, ErrNoSuchVersion
	case v.Marker && w.current:
		return nil, nil, &MarkerError{v.head(row.Sort), ErrNoSuchKey}
	case v.Marker:
		return nil, nil, &MarkerError{v.head(row.Sort), ErrMarker}
	}
	return v, blob, nil
}

// find returns a version, if only a delete marker; nil if there is none.
func (s *Store) find(ctx context.Context, row register.Row, w which) (*version, []byte, error) {
	if w.current || w.null {
		e, err := s.entryAt(ctx, row)
		if err != nil {
			return nil, nil, err
		}
		return s.findIn(ctx, row, e, w)
	}
	// A version moves from the object's row to one of its own, never back.
	own := versionRow(row, w.number)
	values, err := s.Registers.ReadAll(ctx, row, own)
	if err != nil {
		return nil, nil, err
	}
	e, err := takeApart(values[0])
	if err != nil {
		return nil, nil, corrupt(row, err)
	}
	if v, blob, known := e.holds(w); known {
		if e.again(v) {
			return s.blobOf(ctx, row, v)
		}
		return v, blob, nil
	}
	if v, err := decodeRow[slot](values[1]); err != nil || v.Version != nil {
		return only(v, values[1], w, corrupt(own, err))
	}
	return s.findOwn(ctx, row, w.number, w) // it may have moved since it was read
}

func corrupt(row register.Row, err error) error {
	if err == nil {
		return nil
	}
	return errs.Newf(errs.Corrupt, "the row of %q: %w", row.Sort, err)
}

func (s *Store) entryAt(ctx context.Context, row register.Row) (*entry, error) {
	v, _, err := s.Registers.Read(ctx, row)
	if err != nil {
		return nil, err
	}
	e, err := takeApart(v)
	return e, corrupt(row, err)
}

// findIn finds the current version or the null one, having read the object's row.
func (s *Store) findIn(ctx context.Context, row register.Row, e *entry, w which) (*version, []byte, error) {
	for range keepSteps {
		if e.gap() {
			v, blob, again, err := s.acrossGap(ctx, row, e)
			if again != nil {
				e = again
				continue
			}
			if err != nil || w.is(v) {
				return v, blob, err
			}
		} else if w.is(e.Version) {
			return e.Version, e.blob, nil
		}
		if w.current || e.Past == nil || e.Past.Null == 0 {
			return nil, nil, nil
		}
		w.number = e.Past.Null
		if v, blob, known := e.holds(w); known {
			if e.again(v) {
				return s.blobOf(ctx, row, v)
			}
			return v, blob, nil
		}
		return s.findOwn(ctx, row, w.number, w)
	}
	return nil, nil, errGap
}

// acrossGap returns the version that is current though the row does not say so; again is
// the row if it changed meanwhile.
func (s *Store) acrossGap(ctx context.Context, row register.Row, e *entry) (v *version, blob []byte, again *entry, err error) {
	v, blob, err = s.newest(ctx, row, e)
	if err != nil && !errors.Is(err, errLost) {
		return nil, nil, nil, err
	}
	now, rerr := s.entryAt(ctx, row)
	if rerr != nil {
		return nil, nil, nil, rerr
	}
	if err != nil || !now.gap() || !bytes.Equal(now.Past.Gap, e.Past.Gap) || len(now.Past.Notes) != len(e.Past.Notes) {
		return nil, nil, now, nil
	}
	return v, blob, nil, nil
}

// holds looks a version up in the object's row alone; known says that the row decides.
func (e *entry) holds(w which) (v *version, blob []byte, known bool) {
	if w.is(e.Version) {
		return e.Version, e.blob, true
	}
	if e.Past == nil {
		return nil, nil, true
	}
	i := e.Past.find(w.number)
	if i < 0 {
		return nil, nil, w.number > e.Past.Number
	}
	if n := e.Past.Notes[i]; n.Version != nil && w.is(n.Version) {
		return n.Version, e.blobs[i], true
	}
	return nil, nil, true
}

func (s *Store) findOwn(ctx context.Context, row register.Row, number uint64, w which) (*version, []byte, error) {
	own := versionRow(row, number)
	v, _, err := s.Registers.Read(ctx, own)
	if err != nil {
		return nil, nil, err
	}
	sl, err := decodeRow[slot](v)
	return only(sl, v, w, corrupt(own, err))
}

// only returns the version of a row of its own if it is the one meant.
func only(sl *slot, v *register.Value, w which, err error) (*version, []byte, error) {
	if err != nil || !w.is(sl.Version) {
		return nil, nil, err
	}
	return sl.Version, v.Blob, nil
}
