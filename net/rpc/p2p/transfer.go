package p2p

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"sync"
	"time"

	"rhizome/base/errs"
	"rhizome/net/rpc"
)

// A transfer is a stream of the transport for bytes that do not fit into a call. Who
// opens it sends 8 bytes, big-endian, and the head:
//
//	0 u8  class
//	1 u8  0
//	2 u16 method
//	4 u32 size of the head
//
// Then both sides send chunks: u8 kind, u24 size, and so many bytes.
const (
	openSize  = 8
	chunkHead = 4
	maxChunk  = 16 << 10     // small, so that what is urgent finds its way in between
	batch     = 4            // chunks that are written at once where nobody is hindered
	sendChunk = maxChunk - 8 // so that a batch of them is one message of the multiplexer

	lingering = 2 * time.Second // and drained bytes
	drained   = 1 << 20

	chunkData = 0
	chunkEnd  = 1 // nothing more comes, and all is well
	chunkFail = 2 // nothing more comes: the bytes are rpc.EncodeFault's
)

// transfer is one end of such a stream.
type transfer struct {
	raw   rawStream
	pace  func(ctx context.Context, n int) error // waits until n bytes may be written; may be nil
	came  func(ctx context.Context, n int) error // waits until more may be read after n bytes; may be nil
	moved func(blocked time.Duration)
	heard func()
	await func() (done func()) // something is expected of the other side
	limit int64                // bytes each way, 0 for none
	gone  func()
	apart func(func())    // runs what may wait for the link
	ctx   context.Context // ends with Close
	end   context.CancelFunc

	first chan struct{} // closed when the first chunk's head was read ahead
	rmu   sync.Mutex
	left  int   // bytes of the present chunk
	rerr  error // how the bytes ended

	wmu   sync.Mutex
	wbuf  []byte
	ended bool
	sent  int64
	got   int64
	once  sync.Once
}

// rawStream is what a transfer needs of a transport's stream.
type rawStream interface {
	io.ReadWriteCloser // Close ends both directions in order
	CloseWrite() error
	Reset() error
	SetReadDeadline(time.Time) error
	SetWriteDeadline(time.Time) error
}

func openHead(class rpc.Class, m rpc.Method, head []byte) []byte {
	b := make([]byte, openSize, openSize+len(head))
	b[0] = byte(class)
	binary.BigEndian.PutUint16(b[2:], uint16(m))
	binary.BigEndian.PutUint32(b[4:], uint32(len(head)))
	return append(b, head...)
}

// readOpen reads what openHead wrote.
func readOpen(r io.Reader, limit int) (class rpc.Class, m rpc.Method, head []byte, err error) {
	var b [openSize]byte
	if _, err = io.ReadFull(r, b[:]); err != nil {
		return 0, 0, nil, err
	}
	size := binary.BigEndian.Uint32(b[4:])
	if int64(size) > int64(limit) {
		return 0, 0, nil, rpc.TooLong(int(size), limit)
	}
	class = min(rpc.Class(b[0]), rpc.Background)
	part := incoming{head: headOf(size)}
	for left := int(size); left > 0; {
		n := min(left, maxChunk)
		if _, err = io.ReadFull(r, part.grow(n)); err != nil {
			return 0, 0, nil, err
		}
		left -= n
	}
	return class, rpc.Method(binary.BigEndian.Uint16(b[2:])), part.data, nil
}

func headOf(total uint32) head { return head{total: total} }

// Read implements rpc.Stream.
func (t *transfer) Read(p []byte) (int, error) {
	n, err := t.read(p)
	if t.came != nil && n > 0 {
		if perr := t.came(t.ctx, n); err == nil && perr != nil {
			err = t.broke(perr)
		}
	}
	return n, err
}

func (t *transfer) read(p []byte) (int, error) {
	t.rmu.Lock()
	defer t.rmu.Unlock()
	if len(p) == 0 {
		return 0, nil
	}
	defer t.await()()
	<-t.first
	for t.rerr == nil && t.left == 0 {
		t.rerr = t.nextChunk()
	}
	if t.rerr != nil {
		return 0, t.rerr
	}
	n, err := t.raw.Read(p[:min(len(p), t.left)])
	t.left -= n
	if t.got += int64(n); t.limit > 0 && t.got > t.limit {
		err = rpc.TooLong(int(t.got), int(t.limit))
	}
	if n > 0 {
		t.heard()
	}
	if err != nil && (n == 0 || err != io.EOF) {
		t.rerr = t.broke(err)
		return n, t.rerr
	}
	return n, nil
}

// readAhead reads the first chunk's head before anybody asks for it: that the other side
// failed must reach who writes and does not read.
func (t *transfer) readAhead() {
	defer close(t.first)
	if t.rerr = t.nextChunk(); t.rerr != nil && t.rerr != io.EOF {
		_ = t.raw.Reset()
	}
}

// nextChunk reads a chunk's head, or how the bytes end.
func (t *transfer) nextChunk() error {
	var b [chunkHead]byte
	if _, err := io.ReadFull(t.raw, b[:]); err != nil {
		return t.broke(err)
	}
	kind := b[0]
	b[0] = 0
	size := int(binary.BigEndian.Uint32(b[:]))
	switch {
	case size > maxChunk:
		_ = t.raw.Reset()
		return errs.New(errs.Unavailable, "the other node sent bytes that make no sense")
	case kind == chunkEnd:
		return io.EOF
	case kind == chunkFail:
		why := make([]byte, size)
		if _, err := io.ReadFull(t.raw, why); err != nil {
			return t.broke(err)
		}
		return rpc.DecodeFault(why)
	case kind != chunkData:
		_ = t.raw.Reset()
		return errs.New(errs.Unavailable, "the other node sent bytes that this release does not know")
	}
	t.left = size
	return nil
}

func (t *transfer) broke(err error) error {
	if t.ctx.Err() != nil {
		return rpc.Broken("the stream was closed")
	}
	if errors.Is(err, errs.TooLarge) {
		return err
	}
	return rpc.Broken("the stream from the other node broke: %w", err)
}

// Write implements rpc.Stream.
func (t *transfer) Write(p []byte) (n int, err error) {
	t.wmu.Lock()
	defer t.wmu.Unlock()
	for n < len(p) {
		if t.ended {
			return n, rpc.Broken("the stream is not open for writing")
		}
		b := t.wbuf[:0]
		k := n
		for range batch {
			size := min(sendChunk, len(p)-k)
			if size == 0 {
				break
			}
			b = append(chunk(b, chunkData, size), p[k:k+size]...)
			k += size
		}
		t.wbuf = b
		if err := t.push(b); err != nil {
			return n, err
		}
		n = k
	}
	return n, nil
}

func chunk(b []byte, kind byte, size int) []byte {
	return append(b, kind, byte(size>>16), byte(size>>8), byte(size))
}

// push writes; wmu is held.
func (t *transfer) push(b []byte) error {
	if t.sent += int64(len(b)); t.limit > 0 && t.sent > t.limit {
		return rpc.TooLong(int(t.sent), int(t.limit))
	}
	if t.pace != nil {
		if err := t.pace(t.ctx, len(b)); err != nil {
			return t.broke(err)
		}
	}
	defer t.await()()
	began := time.Now() // stopwatch
	if _, err := t.raw.Write(b); err != nil {
		return t.broke(err)
	}
	t.moved(time.Since(began)) // stopwatch
	return nil
}

// CloseWrite implements rpc.Stream.
func (t *transfer) CloseWrite() error { return t.finish(nil) }

// finish says how the bytes end. The first time counts.
func (t *transfer) finish(why error) error {
	t.wmu.Lock()
	defer t.wmu.Unlock()
	if t.ended {
		return nil
	}
	last := chunk(nil, chunkEnd, 0)
	if why != nil {
		f := rpc.EncodeFault(why)
		last = append(chunk(nil, chunkFail, len(f)), f...)
	}
	err := t.push(last)
	t.ended, t.wbuf = true, nil
	return errors.Join(err, t.raw.CloseWrite())
}

// Close implements rpc.Stream. Bytes that were not ended with CloseWrite end with a
// failure there. It does not wait for the link, which may be mute.
func (t *transfer) Close() error {
	t.once.Do(func() {
		t.end()
		reset := true
		if t.wmu.TryLock() {
			reset = !t.ended
			t.ended, t.wbuf = true, nil
			t.wmu.Unlock()
		}
		if reset {
			_ = t.raw.SetWriteDeadline(time.Unix(1, 0)) // it unblocks who writes
		}
		t.apart(func() {
			if reset {
				_ = t.raw.Reset()
			} else {
				_ = t.raw.Close()
			}
			t.gone()
		})
	})
	return nil
}

// settle ends the serving side's end, after its handler returned. Who is still writing
// gets time to read why. Where all came, nothing is reset: that would take back bytes of
// ours that are still on their way.
func (t *transfer) settle(why error) {
	_ = t.finish(why)
	t.rmu.Lock()
	open := t.rerr == nil
	t.rmu.Unlock()
	if open {
		open = t.drain() != nil
	}
	_ = t.Close()
	if open {
		_ = t.raw.Reset()
	}
}

// drain reads what the handler left, for a while; nil if the other side ended it.
func (t *transfer) drain() error {
	_ = t.raw.SetReadDeadline(time.Now().Add(lingering)) // stopwatch
	n, err := io.Copy(io.Discard, io.LimitReader(t.raw, drained))
	if err == nil && n == drained {
		err = errs.New(errs.Unavailable, "more comes than was asked for")
	}
	return err
}
