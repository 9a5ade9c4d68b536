package object

import (
	"context"
	"errors"
	"io"

	"rhizome/base/codec"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/extent"
	"rhizome/cluster/register"
)

// draft is a version being written: its bytes are stored, its row is not committed.
type draft struct {
	row     register.Row
	ballot  register.Ballot
	version version
	lock    Lock // what is asked for
	blob    []byte
	parts   []partMark    // of a copy of an object in parts
	shared  bool          // others reference the extents too
	holder  *register.Row // the upload whose parts hold the bytes
	ahead   *register.Ahead
	keys    *secrets
	kind    EventKind // of an object: what its commit is
	tell    *event    // nil: nobody is told
}

// promise asks for the promises of the commit, which is to come soon, ahead of it.
func (d *draft) promise() { d.ahead.Prepare(d.row, d.ballot) }

// ref is the reference of the draft in one of its holders.
func (d *draft) ref() extent.Ref {
	return extent.Ref{ID: d.version.ID, Row: d.row, Ballot: d.ballot}
}

func (s *Store) newDraft(row register.Row) *draft {
	return &draft{row: row, ballot: s.Registers.NewBallot(), version: version{ID: ident.New(), Modified: s.now()}}
}

// store writes a body and fills in the draft, whose keys are set. Bodies up to
// inline bytes go into the blob. On failure nothing is left but what the collector
// finds.
func (s *Store) store(ctx context.Context, d *draft, body Body, inline int, say describer) (err error) {
	head, whole, err := readHead(body, inline)
	if err != nil {
		return err
	}
	if whole {
		if body.Hash != nil {
			_, _ = body.Hash.Write(head)
		}
		return s.finishInline(d, body, head)
	}
	w := &bodyWriter{s: s, ctx: ctx, d: d, say: say}
	if err := w.run(head, body); err != nil {
		w.abort()
		s.release(ctx, d)
		return err
	}
	return nil
}

// readHead reads up to inline+1 bytes; whole says that this was all, or that the
// body is known to be longer and nothing was read.
func readHead(body Body, inline int) (head []byte, whole bool, err error) {
	if inline == 0 || body.Size > int64(inline) {
		return nil, false, nil
	}
	room := int64(inline)
	if body.Size >= 0 {
		room = body.Size
	}
	head = make([]byte, room+1) // one more, to see the end
	c := chunk{buf: head}
	err = fill(body.Reader, &c, room+1)
	switch {
	case err == nil && body.Size >= 0:
		return nil, false, errs.New(errs.Invalid, "the body is longer than announced")
	case err == nil:
		return head, false, nil
	case !errors.Is(err, io.EOF):
		return nil, false, err
	case body.Size >= 0 && int64(c.n) < body.Size:
		return nil, false, ErrShortBody
	}
	return head[:c.n], true, nil
}

func (s *Store) finishInline(d *draft, body Body, plain []byte) error {
	if err := d.finish(body, int64(len(plain))); err != nil {
		return err
	}
	d.promise()
	if len(plain) > 0 {
		d.version.Where = whereInline
		d.blob = sealBytes(d.keys.data, plain)
	}
	return nil
}

// finish takes the digest of a whole body.
func (d *draft) finish(body Body, size int64) error {
	d.version.Size = size
	if body.Finish == nil {
		return nil
	}
	digest, err := body.Finish()
	if err != nil {
		return err
	}
	d.version.ETag, d.version.Checksum = digest.ETag, digest.Checksum
	if d.keys.customers() && len(d.parts) == 0 {
		d.version.ETag = randomTag()
	}
	return nil
}

// setList puts the list of pieces where it fits: the blob or an extent.
func (s *Store) setList(ctx context.Context, d *draft, l *list, say describer) error {
	if len(d.parts) > 0 {
		l.Parts, d.version.Parts = d.parts, len(d.parts)
	}
	if len(l.Pieces) <= maxListHere && len(l.Parts) == 0 {
		d.version.Where, d.version.Here = whereHere, l
		return nil
	}
	b := codec.Encode(l)
	if len(b) <= maxListBlob {
		d.version.Where, d.blob = whereList, b
		return nil
	}
	w := s.Extents.NewWriter(ctx, d.ref(), int64(len(b)), say.extent(d, -1))
	if _, err := w.Write(b); err != nil {
		w.Abort()
		return err
	}
	p, err := w.Close(ctx)
	if err != nil {
		return err
	}
	d.version.Extents = append(d.version.Extents, p.Extent)
	d.version.Where, d.blob = whereLong, codec.Encode(d.keys.listPiece(p))
	return nil
}
