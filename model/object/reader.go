package object

import (
	"bytes"
	"context"
	"io"

	"rhizome/base/errs"
	"rhizome/base/ident"
)

// pieceReader reads a run of pieces in order, one extent open at a time.
type pieceReader struct {
	s      *Store
	ctx    context.Context
	src    *source // which its own pin keeps, whatever becomes of the source's
	data   ident.Secret
	pieces []piece
	off    int64 // into the first piece
	left   int64
	cur    io.ReadCloser
	of     ident.ID // the extent of cur
	unpin  func()
	failed error
}

func (r *pieceReader) skip(off int64) {
	for len(r.pieces) > 0 && off >= r.pieces[0].Length {
		off -= r.pieces[0].Length
		r.pieces = r.pieces[1:]
	}
	r.off = off
}

// next opens the next piece; io.EOF when all bytes were read.
func (r *pieceReader) next() error {
	if r.left == 0 {
		return io.EOF
	}
	if len(r.pieces) == 0 {
		return errs.New(errs.Corrupt, "the object's list of pieces is shorter than the object")
	}
	p := r.pieces[0]
	key, err := openPieceKey(r.data, p)
	if err != nil {
		return err
	}
	n := min(p.Length-r.off, r.left)
	r.of = p.Extent
	cur, err := r.s.Extents.Open(r.ctx, p.Extent, key, p.Total, p.Offset+r.off, n)
	if err != nil {
		return r.s.missing(r.ctx, r.src, r.of, err) // and cur stays nil
	}
	r.cur = cur
	r.left -= n
	r.pieces, r.off = r.pieces[1:], 0
	return nil
}

// Read implements io.Reader.
func (r *pieceReader) Read(b []byte) (int, error) {
	for r.failed == nil {
		if r.cur == nil {
			if r.failed = r.next(); r.failed != nil {
				break
			}
		}
		n, err := r.cur.Read(b)
		if err == io.EOF {
			err = r.cur.Close()
			r.cur = nil
		}
		r.failed = r.s.missing(r.ctx, r.src, r.of, err)
		if n > 0 {
			return n, nil
		}
	}
	return 0, r.failed
}

// WriteTo implements io.WriterTo, piece by piece without another copy.
func (r *pieceReader) WriteTo(w io.Writer) (n int64, err error) {
	for {
		if r.cur == nil {
			if err := r.next(); err == io.EOF {
				return n, nil
			} else if err != nil {
				return n, err
			}
		}
		m, err := io.Copy(w, r.cur)
		n += m
		if err != nil {
			return n, r.s.missing(r.ctx, r.src, r.of, err)
		}
		if err := r.cur.Close(); err != nil {
			return n, err
		}
		r.cur = nil
	}
}

// Close implements io.Closer.
func (r *pieceReader) Close() error {
	defer r.unpin()
	if r.cur == nil {
		return nil
	}
	c := r.cur
	r.cur = nil
	return c.Close()
}

// bytesBody is a body in memory.
type bytesBody struct{ *bytes.Reader }

func newBytesBody(b []byte) bytesBody { return bytesBody{bytes.NewReader(b)} }

func (bytesBody) Close() error { return nil }

type emptyBody struct{}

func (emptyBody) Read([]byte) (int, error)         { return 0, io.EOF }
func (emptyBody) WriteTo(io.Writer) (int64, error) { return 0, nil }
func (emptyBody) Close() error                     { return nil }
