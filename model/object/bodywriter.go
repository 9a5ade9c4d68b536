package object

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/extent"
)

// chunkBytes is the unit in which a body moves through memory; two of them are in
// use per body, one being read and one being hashed.
const chunkBytes = 1 << 20

// chunks are shared by all bodies, so that memory once touched is used again.
var chunks = sync.Pool{New: func() any { b := make([]byte, chunkBytes); return &b }}

// bodyWriter moves one body into extents. The caller's goroutine reads and verifies,
// another hashes, and the extent's writer seals behind its own back. Only the caller
// ever waits for a client.
type bodyWriter struct {
	s    *Store
	ctx  context.Context
	d    *draft
	data ident.Secret
	say  describer

	size int64 // read so far
	cur  *extent.Writer
	room int64 // left in cur
	list list
}

func (w *bodyWriter) run(head []byte, body Body) error {
	h := startHasher(body.Hash)
	err := w.read(io.MultiReader(bytes.NewReader(head), body.Reader), body.Size, h)
	h.stop()
	if err != nil {
		return err
	}
	return w.finish(body)
}

func (w *bodyWriter) read(r io.Reader, announced int64, h *hasher) error {
	for {
		buf := h.buffer()
		n, err := fill(r, *buf)
		w.size += int64(n)
		h.hash(buf, n)
		if announced >= 0 && w.size > announced {
			return errs.New(errs.Invalid, "the body is longer than announced")
		}
		if werr := w.write((*buf)[:n], announced); werr != nil {
			return werr
		}
		switch {
		case err == nil:
		case !errors.Is(err, io.EOF):
			return err
		case announced >= 0 && w.size < announced:
			return ErrShortBody
		default:
			return nil
		}
	}
}

// fill reads until buf is full or r says no more; unlike io.ReadFull it returns r's
// own error, so that a body cut short is told from one that ended.
func fill(r io.Reader, buf []byte) (n int, err error) {
	for n < len(buf) && err == nil {
		var m int
		m, err = r.Read(buf[n:])
		n += m
	}
	return n, err
}

// write adds p to the present extent and begins another when that is full.
func (w *bodyWriter) write(p []byte, announced int64) error {
	for len(p) > 0 {
		if w.cur != nil && w.room == 0 {
			if err := w.closeExtent(); err != nil {
				return err
			}
		}
		if w.cur == nil {
			w.begin(announced - (w.size - int64(len(p))))
		}
		n, err := w.cur.Write(p[:min(w.room, int64(len(p)))])
		w.room -= int64(n)
		p = p[n:]
		if err != nil {
			return err
		}
	}
	return nil
}

// begin opens the next extent; left is how much of the body is to come, negative if
// unknown.
func (w *bodyWriter) begin(left int64) {
	size := int64(-1)
	if left > 0 {
		size = min(left, extent.MaxLength)
	}
	w.cur = w.s.Extents.NewWriter(w.ctx, w.d.ref(), size, w.say.extent(w.d, len(w.list.Pieces)))
	w.room = extent.MaxLength
}

func (w *bodyWriter) closeExtent() error {
	p, err := w.cur.Close(w.ctx)
	w.cur = nil
	if err != nil {
		return err
	}
	w.d.version.Extents = append(w.d.version.Extents, p.Extent)
	w.list.Pieces = append(w.list.Pieces, sealPiece(w.data, p))
	return nil
}

// finish takes the digest before the last extent is closed, so that what the extent
// says of itself holds it too.
func (w *bodyWriter) finish(body Body) error {
	if err := w.d.finish(body, w.size); err != nil {
		return err
	}
	if w.size == 0 {
		return nil
	}
	if err := w.closeExtent(); err != nil {
		return err
	}
	return w.s.setList(w.ctx, w.d, &w.list, w.data, w.say)
}

func (w *bodyWriter) abort() {
	if w.cur != nil {
		w.cur.Abort()
	}
}

// hasher feeds a body's bytes to its Hash beside everything else. Of its two buffers
// one is with the reader while the other is hashed.
type hasher struct {
	to   io.Writer
	in   chan filled
	free chan *[]byte
	done sync.WaitGroup
}

type filled struct {
	buf *[]byte
	n   int
}

const hashBuffers = 2

// startHasher returns a hasher with its goroutine; stop ends it.
func startHasher(to io.Writer) *hasher {
	h := &hasher{to: to, in: make(chan filled, hashBuffers), free: make(chan *[]byte, hashBuffers)}
	for range hashBuffers {
		h.free <- nil // not taken from the pool before it is needed
	}
	h.done.Go(func() {
		for f := range h.in {
			if h.to != nil {
				_, _ = h.to.Write((*f.buf)[:f.n])
			}
			h.free <- f.buf
		}
	})
	return h
}

// buffer returns a buffer to fill, waiting until one was hashed.
func (h *hasher) buffer() *[]byte {
	b := <-h.free
	if b == nil {
		b = chunks.Get().(*[]byte)
	}
	return b
}

// hash hands a buffer over. The caller may read it until it asks for the next one.
func (h *hasher) hash(b *[]byte, n int) { h.in <- filled{b, n} }

// stop waits until everything is hashed and gives the buffers back.
func (h *hasher) stop() {
	close(h.in)
	h.done.Wait()
	for range len(h.free) {
		if b := <-h.free; b != nil {
			chunks.Put(b)
		}
	}
}
