package extentstore

import (
	"context"

	"rhizome/base/errs"
	"rhizome/base/ident"
)

// reserveStep is what a writer of unknown size sets aside at a time.
const reserveStep = 8 << 20

// Writer takes one extent. It is not safe for concurrent use; Commit or Abort ends
// it, and Abort after Commit does nothing.
type Writer struct {
	s        *Store
	ctx      context.Context
	id       ident.ID
	d        *disk
	reserved int64
	spent    int64 // what was written or is to be
	table    table
	held     []byte // the first frame, while it may still go to a segment
	file     *fileWriter
	err      error
	ended    bool
	again    bool // it may replace what is under the ID
}

// Create begins an extent under an ID that is not here: the caller drew it at random
// or asked Info; it is not looked up again. size is the expected number of stored
// bytes, -1 if unknown; that much room is set aside, or errs.Full.
func (s *Store) Create(ctx context.Context, id ident.ID, size int64) (*Writer, error) {
	if size < 0 {
		size = MaxFrame
	}
	size += metaLen(int(size>>20)+1, 1<<10)
	d, err := s.reserve(size)
	if err != nil {
		return nil, err
	}
	return &Writer{s: s, ctx: ctx, id: id, d: d, reserved: size}, nil
}

// Append adds one frame of at most MaxFrame bytes. The store may read frame until
// the next Append, Commit or Abort returns. After an error only Abort is left.
func (w *Writer) Append(frame []byte) error {
	if w.err == nil && len(frame) <= MaxFrame {
		return w.AppendSummed(frame, sum(frame))
	}
	return w.AppendSummed(frame, [SumSize]byte{})
}

// AppendSummed is Append for a caller who knows the frame's checksum.
func (w *Writer) AppendSummed(frame []byte, s [SumSize]byte) error {
	if w.err == nil {
		w.err = w.append(frame, s)
	}
	return w.err
}

func (w *Writer) append(frame []byte, s [SumSize]byte) error {
	switch {
	case w.ended:
		return errs.New(errs.Invalid, "the extent has ended")
	case w.ctx.Err() != nil:
		return errs.Newf(errs.Unavailable, "writing an extent was given up: %w", w.ctx.Err())
	case len(frame) > MaxFrame || w.table.frames() == MaxFrames:
		return errs.Newf(errs.TooLarge, "a frame of %d bytes behind %d frames is over the limit", len(frame), w.table.frames())
	}
	if err := w.grow(int64(len(frame))); err != nil {
		return err
	}
	w.table = w.table.add(len(frame), s)
	if w.table.frames() == 1 && int64(len(frame)) <= w.s.opt.SmallBytes {
		w.held = frame
		return nil
	}
	return w.toFile(frame)
}

// grow makes sure that n more bytes are set aside.
func (w *Writer) grow(n int64) error {
	w.spent += n + rowSize
	missing := w.spent + metaFixed + MaxDescriptor + tailSize - w.reserved
	if missing <= 0 {
		return nil
	}
	if missing > 2*MaxDescriptor {
		missing = max(missing, reserveStep)
	}
	if err := w.s.extend(w.d, missing); err != nil {
		return err
	}
	w.reserved += missing
	return nil
}

// Rest lets go of the last frame: its buffer is the caller's again at once. More frames
// must follow.
func (w *Writer) Rest() error {
	if w.err == nil && w.held != nil {
		w.err = w.letGo()
	}
	return w.err
}

func (w *Writer) toFile(frame []byte) error {
	if err := w.letGo(); err != nil {
		return err
	}
	return w.file.write(frame)
}

// letGo begins the extent's own file, with the frame that is held.
func (w *Writer) letGo() (err error) {
	if w.file == nil {
		if w.file, err = createFile(w.d, w.id); err != nil {
			return err
		}
	}
	if w.held != nil {
		err, w.held = w.file.write(w.held), nil
	}
	return err
}

// Commit ends the extent: when it returns nil, frames and descriptor are durable.
// After an error the extent does not exist, or exists whole.
func (w *Writer) Commit(descriptor []byte) error {
	if w.err != nil {
		return w.err
	}
	if w.ended || len(descriptor) > MaxDescriptor {
		return errs.New(errs.Invalid, "the extent has ended, or its descriptor is too long")
	}
	if w.err = w.commit(descriptor); w.err != nil {
		w.Abort()
		return w.err
	}
	w.end()
	return nil
}

func (w *Writer) commit(desc []byte) error {
	if w.again {
		return w.commitAgain(desc)
	}
	if w.file == nil {
		return w.d.app.append(w.s, w.d, []*record{{id: w.id, table: w.table, desc: desc, data: w.held}})
	}
	e, err := w.file.finish(w.id, w.table, desc)
	if err == nil {
		err = w.file.publish(w.id)
	}
	if err != nil {
		return err
	}
	return w.s.indexFile(w.d, w.id, e)
}

// Abort gives the extent up and returns its room.
func (w *Writer) Abort() {
	if w.ended {
		return
	}
	if w.err == nil {
		w.err = errs.New(errs.Invalid, "the extent was given up")
	}
	if w.file != nil {
		w.file.abort()
	}
	w.end()
}

func (w *Writer) end() {
	w.ended = true
	w.held = nil
	w.d.release(w.reserved)
}

// Bytes returns the sum of the frames' stored bytes so far, and Digest what Info
// calls Digest, once the last frame was appended.
func (w *Writer) Bytes() int64          { return w.table.bytes() }
func (w *Writer) Digest() [sumSize]byte { return sum(w.table) }
