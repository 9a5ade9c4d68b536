package object

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"io"
	"slices"
	"sync"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/extent"
)

// Copy implements Service.
func (s *Store) Copy(ctx context.Context, b *Bucket, c Copy) (*Head, error) {
	if err := checkNewKey(c.Key); err != nil {
		return nil, err
	}
	if c.Attrs != nil {
		if err := c.Attrs.check(); err != nil {
			return nil, err
		}
	}
	if err := s.knownIf(c.Customer != nil || c.Attrs != nil && c.Attrs.Replica); err != nil {
		return nil, err
	}
	if c.Tags != nil {
		if err := s.checkTags(*c.Tags); err != nil {
			return nil, err
		}
	}
	if err := s.checkLock(b, c.Lock); err != nil {
		return nil, err
	}
	return fromSource(ctx, s, c, func(src *source, bytes bool) (*Head, error) {
		h, err := s.copyOnce(ctx, b, c, src, bytes)
		if err == nil {
			h.SourceVersionID = src.v.name()
		}
		return h, err
	})
}

// fromSource copies the source of c with do, again while do finds it replaced. bytes
// says that the source stands but cannot be referenced: then its bytes are copied.
func fromSource[T any](ctx context.Context, s *Store, c Copy, do func(src *source, bytes bool) (*T, error)) (*T, error) {
	var last ident.ID
	for range rereads {
		src, err := s.copySource(ctx, c)
		if err != nil {
			return nil, err
		}
		out, err := do(src, src.v.ID == last)
		src.close()
		if !errors.Is(err, errReplaced) {
			return out, err
		}
		last = src.v.ID
	}
	return nil, errs.Newf(errs.Unavailable, "the source changes all the time: %w", ErrBusy)
}

// copyOnce copies one version; errReplaced if it could not be referenced, or not be
// read because it was replaced meanwhile.
func (s *Store) copyOnce(ctx context.Context, b *Bucket, c Copy, src *source, bytes bool) (*Head, error) {
	if src.v.Size > MaxPut && !c.large {
		return nil, errs.Newf(errs.TooLarge, "more than 5 GiB are copied in parts: %w", ErrEntityTooLarge)
	}
	if err := s.checkRoom(0); err != nil {
		return nil, err
	}
	if err := s.checkQuota(ctx, b, c.Key, src.v.Size); err != nil {
		return nil, err
	}
	if bytes || c.Digest != nil || c.rekeys(src.v) || src.v.Where == whereInline && !src.v.customers() {
		return s.copyBytes(ctx, b, c, src)
	}
	h, err := s.copyByReference(ctx, b, c, src)
	if errs.KindOf(err) == errs.TooLarge {
		return s.copyBytes(ctx, b, c, src)
	}
	return h, err
}

func (s *Store) copySource(ctx context.Context, c Copy) (*source, error) {
	w, err := parseVersion(c.FromVersion)
	if err != nil {
		return nil, err
	}
	src, err := s.source(ctx, c.From, c.From.objectRow(c.FromKey), w)
	if err != nil {
		return nil, err
	}
	err = c.From.unlocks(src.v, c.FromCustomer, !c.keyed)
	if err == nil {
		err = c.FromIf.checkCopy(src.v)
	}
	if err != nil {
		src.close()
		return nil, err
	}
	if !c.FromOnly.IsZero() && src.v.ID != c.FromOnly {
		src.close()
		return nil, errs.Newf(errs.Unavailable, "the source was replaced: %w", ErrBusy)
	}
	src.customer = c.FromCustomer
	return src, nil
}

// maxWhole is how many bytes may be written in one piece: a version names all its extents in
// its row, 16 bytes each.
const maxWhole = 4096 * extent.MaxLength

// rekeys reports whether a copy is not under the key that its source is under: see envelope.
func (c *Copy) rekeys(src *version) bool {
	if !src.customers() {
		return c.Customer != nil
	}
	return !c.keyed && !c.FromCustomer.Is(c.Customer)
}

// copyBytes reads the source and writes it anew. A copy that keeps the ETag and the
// checksum of an object in parts keeps its parts too: they are what these speak of.
func (s *Store) copyBytes(ctx context.Context, b *Bucket, c Copy, src *source) (*Head, error) {
	if src.v.Size > maxWhole {
		return nil, errs.Newf(errs.TooLarge, "the object has more bytes than can be written in one piece, and too many copies share them: delete copies or versions of it first")
	}
	if err := s.checkEarly(ctx, b, c.Key, c.If, src.v.Size); err != nil {
		return nil, err
	}
	body, err := s.copyBody(ctx, c, src, 0, src.v.Size)
	if err != nil {
		return nil, err
	}
	defer body.close()
	ctx, ahead := s.ahead(ctx)
	defer ahead.Close()
	d := s.newDraft(b.objectRow(c.Key))
	d.ahead, d.version.Attrs, d.version.Tags, d.kind = ahead, c.attrs(src.v), c.tags(src.v), EventCopy
	d.lock, d.keys = c.Lock, b.secretsOf(&d.version, c.Customer)
	inline := MaxInline
	if c.Digest == nil && src.v.Parts > 0 {
		if err := s.loadList(ctx, src); err != nil {
			return nil, err
		}
		d.parts, inline = src.list.Parts, 0
		if d.keys.customers() {
			d.parts = randomTags(d.parts)
			body.Finish = func() (Digest, error) { return Digest{compositeTag(d.parts), src.v.Checksum}, nil }
		}
	}
	say := s.describeObject(b, c.Key)
	if err := s.store(ctx, d, body.Body, inline, say); err != nil {
		return nil, err
	}
	if d.version.Where == whereEmpty && len(d.parts) > 0 {
		if err := s.setList(ctx, d, &list{}, say); err != nil {
			s.release(ctx, d)
			return nil, err
		}
	}
	return s.commitObject(ctx, b, d, c.Key, c.If)
}

type copyBody struct {
	Body
	close func() error
}

// copyBody is a body that yields n bytes of the source at off, with the source's
// digest unless the copy asks for another.
func (s *Store) copyBody(ctx context.Context, c Copy, src *source, off, n int64) (*copyBody, error) {
	r, err := s.body(ctx, src, off, n)
	if err != nil {
		return nil, err
	}
	out := &copyBody{Body{Reader: r, Size: n}, r.Close}
	out.Customer = c.Customer
	switch {
	case c.Digest != nil:
		out.Hash, out.Finish = c.Digest()
	case src.v.customers() && c.Customer == nil && src.v.Parts == 0: // the source's is no digest
		sum := md5.New()
		out.Hash, out.Finish = sum, func() (Digest, error) { return Digest{hex.EncodeToString(sum.Sum(nil)), src.v.Checksum}, nil }
	default:
		out.Finish = func() (Digest, error) { return Digest{src.v.ETag, src.v.Checksum}, nil }
	}
	return out, nil
}

func (c *Copy) attrs(src *version) Attrs {
	a := src.Attrs
	if c.Attrs != nil {
		a = *c.Attrs
	} else {
		a.WebsiteRedirect = "" // as in S3, it belongs to the key
	}
	a.Replica = false
	return a
}

func (c *Copy) tags(src *version) []Tag {
	if c.Tags != nil {
		return *c.Tags
	}
	return src.Tags
}

// copyByReference makes a version of the source's extents, or of its upload.
func (s *Store) copyByReference(ctx context.Context, b *Bucket, c Copy, src *source) (*Head, error) {
	from, err := src.innerKey()
	if err != nil {
		return nil, err
	}
	ctx, ahead := s.ahead(ctx)
	defer ahead.Close()
	d := s.newDraft(b.objectRow(c.Key))
	d.ahead, d.lock, d.kind = ahead, c.Lock, EventCopy
	d.promise()
	v := &d.version
	id, modified := v.ID, v.Modified
	*v = *src.v
	v.Number, v.Null, v.Lock = 0, false, Lock{}
	v.ID, v.Modified, v.Attrs, v.Tags, v.Extents = id, modified, c.attrs(src.v), c.tags(src.v), nil
	v.Sealed = sealInner(b.versionKey(id), from)
	d.keys = b.blindSecrets(from, id)
	if d.blob, err = d.keys.blobOf(src); err != nil {
		return nil, err
	}
	if src.v.Holder != nil {
		defer s.hold(src.v.Holder.row())()
	}
	if err := s.reference(ctx, d, src.v); err != nil {
		s.release(ctx, d)
		return nil, err
	}
	return s.commitObject(ctx, b, d, c.Key, c.If)
}

// reference adds the draft's reference to everything that src references.
func (s *Store) reference(ctx context.Context, d *draft, src *version) error {
	if err := s.share(ctx, d, src.Extents); err != nil {
		return err
	}
	if src.Holder == nil {
		return nil
	}
	row := src.Holder.row()
	if err := s.addHolder(ctx, row, d.ref()); err != nil {
		return goneSource(err)
	}
	d.holder = &row
	return nil
}

func (s *Store) share(ctx context.Context, d *draft, extents []ident.ID) error {
	failed := make([]error, len(extents))
	add := func(i int) { failed[i] = s.Extents.AddRef(ctx, extents[i], d.ref()) }
	var group sync.WaitGroup
	turn := make(chan struct{}, sharers)
	for i := range extents {
		turn <- struct{}{}
		group.Go(func() { add(i); <-turn })
	}
	group.Wait()
	var first error
	for i, err := range failed {
		if err == nil {
			d.version.Extents = append(d.version.Extents, extents[i])
			d.shared = true
		} else if first == nil {
			first = err
		}
	}
	return goneSource(first)
}

// sharers is to how many extents one copy adds its reference side by side.
const sharers = 16

func goneSource(err error) error {
	if err != nil && errs.KindOf(err) == errs.NotFound {
		return errReplaced
	}
	return err
}

// CopyPart implements Service.
func (s *Store) CopyPart(ctx context.Context, b *Bucket, key string, upload ident.ID, number int, c Copy) (*Part, error) {
	if number < 1 || number > MaxParts {
		return nil, ErrPartNumber
	}
	return fromSource(ctx, s, c, func(src *source, bytes bool) (*Part, error) {
		off, n, err := c.run(src.v.Size)
		if err != nil {
			return nil, err
		}
		if !bytes && !c.rekeys(src.v) && src.v.Where != whereInline && n > 0 {
			p, err := s.partByReference(ctx, b, key, upload, number, c, src, off, n)
			if errs.KindOf(err) != errs.TooLarge {
				return p, err
			}
		}
		body, err := s.copyBody(ctx, c, src, off, n)
		if err != nil {
			return nil, err
		}
		defer body.close()
		return s.PutPart(ctx, b, key, upload, number, body.Body)
	})
}

// run returns which bytes of a source of that size become a part.
func (c *Copy) run(size int64) (off, n int64, err error) {
	n = size
	if c.Range != nil {
		if c.Range.Last >= size {
			return 0, 0, ErrRange // unlike a read, a copy names bytes that must be there
		}
		if off, n, err = c.Range.resolve(size); err != nil {
			return 0, 0, err
		}
	}
	if n > MaxPut {
		return 0, 0, ErrEntityTooLarge
	}
	return off, n, nil
}

// partByReference makes a part of a run of the source's extents. The bytes are read
// for their digest, but not written again. errs.TooLarge: copy the bytes instead.
func (s *Store) partByReference(ctx context.Context, b *Bucket, key string, upload ident.ID, number int, c Copy, src *source, off, n int64) (*Part, error) {
	r, inner, err := s.mayPut(ctx, b, key, upload, number, n, c.Customer)
	if err != nil {
		return nil, err
	}
	d := s.newDraft(partRow(upload, number))
	if d.keys, err = b.partSecrets(inner, d.version.ID, c.Customer); err != nil {
		return nil, err
	}
	l, err := s.cut(ctx, src, off, n, d.keys.data)
	if err != nil {
		return nil, err
	}
	body, err := s.copyBody(ctx, c, src, off, n)
	if err != nil {
		return nil, err
	}
	defer body.close()
	err = s.share(ctx, d, l.extents())
	if err == nil {
		err = digestOnly(d, body.Body, n)
	}
	if err == nil {
		err = s.setList(ctx, d, l, s.describePart(b, key, r, number))
	}
	if err != nil {
		s.release(ctx, d)
		return nil, err
	}
	return s.commitPart(ctx, b, key, r, d, number)
}

// digestOnly reads a body for its digest.
func digestOnly(d *draft, body Body, n int64) error {
	to := body.Hash
	if to == nil {
		to = io.Discard
	}
	if m, err := io.Copy(to, body.Reader); err != nil || m != n {
		return errors.Join(err, shortOf(m, n))
	}
	return d.finish(body, n)
}

func shortOf(m, n int64) error {
	if m < n {
		return ErrShortBody
	}
	return nil
}

// runBytes is how long the runs of a part by reference are at least on average, but
// for a few: bytes in shreds would cost more to read each time than to copy once.
const runBytes = 256 << 10

// cut returns the list of a run of the source's bytes, its keys sealed under data;
// errs.TooLarge if it has too many pieces for its length.
func (s *Store) cut(ctx context.Context, src *source, off, n int64, data ident.Secret) (*list, error) {
	if err := s.loadList(ctx, src); err != nil {
		return nil, err
	}
	from, err := src.dataKey()
	if err != nil {
		return nil, err
	}
	out := &list{}
	most := maxListHere + int(n/runBytes)
	for _, p := range src.list.Pieces {
		if off >= p.Length {
			off -= p.Length
			continue
		}
		if n == 0 {
			break
		}
		if len(out.Pieces) == most {
			return nil, errs.New(errs.TooLarge, "the source's bytes lie in too many pieces")
		}
		key, err := openPieceKey(from, p)
		if err != nil {
			return nil, err
		}
		run := min(p.Length-off, n)
		out.Pieces = append(out.Pieces, piece{Extent: p.Extent, Sealed: sealPieceKey(data, p.Extent, key),
			Total: p.Total, Offset: p.Offset + off, Length: run})
		off, n = 0, n-run
	}
	return out, nil
}

// extents returns the extents of a list, each once.
func (l *list) extents() []ident.ID {
	var out []ident.ID
	for _, p := range l.Pieces {
		if !slices.Contains(out, p.Extent) {
			out = append(out, p.Extent)
		}
	}
	return out
}
