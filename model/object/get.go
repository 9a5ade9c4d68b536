package object

import (
	"context"
	"errors"
	"io"

	"rhizome/base/errs"
)

// Stat implements Service.
func (s *Store) Stat(ctx context.Context, b *Bucket, g Get) (*Object, error) {
	return s.open(ctx, b, g, nil)
}

// Get implements Service.
func (s *Store) Get(ctx context.Context, b *Bucket, g Get) (*Object, error) {
	g.Keyed = true
	return s.open(ctx, b, g, func(o *Object, src *source) (err error) {
		o.Body, err = s.body(ctx, src, o.Offset, o.Length)
		return err
	})
}

// open finds the version, checks the conditions, works out the range and does what is
// to be done with both, again if the version was replaced meanwhile and its bytes went.
func (s *Store) open(ctx context.Context, b *Bucket, g Get, do func(*Object, *source) error) (o *Object, err error) {
	if err := checkKey(g.Key); err != nil {
		return nil, err
	}
	for range rereads {
		if o, err = s.openOnce(ctx, b, g, do); !errors.Is(err, errReplaced) {
			break
		}
	}
	return o, err
}

func (s *Store) openOnce(ctx context.Context, b *Bucket, g Get, do func(*Object, *source) error) (*Object, error) {
	w, err := parseVersion(g.Version)
	if err != nil {
		return nil, err
	}
	src, err := s.source(ctx, b, b.objectRow(g.Key), w)
	if err != nil {
		return nil, err
	}
	defer src.close()
	if err := b.unlocks(src.v, g.Customer, g.Keyed); err != nil {
		return nil, err
	}
	src.customer = g.Customer
	if err := g.If.checkRead(src.v); err != nil {
		return nil, err
	}
	o := &Object{Head: src.v.head(g.Key), Length: src.v.Size}
	switch {
	case g.PartNumber != 0:
		err = s.selectPart(ctx, src, o, g.PartNumber)
	case g.Range != nil:
		o.Offset, o.Length, err = g.Range.resolve(src.v.Size)
	}
	if err == nil && do != nil {
		err = do(o, src)
	}
	if err != nil {
		return nil, err
	}
	return o, nil
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
func (s *Store) Parts(ctx context.Context, b *Bucket, key, version string, after, limit int) (out []Part, more bool, err error) {
	_, err = s.open(ctx, b, Get{Key: key, Version: version}, func(_ *Object, src *source) error {
		if src.v.Parts == 0 {
			return nil
		}
		if err := s.loadList(ctx, src); err != nil {
			return err
		}
		after = min(max(after, 0), len(src.list.Parts))
		marks := src.list.Parts[after:]
		n := min(max(limit, 0), len(marks))
		out, more = make([]Part, 0, n), n < len(marks)
		for i, m := range marks[:n] {
			out = append(out, Part{Number: after + i + 1, Size: m.Size, ETag: m.ETag,
				Checksum: Checksum{Algorithm: src.v.Checksum.Algorithm, Sum: m.Sum}})
		}
		return nil
	})
	return out, more, err
}

// body opens n bytes at off, the first of them at once: what fails later cannot be
// made good by another read of the row.
func (s *Store) body(ctx context.Context, src *source, off, n int64) (io.ReadCloser, error) {
	if src.v.Where == whereEmpty || n == 0 {
		return emptyBody{}, nil
	}
	if src.v.Where == whereInline {
		key := src.b.versionKey(src.v.ID)
		if src.v.customers() {
			var err error
			if key, err = src.dataKey(); err != nil {
				return nil, err
			}
		}
		plain, err := openBytes(key, src.blob)
		if err != nil {
			return nil, err
		}
		if int64(len(plain)) < off+n {
			return nil, errs.New(errs.Corrupt, "the object's row holds fewer bytes than it says")
		}
		return newBytesBody(plain[off : off+n]), nil
	}
	if err := s.loadList(ctx, src); err != nil {
		return nil, err
	}
	data, err := src.dataKey()
	if err != nil {
		return nil, err
	}
	r := &pieceReader{s: s, ctx: ctx, src: src, data: data, pieces: src.list.Pieces, left: n, unpin: s.pins.pin(src.v.ID)}
	r.skip(off)
	if err := r.next(); err != nil {
		r.unpin()
		return nil, err
	}
	return r, nil
}
