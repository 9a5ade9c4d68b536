package object

import (
	"bytes"
	"context"
	"errors"
	"io"
	"time"

	"rhizome/base/errs"
	"rhizome/cluster/extent"
)

// bodyWriter moves one body into extents. The caller's goroutine reads and verifies, the
// line hashes and writes behind it. Only the caller ever waits for a client, and while
// it does the body holds the chunk that is being filled, which begins small, and no
// frame.
type bodyWriter struct {
	s   *Store
	ctx context.Context
	d   *draft
	say describer

	size int64 // read so far
	cur  *extent.Writer
	room int64 // left in cur
	list list
	lent int64 // by the store's memory, for frames

	feed  *feed
	last  *chunk // filled, and not known whether more follows
	quick bool   // the frame before came within quickFrame
}

// quickFrame is in how much time a frame comes from a client that gets the next one's
// memory at once. From others it comes step by step, so that they hold about as much as
// they sent.
const quickFrame = time.Second

func (w *bodyWriter) run(head []byte, body Body) error {
	l := newLine(w.s.memory, body.Hash, w.pass)
	w.feed = &feed{r: io.MultiReader(bytes.NewReader(head), body.Reader), stop: body.Stop}
	defer w.feed.close()
	err := w.read(body.Size, l)
	if failed := l.stop(); err == nil {
		err = failed
	}
	if err != nil {
		return err
	}
	return w.finish(body)
}

// read fills chunks and sends them, each when it is known whether more follows.
func (w *bodyWriter) read(announced int64, l *line) error {
	for {
		c, err := l.next()
		if err == nil {
			c, err = w.fill(c, announced, l)
		}
		ended := errors.Is(err, io.EOF)
		if err == nil && announced >= 0 && w.size > announced {
			err = errs.New(errs.Invalid, "the body is longer than announced")
		}
		if err != nil && !ended {
			l.dropAll(w.last, c)
			return err
		}
		w.sendLast(l, c.n > 0)
		switch c.more = w.size < announced; {
		case c.n == 0:
			l.drop(c)
		case ended || c.more:
			l.send(c)
		default:
			w.last = c
		}
		if ended {
			return short(w.size < announced)
		}
	}
}

func (w *bodyWriter) sendLast(l *line, more bool) {
	if w.last != nil {
		w.last.more = more
		l.send(w.last)
		w.last = nil
	}
}

func short(is bool) error {
	if is {
		return ErrShortBody
	}
	return nil
}

// fill reads the next chunk, up to the end of its frame, and returns what became of c. It
// asks for one byte at least, to see the end. The chunk grows as bytes come; the one
// before is sent first, because nobody may wait for a place while it holds one that big.
func (w *bodyWriter) fill(c *chunk, announced int64, l *line) (*chunk, error) {
	left, want := int64(-1), chunkBytes-w.size%chunkBytes
	if announced >= 0 {
		left = announced - w.size
		want = max(1, min(want, left))
	}
	start := time.Now() // a stopwatch
	err := fill(w.feed, c, want)
	for err == nil && int64(c.n) < want {
		w.sendLast(l, true)
		next := shelf(int(want))
		if !w.quick {
			next = min(next, shelf(c.n)+1)
		}
		if c, err = w.s.memory.widen(w.ctx, w.feed, c, next); err == nil {
			err = fill(w.feed, c, want)
		}
	}
	w.quick = c.n == chunkBytes && time.Since(start) < quickFrame // a stopwatch
	c.left = left
	w.size += int64(c.n)
	return c, err
}

// fill reads until c is full, has want bytes or r says no more; unlike io.ReadFull it
// returns r's own error, so that a body cut short is told from one that ended.
func fill(r io.Reader, c *chunk, want int64) (err error) {
	buf := c.buf[:min(want, int64(len(c.buf)))]
	for c.n < len(buf) && err == nil {
		var n int
		n, err = r.Read(buf[c.n:])
		c.n += n
	}
	return err
}

// pass writes a chunk. What it borrows for frames it gives back at once if more is to
// come, else when the last extent is closed.
func (w *bodyWriter) pass(c *chunk) error {
	need := frames(c.n)
	if err := w.s.memory.passing.take(w.ctx, need); err != nil {
		return errs.Newf(errs.Unavailable, "storing a body was given up: %w", err)
	}
	w.lent += need
	if !c.more {
		c.left = int64(c.n)
	}
	if err := w.write(c.buf[:c.n], c.left); err != nil || !c.more {
		return err
	}
	if err := w.rest(); err != nil {
		return err
	}
	w.giveBack()
	return nil
}

// frames is what a writer of extents holds while n bytes pass: the frame, the same
// compressed, and the one before.
func frames(n int) int64 {
	const small = 128 << 10
	if n <= small {
		return 3 * small
	}
	return 3 * chunkBytes
}

func (w *bodyWriter) giveBack() {
	w.s.memory.passing.give(w.lent)
	w.lent = 0
}

// rest leaves no frame behind in memory.
func (w *bodyWriter) rest() error {
	if w.room == 0 {
		return w.closeExtent()
	}
	return w.cur.Rest()
}

// write adds p to the present extent and begins another when that is full; left is how
// much of the body is to come from p on, negative if unknown.
func (w *bodyWriter) write(p []byte, left int64) error {
	for len(p) > 0 {
		if w.cur != nil && w.room == 0 {
			if err := w.closeExtent(); err != nil {
				return err
			}
		}
		if w.cur == nil {
			w.begin(left)
		}
		n, err := w.cur.Write(p[:min(w.room, int64(len(p)))])
		w.room -= int64(n)
		left -= int64(n)
		p = p[n:]
		if err != nil {
			return err
		}
	}
	return nil
}

// begin opens the next extent.
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
	w.list.Pieces = append(w.list.Pieces, w.d.keys.piece(p))
	return nil
}

// finish takes the digest before the last extent is closed, so that what the extent
// says of itself holds it too.
func (w *bodyWriter) finish(body Body) error {
	if err := w.d.finish(body, w.size); err != nil {
		return err
	}
	w.d.promise()
	if w.size == 0 {
		return nil
	}
	if err := w.closeExtent(); err != nil {
		return err
	}
	w.giveBack()
	return w.s.setList(w.ctx, w.d, &w.list, w.say)
}

func (w *bodyWriter) abort() {
	if w.cur != nil {
		w.cur.Abort()
	}
	w.giveBack()
}
