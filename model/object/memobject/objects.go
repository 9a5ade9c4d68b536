package memobject

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"io"
	"slices"

	"rhizome/base/ident"
	"rhizome/model/object"
)

// Put implements object.Service.
func (s *Store) Put(_ context.Context, b *object.Bucket, p object.Put) (*object.Head, error) {
	if len(p.Key) > object.MaxKey {
		return nil, object.ErrKeyTooLong
	}
	if err := s.mayAsk(b, p.Lock); err != nil {
		return nil, err
	}
	data, d, err := readBody(p.Body)
	if err != nil {
		return nil, err
	}
	if p.Body.Customer != nil {
		d.ETag = randomTag()
	}
	return s.commit(b, p.Key, p.If, &entry{data: data, key: p.Body.Customer, head: object.Head{
		Attrs: p.Attrs, Tags: p.Tags, Lock: p.Lock, ETag: d.ETag, Checksum: d.Checksum}})
}

// readBody takes a body whole, as the contract of object.Body says.
func readBody(b object.Body) ([]byte, object.Digest, error) {
	var buf bytes.Buffer
	w := io.Writer(&buf)
	if b.Hash != nil {
		w = io.MultiWriter(&buf, b.Hash)
	}
	n, err := io.Copy(w, b.Reader)
	switch {
	case err != nil:
		return nil, object.Digest{}, err
	case b.Size >= 0 && n < b.Size:
		return nil, object.Digest{}, object.ErrShortBody
	case n > object.MaxPut:
		return nil, object.Digest{}, object.ErrEntityTooLarge
	}
	d, err := b.Finish()
	return buf.Bytes(), d, err
}

func (s *Store) commit(b *object.Bucket, key string, cond object.Conditions, e *entry) (*object.Head, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	in, err := s.find(b)
	if err != nil {
		return nil, err
	}
	return s.commitLocked(in, key, cond, e)
}

func (s *Store) commitLocked(in *bucket, key string, cond object.Conditions, e *entry) (*object.Head, error) {
	old := in.objects[key]
	if err := mayWrite(cond, old); err != nil {
		return nil, err
	}
	e.head.Key, e.head.Version, e.head.Modified = key, ident.New(), s.clock.Now()
	if err := s.lock(in, &e.head); err != nil {
		return nil, err
	}
	e.head.Customer = e.key != nil
	e.head.Size, e.head.Parts = int64(len(e.data)), len(e.parts)
	s.record(in, key, e)
	h := e.head
	return &h, nil
}

// Get implements object.Service.
func (s *Store) Get(ctx context.Context, b *object.Bucket, g object.Get) (*object.Object, error) {
	g.Keyed = true
	o, e, err := s.open(b, g)
	if err != nil {
		return o, err
	}
	o.Body = body{bytes.NewReader(e.data[o.Offset : o.Offset+o.Length])}
	return o, nil
}

type body struct{ *bytes.Reader }

func (body) Close() error { return nil }

// Stat implements object.Service.
func (s *Store) Stat(_ context.Context, b *object.Bucket, g object.Get) (*object.Object, error) {
	o, _, err := s.open(b, g)
	return o, err
}

func (s *Store) open(b *object.Bucket, g object.Get) (*object.Object, *entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	in, err := s.find(b)
	if err != nil {
		return nil, nil, err
	}
	e, err := in.version(g.Key, g.Version)
	if err != nil {
		return nil, nil, err
	}
	if err := e.unlocks(g); err != nil {
		return nil, nil, err
	}
	if err := mayRead(g.If, e); err != nil {
		return nil, nil, err
	}
	o := &object.Object{Head: e.head, Length: e.head.Size}
	if g.PartNumber > 0 {
		err = e.part(g.PartNumber, o)
	} else if g.Range != nil {
		err = cut(*g.Range, o)
	}
	return o, e, err
}

// unlocks checks the key of a read.
func (e *entry) unlocks(g object.Get) error {
	switch {
	case e.key == nil && g.Customer != nil:
		return object.ErrKeyless
	case e.key != nil && g.Customer == nil && g.Keyed:
		return object.ErrKeyNeeded
	case g.Customer != nil && !e.key.Is(g.Customer):
		return object.ErrKeyWrong
	}
	return nil
}

func randomTag() string { return ident.New().String() }

func (e *entry) part(n int, o *object.Object) error {
	if len(e.parts) == 0 && n == 1 {
		return nil
	}
	for i, p := range e.parts {
		if i+1 == n {
			o.Length = p.Size
			return nil
		}
		o.Offset += p.Size
	}
	return object.ErrPartNumber
}

func cut(r object.Range, o *object.Object) error {
	first, last := r.First, r.Last
	if first < 0 {
		first, last = max(0, o.Size-r.Last), o.Size-1
	}
	if last < 0 || last >= o.Size {
		last = o.Size - 1
	}
	if first > last || first >= o.Size {
		return object.ErrRange
	}
	o.Offset, o.Length = first, last-first+1
	return nil
}

// Parts implements object.Service.
func (s *Store) Parts(_ context.Context, b *object.Bucket, key, version string, after, limit int) ([]object.Part, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	in, err := s.find(b)
	if err != nil {
		return nil, false, err
	}
	e, err := in.version(key, version)
	if err != nil {
		return nil, false, err
	}
	parts := slices.Clone(e.parts)
	for i := range parts {
		parts[i].Number = i + 1 // an object's parts are numbered anew
	}
	out, more := page(parts, after, limit)
	return out, more, nil
}

func page(parts []object.Part, after, limit int) ([]object.Part, bool) {
	for len(parts) > 0 && parts[0].Number <= after {
		parts = parts[1:]
	}
	if len(parts) > limit {
		return parts[:limit:limit], true
	}
	return parts, false
}

// Copy implements object.Service; it copies the bytes.
func (s *Store) Copy(_ context.Context, b *object.Bucket, c object.Copy) (*object.Head, error) {
	if len(c.Key) > object.MaxKey {
		return nil, object.ErrKeyTooLong
	}
	if err := s.mayAsk(b, c.Lock); err != nil {
		return nil, err
	}
	o, e, err := s.open(c.From, object.Get{Key: c.FromKey, Version: c.FromVersion, If: c.FromIf, Customer: c.FromCustomer, Keyed: true})
	if err == nil && !c.FromOnly.IsZero() && o.Version != c.FromOnly {
		err = object.ErrBusy
	}
	if err != nil {
		return nil, err
	}
	n := &entry{data: e.data, parts: e.parts, head: o.Head, key: c.Customer}
	n.head.Attrs.WebsiteRedirect, n.head.Lock = "", c.Lock
	if c.Attrs != nil {
		n.head.Attrs = *c.Attrs
	}
	if c.Tags != nil {
		n.head.Tags = *c.Tags
	}
	if c.Digest != nil {
		d, err := digest(c, e.data)
		if err != nil {
			return nil, err
		}
		n.head.ETag, n.head.Checksum, n.parts = d.ETag, d.Checksum, nil
	}
	switch {
	case n.key != nil:
		n.head.ETag = randomTag()
	case e.key != nil && c.Digest == nil && len(n.parts) == 0:
		d, _ := digest(c, e.data)
		n.head.ETag = d.ETag
	}
	h, err := s.commit(b, c.Key, c.If, n)
	if err == nil {
		h.SourceVersionID = o.VersionID
	}
	return h, err
}

// digest gives the bytes to the copy's own digest, or works out their MD5.
func digest(c object.Copy, data []byte) (object.Digest, error) {
	if c.Digest == nil {
		sum := md5.Sum(data)
		return object.Digest{ETag: hex.EncodeToString(sum[:])}, nil
	}
	w, finish := c.Digest()
	if _, err := w.Write(data); err != nil {
		return object.Digest{}, err
	}
	return finish()
}
