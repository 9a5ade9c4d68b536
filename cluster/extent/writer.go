package extent

import (
	"context"
	"crypto/rand"
	"io"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/disk/extentstore"
)

// inFlight is how many full frames of one writer may wait for the disk.
const inFlight = 2

// Writer takes the plain bytes of one extent. The caller produces while a frame is
// compressed, sealed and written behind its back. It is not safe for concurrent use;
// Close or Abort must end it, and Abort after Close does nothing.
type Writer struct {
	s        *Store
	ctx      context.Context
	id       ident.ID
	ref      Ref
	key      []byte
	describe Describe
	sealer   *sealer
	bytes    *extentstore.Writer // this node's disks, if it is the only holder
	fan      *fan                // else
	buf      []byte              // the frame being filled, plain bytes from headLen on
	fill     int
	frames   int // handed on
	length   int64
	err      error
	ended    bool
	owes     bool // a frame that is not the last was handed on and nothing came since

	// queue and done exist from the second frame on.
	queue chan job
	done  chan error
	last  []byte // the buffer of the frame that the disk may still read
}

type job struct {
	buf   []byte
	place place
}

// NewWriter begins an extent that ref will use. size is the expected length in plain
// bytes, -1 if unknown. describe may be nil: then the extent says nothing of who uses it.
func (s *Store) NewWriter(ctx context.Context, ref Ref, size int64, describe Describe) *Writer {
	w := &Writer{s: s, ctx: ctx, id: ident.New(), ref: ref, describe: describe, key: make([]byte, KeySize)}
	_, _ = rand.Read(w.key)
	s.hold(w.id)
	if size > MaxLength {
		w.err = errs.Newf(errs.TooLarge, "an extent holds at most %d bytes", MaxLength)
		return w
	}
	if w.sealer, w.err = newSealer(w.id, w.key); w.err == nil {
		if size > 0 {
			size += int64(frameCount(size)) * overhead
		}
		if s.sole(w.id) {
			w.bytes, w.err = s.disks.Create(ctx, w.id, size)
		} else {
			w.fan, w.err = s.newFan(ctx, w.id, size)
		}
	}
	w.buf = s.pool.get(firstBuffer(size))
	return w
}

func firstBuffer(size int64) int {
	if size < 0 || size > FrameSize {
		return FrameSize
	}
	return int(size)
}

// ID returns the extent's identity.
func (w *Writer) ID() ident.ID { return w.id }

// Write adds plain bytes. It fails with errs.TooLarge beyond MaxLength, errs.Full
// when the disks are, and whatever went wrong since the last call.
func (w *Writer) Write(p []byte) (int, error) {
	total := len(p)
	for len(p) > 0 {
		if err := w.room(); err != nil {
			return total - len(p), err
		}
		n := copy(w.space(), p)
		w.fill += n
		w.owes = false
		p = p[n:]
	}
	return total, nil
}

// ReadFrom is Write without the copy. It reads to the end of r or to MaxLength.
func (w *Writer) ReadFrom(r io.Reader) (int64, error) {
	var total int64
	for w.length+int64(w.fill) < MaxLength {
		if w.err == nil && !w.ended && w.fill == FrameSize {
			// Only with one byte more is the frame known not to be the last.
			n, err := w.afterFull(r)
			if total += int64(n); err == io.EOF {
				return total, nil
			} else if err != nil {
				return total, err
			}
			continue
		}
		if err := w.room(); err != nil {
			return total, err
		}
		n, err := r.Read(w.space())
		w.fill += n
		w.owes = w.owes && n == 0
		total += int64(n)
		if err == io.EOF {
			return total, nil
		}
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

// afterFull reads one byte and puts it behind a frame that is full.
func (w *Writer) afterFull(r io.Reader) (int, error) {
	var one [1]byte
	if n, err := io.ReadFull(r, one[:]); n == 0 {
		return 0, err
	}
	return w.Write(one[:])
}

// Rest is for a caller that may wait long for the bytes that follow, and some must: what
// was written goes on its way, whole frames as far as the disk, and their buffers are
// given back. Between two frames a Writer at rest holds none.
func (w *Writer) Rest() error {
	if w.err == nil && !w.ended && w.fill == FrameSize && w.length+FrameSize < MaxLength {
		w.owes = true
		j := w.take(false)
		if w.queue == nil {
			w.err = w.store(j)
		} else {
			w.err = w.enqueue(j)
		}
	}
	if err := w.stop(); w.err == nil {
		w.err = err
	}
	if w.err == nil && !w.ended && w.fan != nil {
		w.err = w.fan.rest()
	} else if w.err == nil && !w.ended && w.bytes.Rest() == nil { // what is wrong the next call says
		w.s.pool.put(w.last)
		w.last = nil
	}
	return w.err
}

// space is where the next plain bytes go.
func (w *Writer) space() []byte {
	if w.buf == nil {
		return nil
	}
	return w.buf[headLen+w.fill : min(len(w.buf)-tagLen, headLen+FrameSize)]
}

// room makes space for at least one byte: a frame that is full goes on its way.
func (w *Writer) room() error {
	switch {
	case w.err != nil:
		return w.err
	case w.ended:
		return errs.New(errs.Invalid, "the extent has ended")
	case len(w.space()) > 0:
		return nil
	case w.buf == nil && w.length < MaxLength:
		w.buf = w.s.pool.get(FrameSize)
		return nil
	case w.buf != nil && w.fill < FrameSize:
		w.widen()
		return nil
	case w.length+int64(w.fill) >= MaxLength:
		w.err = errs.Newf(errs.TooLarge, "an extent holds at most %d bytes", MaxLength)
		return w.err
	}
	w.err = w.handOn(false)
	w.buf = w.s.pool.get(FrameSize)
	return w.err
}

// widen moves the frame into a larger buffer.
func (w *Writer) widen() {
	big := w.s.pool.get(FrameSize)
	copy(big[headLen:], w.buf[headLen:headLen+w.fill])
	w.s.pool.put(w.buf)
	w.buf = big
}

// handOn gives the frame to the worker, or seals it here if it is the only one.
func (w *Writer) handOn(last bool) error {
	j := w.take(last)
	if last && w.queue == nil {
		return w.store(j)
	}
	return w.enqueue(j)
}

// take makes a job of the frame that was filled.
func (w *Writer) take(last bool) job {
	j := job{w.buf, place{w.frames, w.fill, last}}
	w.buf = nil
	w.frames++
	w.length += int64(w.fill)
	w.fill = 0
	return j
}

func (w *Writer) enqueue(j job) error {
	if w.queue == nil {
		w.queue, w.done = make(chan job, inFlight), make(chan error, 1)
		go w.work()
	}
	select {
	case w.queue <- j:
		return nil
	case err := <-w.done:
		w.done <- err
		w.s.pool.put(j.buf)
		return err
	}
}

// work seals and writes until the queue is closed or something fails; it says so in
// done, once.
func (w *Writer) work() {
	for j := range w.queue {
		if err := w.store(j); err != nil {
			w.done <- err
			return
		}
	}
	w.done <- nil
}

// store seals one frame and gives it to the disk.
func (w *Writer) store(j job) error {
	spare := w.s.pool.get(j.place.plain)
	sealed := w.sealer.seal(w.s.codec, j.buf, spare, j.place)
	used, unused := j.buf, spare
	if sealed[1] == packZstd {
		used, unused = spare, j.buf
	}
	w.s.pool.put(unused)
	if w.fan != nil {
		return w.fan.append(sealed, used)
	}
	err := w.bytes.Append(sealed)
	// The disk reads a frame until the next call has returned.
	w.s.pool.put(w.last)
	w.last = used
	return err
}

// stop waits for the worker and returns what went wrong there.
func (w *Writer) stop() error {
	if w.queue == nil {
		return nil
	}
	close(w.queue)
	err := <-w.done
	for j := range w.queue { // what it left
		w.s.pool.put(j.buf)
	}
	w.queue = nil
	return err
}
