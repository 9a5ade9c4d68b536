package object

import (
	"bytes"
	"context"
	"errors"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/register"
)

// Complete implements Service. Its steps: take the upload (completing, under a new
// epoch, with the reference of the version to be), fence its parts, read them, commit
// the object, confirm. Who finds an upload that another took settles that one's fate
// first.
func (s *Store) Complete(ctx context.Context, b *Bucket, c Complete) (*Head, error) {
	addr := b.uploadAddress(c.Key, c.Upload)
	ctx, ahead := s.ahead(ctx)
	defer ahead.Close()
	for range 4 {
		_, r, err := s.uploadAt(ctx, addr.row())
		if err != nil {
			return nil, err
		}
		switch r.State {
		case uploadOpen:
			h, err := s.complete(ctx, ahead, b, c, addr, r)
			if !errors.Is(err, errTaken) {
				return h, err
			}
		case uploadCompleting:
			if _, err := s.settleUpload(register.Afresh(ctx), addr.row(), true); err != nil {
				return nil, err
			}
		case uploadDone:
			return s.completed(ctx, b, c.Key, r)
		default:
			return nil, ErrNoSuchUpload
		}
	}
	return nil, errs.Newf(errs.Unavailable, "the upload is being completed: %w", ErrBusy)
}

// errTaken says that another coordinator changed the upload first.
var errTaken = errors.New("the upload was taken meanwhile")

// completed answers a repeated Complete while the object stands.
func (s *Store) completed(ctx context.Context, b *Bucket, key string, r *uploadRecord) (*Head, error) {
	v, _, err := s.readSlot(ctx, b.objectRow(key))
	if errors.Is(err, ErrNoSuchKey) || err == nil && v.ID != r.Done {
		return nil, ErrNoSuchUpload
	}
	if err != nil {
		return nil, err
	}
	h := v.head(key)
	return &h, nil
}

func (s *Store) complete(ctx context.Context, ahead *register.Ahead, b *Bucket, c Complete, addr address, r *uploadRecord) (*Head, error) {
	if err := checkOrder(c.Parts); err != nil {
		return nil, err
	}
	inner, err := b.uploadInner(r)
	if err == nil && c.Customer != nil {
		inner, err = b.uploadSecret(r, c.Customer)
	}
	if err != nil {
		return nil, err
	}
	row := addr.row()
	ahead.Prepare(row, register.Ballot{})
	g, err := s.gather(ctx, b, c, r, inner) // before anything changes
	if err != nil {
		return nil, err
	}
	if err := s.checkQuota(ctx, b, c.Key, g.size); err != nil {
		return nil, err
	}
	if err := s.checkEarly(ctx, b, c.Key, c.If, -1); err != nil {
		return nil, err
	}
	d := s.newDraft(b.objectRow(c.Key))
	d.ahead, d.kind = ahead, EventComplete
	defer s.hold(row)()
	epoch := r.Epoch + 1
	_, err = s.changeUpload(ctx, row, func(now *uploadRecord) error {
		if now.State != uploadOpen || now.Epoch != r.Epoch {
			return errTaken
		}
		now.State, now.Epoch, now.Refs = uploadCompleting, epoch, []held{holds(d.ref())}
		now.Kept = c.numbers()
		return nil
	})
	if err != nil {
		return nil, err
	}
	h, err := s.completeTaken(ctx, b, c, addr, r, d, inner, epoch)
	if err != nil && refused(err) {
		// Certainly not committed: open the upload again for another try.
		return nil, errors.Join(err, s.dropHolder(context.WithoutCancel(ctx), row, d.version.ID, false))
	}
	return h, err
}

// completeTaken commits the object of an upload in state completing.
func (s *Store) completeTaken(ctx context.Context, b *Bucket, c Complete, addr address, r *uploadRecord, d *draft, inner []byte, epoch uint64) (*Head, error) {
	if err := s.Registers.Fence(ctx, Parts, r.ID.Key(), epoch); err != nil {
		return nil, err
	}
	// What is read below must not be replaced by a part that was never acknowledged, which
	// a minority took before the fence: so the named rows are chosen anew behind it, and
	// read only then. A fence within the reading scan would come too late for that.
	if err := s.Registers.Affirm(ctx, c.rows()...); err != nil {
		return nil, err
	}
	d.promise()
	g, err := s.gather(ctx, b, c, r, inner)
	if err != nil {
		return nil, err
	}
	row := addr.row()
	d.holder = &row
	v := &d.version
	d.lock = r.Lock
	v.Attrs, v.Tags, v.Checksum, v.ETag = r.Attrs, r.Tags, g.digest.Checksum, g.digest.ETag
	v.Size, v.Parts, v.Holder = g.size, len(g.list.Parts), &addr
	v.Sealed = sealInner(b.versionKey(v.ID), inner)
	d.keys = b.blindSecrets(inner, v.ID)
	if err := s.setList(ctx, d, &g.list, s.describeObject(b, c.Key)); err != nil {
		return nil, err
	}
	d.ahead.Prepare(row, register.Ballot{}) // of what confirms it
	h, err := s.commitObject(ctx, b, d, c.Key, c.If)
	if err != nil {
		return nil, err
	}
	_, err = s.changeUpload(ctx, row, func(r *uploadRecord) error { return r.confirm(v.ID) })
	if err != nil {
		// The object stands; the collector confirms the reference.
		s.Logger.Debug("an upload is left to the collector", "upload", r.ID, "error", err)
	}
	s.enqueue(row)
	return h, nil
}

// gathered is what the named parts of an upload make.
type gathered struct {
	list   list
	size   int64
	digest Digest
}

// gather reads the upload's parts and checks them against what the client named.
func (s *Store) gather(ctx context.Context, b *Bucket, c Complete, r *uploadRecord, inner []byte) (*gathered, error) {
	have, err := s.allParts(ctx, r.ID, 0)
	if err != nil {
		return nil, err
	}
	g := &gathered{}
	parts := make([]Part, 0, len(c.Parts))
	for i, want := range c.Parts {
		p, ok := have[want.Number]
		if !ok || p.ETag != want.ETag || len(want.Checksum) > 0 && !bytes.Equal(want.Checksum, p.Checksum.Sum) {
			return nil, errs.Newf(errs.Invalid, "part %d: %w", want.Number, ErrInvalidPart)
		}
		if i < len(c.Parts)-1 && p.Size < MinPart {
			return nil, errs.Newf(errs.TooLarge, "part %d has %d bytes: %w", want.Number, p.Size, ErrPartTooSmall)
		}
		pieces, err := s.partPieces(ctx, b, r, want.Number, p, inner)
		if err != nil {
			return nil, err
		}
		g.list.Pieces = append(g.list.Pieces, pieces...)
		g.list.Parts = append(g.list.Parts, partMark{want.Number, p.Size, p.ETag, p.Checksum.Sum})
		g.size += p.Size
		parts = append(parts, p.part(want.Number))
	}
	if g.size > MaxObject || c.Size >= 0 && g.size != c.Size {
		return nil, errs.Newf(errs.Invalid, "the parts have %d bytes together, not %d", g.size, c.Size)
	}
	if c.Finish != nil {
		g.digest, err = c.Finish(parts)
	}
	return g, err
}

// allParts returns the parts of an upload by number, and closes them to epochs below
// that.
func (s *Store) allParts(ctx context.Context, upload ident.ID, epoch uint64) (map[int]*version, error) {
	out := map[int]*version{}
	scan := scanAllParts(upload, epoch)
	for {
		p, err := s.Registers.Scan(ctx, scan)
		if err != nil {
			return nil, err
		}
		for _, e := range p.Entries {
			n, v, err := partEntry(e)
			if err != nil {
				return nil, err
			}
			out[n] = v
		}
		if !p.More {
			return out, nil
		}
		scan.After = p.After
	}
}

func scanAllParts(upload ident.ID, epoch uint64) register.Scan {
	return register.Scan{Table: Parts, Parts: []string{upload.Key()}, Limit: 1000, Fence: epoch}
}

// partPieces returns the pieces of a part; long lists are read from its row.
func (s *Store) partPieces(ctx context.Context, b *Bucket, r *uploadRecord, number int, p *version, inner []byte) ([]piece, error) {
	switch p.Where {
	case whereEmpty:
		return nil, nil
	case whereHere:
		return p.Here.Pieces, nil
	}
	src, err := s.source(ctx, b, partRow(r.ID, number), which{current: true})
	if err == nil {
		defer src.close()
		src.inner = inner
		if src.v.ID != p.ID {
			err = ErrNoSuchKey
		} else {
			err = s.loadList(ctx, src)
		}
	}
	if errors.Is(err, ErrNoSuchKey) || errors.Is(err, errReplaced) {
		return nil, errs.Newf(errs.Conflict, "part %d was uploaded again meanwhile: %w", number, ErrInvalidPart)
	}
	if err != nil {
		return nil, err
	}
	return src.list.Pieces, nil
}

// numbers and rows are those of the named parts.
func (c *Complete) numbers() (kept partSet) {
	for _, p := range c.Parts {
		kept.add(p.Number)
	}
	return kept
}

func (c *Complete) rows() []register.Row {
	rows := make([]register.Row, len(c.Parts))
	for i, p := range c.Parts {
		rows[i] = partRow(c.Upload, p.Number)
	}
	return rows
}

// checkOrder checks what the client named before anything is read.
func checkOrder(parts []CompletePart) error {
	if len(parts) == 0 {
		return errs.Newf(errs.Invalid, "no part was named: %w", ErrInvalidPart)
	}
	if len(parts) > MaxParts {
		return ErrPartNumber
	}
	for i, p := range parts {
		if p.Number < 1 || p.Number > MaxParts {
			return ErrPartNumber
		}
		if i > 0 && p.Number <= parts[i-1].Number {
			return ErrPartOrder
		}
	}
	return nil
}
