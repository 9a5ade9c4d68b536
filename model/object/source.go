package object

import (
	"context"
	"errors"
	"io"

	"rhizome/base/codec"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/register"
)

// source is a version whose bytes are to be read. Close it.
type source struct {
	b        *Bucket
	row      register.Row
	which    which
	v        *version
	blob     []byte
	inner    []byte // the data key, or what it is in; nil: see innerKey
	customer *CustomerKey
	list     *list // nil: not read yet
	close    func()
}

// source returns a version of an object, or that in a part's row, its bytes pinned on this
// node.
func (s *Store) source(ctx context.Context, b *Bucket, row register.Row, w which) (*source, error) {
	defer s.pins.look(row)()
	v, blob, err := s.lookUp(ctx, row, w)
	if err != nil {
		return nil, err
	}
	src := &source{b: b, row: row, which: w, v: v, blob: blob, close: func() {}}
	if v.Where != whereEmpty && v.Where != whereInline {
		src.close = s.pins.pin(v.ID)
	}
	return src, nil
}

// innerKey returns the source's data key, or the envelope that it is in: a part's is its
// upload's.
func (src *source) innerKey() ([]byte, error) {
	if src.inner != nil {
		return src.inner, nil
	}
	return src.b.innerKey(src.v)
}

// dataKey returns the key that seals the source's piece keys.
func (src *source) dataKey() (data ident.Secret, err error) {
	inner, err := src.innerKey()
	if err != nil {
		return data, err
	}
	return openData(inner, src.customer)
}

// errReplaced says that a version's bytes went while they were read, because it was
// replaced and somebody whom no pin of this node keeps off cleaned up.
var errReplaced = errs.New(errs.Unavailable, "the object was replaced while it was read; try again")

// rereads is how often a version that was replaced is given up for the one that
// replaced it before the client is asked to try again.
const rereads = 8

// missing tells bytes that are lost from those of a version that was replaced; err is
// why an extent of the source could not be read. Those that are lost are told of.
func (s *Store) missing(ctx context.Context, src *source, id ident.ID, err error) error {
	if err == nil || errs.KindOf(err) != errs.NotFound {
		return err
	}
	now, _, rerr := s.lookUp(ctx, src.row, src.which)
	switch {
	case rerr == nil && now.ID == src.v.ID:
		s.Extents.Miss(id)
		return errs.Newf(errs.Corrupt, "bytes of the object are not on this node's disks: %v", err)
	case rerr == nil || errs.KindOf(rerr) == errs.NotFound || errors.Is(rerr, ErrMarker) || isFenced(rerr):
		return errReplaced
	}
	return rerr
}

// loadList reads where the source's bytes stand; inline versions have no list.
func (s *Store) loadList(ctx context.Context, src *source) (err error) {
	if src.list != nil {
		return nil
	}
	switch src.v.Where {
	case whereEmpty, whereInline:
		src.list = &list{}
		return nil
	case whereHere:
		src.list = src.v.Here
		return nil
	case whereList:
		src.list, err = decodeList(src.blob)
		return err
	}
	inner, err := src.innerKey()
	if err != nil {
		return err
	}
	var p piece
	if err := codec.Decode(src.blob, &p); err != nil {
		return err
	}
	src.list, err = s.readLong(ctx, p, src.b.listKey(inner, src.v.ID))
	return s.missing(ctx, src, p.Extent, err)
}

// readLong reads a list from the extent that it stands in.
func (s *Store) readLong(ctx context.Context, p piece, under ident.Secret) (*list, error) {
	key, err := openPieceKey(under, p)
	if err != nil {
		return nil, err
	}
	r, err := s.Extents.Open(ctx, p.Extent, key, p.Total, 0, p.Total)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	return decodeList(b)
}
