package object

import (
	"context"
	"errors"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/extent"
)

// Placed is a run of an object's bytes, Offset and Length in the object, and how the
// extent is that holds it.
type Placed struct {
	Extent         ident.ID
	Offset, Length int64
	Status         extent.Status
}

// Locate says where an object's bytes lie, in order, having read every one of them.
// None: they are in the object's row. A very long object's list of pieces is itself
// in an extent, which is not told.
func (s *Store) Locate(ctx context.Context, b *Bucket, key string) ([]Placed, error) {
	_, src, err := s.open(ctx, b, Get{Key: key})
	if err != nil {
		return nil, err
	}
	if err := s.loadList(ctx, src); err != nil || src.list == nil {
		return nil, err
	}
	out := make([]Placed, 0, len(src.list.Pieces))
	off := int64(0)
	for _, p := range src.list.Pieces {
		st, err := s.Extents.Stat(ctx, p.Extent)
		if errors.Is(err, errs.NotFound) {
			st, err = extent.Status{Missing: true}, nil
		}
		if err != nil {
			return nil, err
		}
		out = append(out, Placed{p.Extent, off, p.Length, st})
		off += p.Length
	}
	return out, nil
}
