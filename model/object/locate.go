package object

import (
	"context"
	"slices"

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
func (s *Store) Locate(ctx context.Context, b *Bucket, key string) (out []Placed, err error) {
	_, err = s.open(ctx, b, Get{Key: key}, func(_ *Object, src *source) error {
		out, err = s.locate(ctx, src)
		return err
	})
	return out, err
}

func (s *Store) locate(ctx context.Context, src *source) ([]Placed, error) {
	if err := s.loadList(ctx, src); err != nil {
		return nil, err
	}
	var out []Placed
	off := int64(0)
	var silent []ident.NodeID // are not waited for again
	for _, p := range src.list.Pieces {
		st, err := s.Extents.Where(ctx, p.Extent, silent...)
		for _, h := range st.Holders {
			if errs.KindOf(h.Err) == errs.Unavailable && !slices.Contains(silent, h.Node) {
				silent = append(silent, h.Node)
			}
		}
		if err = s.missing(ctx, src, p.Extent, err); errs.KindOf(err) == errs.Corrupt {
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
