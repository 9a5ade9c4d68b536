package memobject

import (
	"context"
	"encoding/binary"
	"slices"
	"strings"

	"rhizome/base/ident"
	"rhizome/model/object"
)

type upload struct {
	info  object.Upload
	tags  []object.Tag
	lock  object.Lock
	key   *object.CustomerKey
	parts []uploaded // in ascending order
}

type uploaded struct {
	object.Part
	data []byte
}

// CreateUpload implements object.Service.
func (s *Store) CreateUpload(_ context.Context, b *object.Bucket, n object.NewUpload) (*object.Upload, error) {
	if len(n.Key) > object.MaxKey {
		return nil, object.ErrKeyTooLong
	}
	if err := s.mayAsk(b, n.Lock); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	in, err := s.find(b)
	if err != nil {
		return nil, err
	}
	s.begun++
	id := ident.New()
	binary.BigEndian.PutUint64(id[:], s.begun) // listed in the order in which they were begun
	u := &upload{tags: n.Tags, lock: n.Lock, key: n.Customer, info: object.Upload{Customer: n.Customer != nil, ID: id, Key: n.Key, Started: s.clock.Now(), Attrs: n.Attrs, Checksum: n.Checksum}}
	in.uploads[u.info.ID] = u
	info := u.info
	return &info, nil
}

// findUpload is called with the mutex held.
func (s *Store) findUpload(b *object.Bucket, key string, id ident.ID) (*bucket, *upload, error) {
	in, err := s.find(b)
	if err != nil {
		return nil, nil, err
	}
	u := in.uploads[id]
	if u == nil || u.info.Key != key {
		return in, nil, object.ErrNoSuchUpload
	}
	return in, u, nil
}

// Upload implements object.Service.
func (s *Store) Upload(_ context.Context, b *object.Bucket, key string, id ident.ID) (*object.Upload, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, u, err := s.findUpload(b, key, id)
	if err != nil {
		return nil, err
	}
	info := u.info
	return &info, nil
}

// PutPart implements object.Service.
func (s *Store) PutPart(_ context.Context, b *object.Bucket, key string, id ident.ID, number int, body object.Body) (*object.Part, error) {
	if number < 1 || number > object.MaxParts {
		return nil, object.ErrPartNumber
	}
	data, d, err := readBody(body)
	if err != nil {
		return nil, err
	}
	return s.addPart(b, key, id, number, data, d, body.Customer)
}

// CopyPart implements object.Service.
func (s *Store) CopyPart(_ context.Context, b *object.Bucket, key string, id ident.ID, number int, c object.Copy) (*object.Part, error) {
	if number < 1 || number > object.MaxParts {
		return nil, object.ErrPartNumber
	}
	o, e, err := s.open(c.From, object.Get{Key: c.FromKey, If: c.FromIf, Range: c.Range, Customer: c.FromCustomer, Keyed: true})
	if err == nil && !c.FromOnly.IsZero() && o.Version != c.FromOnly {
		err = object.ErrBusy
	}
	if err != nil {
		return nil, err
	}
	if c.Range != nil && c.Range.Last >= o.Size {
		return nil, object.ErrRange
	}
	data := e.data[o.Offset : o.Offset+o.Length]
	d, err := digest(c, data)
	if err != nil {
		return nil, err
	}
	return s.addPart(b, key, id, number, data, d, c.Customer)
}

func (s *Store) addPart(b *object.Bucket, key string, id ident.ID, number int, data []byte, d object.Digest, k *object.CustomerKey) (*object.Part, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, u, err := s.findUpload(b, key, id)
	if err != nil {
		return nil, err
	}
	switch {
	case (u.key == nil) != (k == nil):
		return nil, object.ErrUploadKey
	case !u.key.Is(k):
		return nil, object.ErrUploadKeyOther
	case k != nil:
		d.ETag = randomTag()
	}
	p := uploaded{data: data, Part: object.Part{Number: number, Size: int64(len(data)), ETag: d.ETag,
		Checksum: d.Checksum, Modified: s.clock.Now()}}
	i, found := slices.BinarySearchFunc(u.parts, number, func(p uploaded, n int) int { return p.Number - n })
	if found {
		u.parts[i] = p
	} else {
		u.parts = slices.Insert(u.parts, i, p)
	}
	return &p.Part, nil
}

// ListParts implements object.Service.
func (s *Store) ListParts(_ context.Context, b *object.Bucket, key string, id ident.ID, after, limit int) ([]object.Part, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, u, err := s.findUpload(b, key, id)
	if err != nil {
		return nil, false, err
	}
	parts := make([]object.Part, len(u.parts))
	for i, p := range u.parts {
		parts[i] = p.Part
	}
	out, more := page(parts, after, limit)
	return out, more, nil
}

// Complete implements object.Service.
func (s *Store) Complete(_ context.Context, b *object.Bucket, c object.Complete) (*object.Head, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	in, u, err := s.findUpload(b, c.Key, c.Upload)
	if err != nil {
		if e := in.lookup(c.Key); e != nil && e.from == c.Upload {
			h := e.head
			return &h, nil
		}
		return nil, err
	}
	switch {
	case c.Customer != nil && u.key == nil:
		return nil, object.ErrUploadKey
	case c.Customer != nil && !u.key.Is(c.Customer):
		return nil, object.ErrUploadKeyOther
	}
	e, err := assemble(u, c)
	if err != nil {
		return nil, err
	}
	e.head.Attrs, e.head.Tags, e.head.Lock = u.info.Attrs, u.tags, u.lock
	h, err := s.commitLocked(in, c.Key, c.If, e)
	if err == nil {
		delete(in.uploads, c.Upload)
	}
	return h, err
}

func (b *bucket) lookup(key string) *entry {
	if b == nil {
		return nil
	}
	return b.objects[key]
}

func assemble(u *upload, c object.Complete) (*entry, error) {
	e := &entry{from: c.Upload, key: u.key}
	for i, want := range c.Parts {
		if i > 0 && want.Number <= c.Parts[i-1].Number {
			return nil, object.ErrPartOrder
		}
		p := u.part(want)
		if p == nil {
			return nil, object.ErrInvalidPart
		}
		if i < len(c.Parts)-1 && p.Size < object.MinPart {
			return nil, object.ErrPartTooSmall
		}
		e.parts = append(e.parts, p.Part)
		e.data = append(e.data, p.data...)
	}
	d, err := c.Finish(e.parts)
	e.head.ETag, e.head.Checksum = d.ETag, d.Checksum
	return e, err
}

// part returns the part that w names, or nil if there is none like it.
func (u *upload) part(w object.CompletePart) *uploaded {
	for i := range u.parts {
		p := &u.parts[i]
		if p.Number == w.Number && strings.EqualFold(p.ETag, w.ETag) &&
			(len(w.Checksum) == 0 || slices.Equal(w.Checksum, p.Checksum.Sum)) {
			return p
		}
	}
	return nil
}

// Abort implements object.Service.
func (s *Store) Abort(_ context.Context, b *object.Bucket, key string, id ident.ID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	in, _, err := s.findUpload(b, key, id)
	if err == nil {
		delete(in.uploads, id)
	}
	return err
}
