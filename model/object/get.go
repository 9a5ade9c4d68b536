package object

import (
	"context"
	"io"

	"rhizome/base/errs"
	"rhizome/cluster/register"
)

// readSlot returns the version in a row and its blob; none is ErrNoSuchKey.
func (s *Store) readSlot(ctx context.Context, row register.Row) (*version, []byte, error) {
	v, _, err := s.Registers.Read(ctx, row)
	if err != nil {
		return nil, nil, err
	}
	sl, err := decodeRow[slot](v)
	if err != nil {
		return nil, nil, errs.Newf(errs.Corrupt, "the row of %q: %w", row.Sort, err)
	}
	if sl.Version == nil {
		return nil, nil, ErrNoSuchKey
	}
	return sl.Version, v.Blob, nil
}

// Stat implements Service.
func (s *Store) Stat(ctx context.Context, b *Bucket, g Get) (*Object, error) {
	o, _, err := s.open(ctx, b, g)
	return o, err
}

// Get implements Service.
func (s *Store) Get(ctx context.Context, b *Bucket, g Get) (*Object, error) {
	o, src, err := s.open(ctx, b, g)
	if err != nil {
		return nil, err
	}
	o.Body, err = s.body(ctx, src, o.Offset, o.Length)
	if err != nil {
		return nil, err
	}
	return o, nil
}

// source is what is needed to read a version's bytes.
type source struct {
	b    *Bucket
	v    *version
	blob []byte
	list *list // nil: not read yet
}

// open finds the version, checks the conditions and works out the range.
func (s *Store) open(ctx context.Context, b *Bucket, g Get) (*Object, *source, error) {
	if err := checkKey(g.Key); err != nil {
		return nil, nil, err
	}
	v, blob, err := s.readSlot(ctx, b.objectRow(g.Key))
	if err != nil {
		return nil, nil, err
	}
	if err := g.If.checkRead(v); err != nil {
		return nil, nil, err
	}
	src := &source{b: b, v: v, blob: blob}
	o := &Object{Head: v.head(g.Key), Length: v.Size}
	switch {
	case g.PartNumber != 0:
		err = s.selectPart(ctx, src, o, g.PartNumber)
	case g.Range != nil:
		o.Offset, o.Length, err = g.Range.resolve(v.Size)
	}
	if err != nil {
		return nil, nil, err
	}
	return o, src, nil
}

// selectPart narrows o to one part; an object in one piece has part 1 only.
func (s *Store) selectPart(ctx context.Context, src *source, o *Object, number int) error {
	if src.v.Parts == 0 {
		if number != 1 {
			return ErrRange
		}
		return nil
	}
	if err := s.loadList(ctx, src); err != nil {
		return err
	}
	off := int64(0)
	for i, m := range src.list.Parts {
		if i+1 == number {
			o.Offset, o.Length = off, m.Size
			return nil
		}
		off += m.Size
	}
	return ErrRange
}

func (s *Store) loadList(ctx context.Context, src *source) error {
	if src.list != nil || src.v.Where == whereEmpty || src.v.Where == whereInline {
		return nil
	}
	data, err := src.b.dataKey(src.v)
	if err != nil {
		return err
	}
	src.list, err = s.readList(ctx, src.v, src.blob, data)
	return err
}

// resolve returns the offset and length of a range of an object of size bytes, or
// ErrRange (RFC 9110, section 14.1.2).
func (r Range) resolve(size int64) (off, n int64, err error) {
	switch {
	case r.First < 0:
		if r.Last <= 0 || size == 0 {
			return 0, 0, ErrRange
		}
		n = min(r.Last, size)
		return size - n, n, nil
	case r.First >= size:
		return 0, 0, ErrRange
	case r.Last < 0 || r.Last >= size:
		return r.First, size - r.First, nil
	case r.Last < r.First:
		return 0, 0, ErrRange
	}
	return r.First, r.Last - r.First + 1, nil
}

// Parts implements Service.
func (s *Store) Parts(ctx context.Context, b *Bucket, key string, after, limit int) ([]Part, bool, error) {
	v, blob, err := s.readSlot(ctx, b.objectRow(key))
	if err != nil {
		return nil, false, err
	}
	src := &source{b: b, v: v, blob: blob}
	if v.Parts == 0 {
		return nil, false, nil
	}
	if err := s.loadList(ctx, src); err != nil {
		return nil, false, err
	}
	var out []Part
	for i, m := range src.list.Parts {
		if i+1 <= after {
			continue
		}
		if len(out) == limit {
			return out, true, nil
		}
		out = append(out, Part{Number: i + 1, Size: m.Size, ETag: m.ETag,
			Checksum: Checksum{Algorithm: v.Checksum.Algorithm, Sum: m.Sum}})
	}
	return out, false, nil
}

// body opens n bytes at off.
func (s *Store) body(ctx context.Context, src *source, off, n int64) (io.ReadCloser, error) {
	if src.v.Where == whereEmpty || n == 0 {
		return emptyBody{}, nil
	}
	if src.v.Where == whereInline {
		plain, err := openBytes(src.b.versionKey(src.v.ID), src.blob)
		if err != nil {
			return nil, err
		}
		if int64(len(plain)) < off+n {
			return nil, errs.New(errs.Corrupt, "the object's row holds fewer bytes than it says")
		}
		return newBytesBody(plain[off : off+n]), nil
	}
	unpin := s.pins.pin(src.v.ID)
	if err := s.loadList(ctx, src); err != nil {
		unpin()
		return nil, err
	}
	data, err := src.b.dataKey(src.v)
	if err != nil {
		unpin()
		return nil, err
	}
	r := &pieceReader{s: s, ctx: ctx, data: data, pieces: src.list.Pieces, left: n, unpin: unpin}
	r.skip(off)
	return r, nil
}
