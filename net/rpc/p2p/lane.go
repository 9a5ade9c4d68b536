package p2p

import (
	"bufio"
	"context"
	"io"
	"math"
	"runtime"
	"slices"
	"sync"
	"time"

	"rhizome/base/crew"
	"rhizome/base/errs"
	"rhizome/net/rpc"
)

// Limits of a lane.
const (
	writeSize  = 64 << 10 // bytes that are written at once
	readBuffer = 4 << 10
	maxPartial = 256 // messages of which not all has come
	unread     = 16  // times as many answers as may be at work wait at most to be written
)

// lane carries the calls of one class from one node to another over one stream: requests
// one way, answers the other. Answers come in any order. It owns two goroutines and those
// of its handlers; close ends them and wait waits for them.
type lane struct {
	rw   stream
	cfg  laneConfig
	ctx  context.Context
	end  context.CancelFunc
	wg   sync.WaitGroup
	wake chan struct{} // holds one token if there may be something to write

	mu     sync.Mutex
	err    error // why it ended
	queue  []*outgoing
	lastID uint64
	calls  map[uint64]*call              // that this side made
	works  map[uint64]context.CancelFunc // that this side answers
	pinged map[uint64]time.Time          // pings not yet answered
}

// stream is what a lane needs of a transport's stream.
type stream interface {
	io.ReadWriteCloser
	Reset() error // gives up both directions at once
}

// laneConfig is what a lane depends on. All functions are safe for concurrent use.
type laneConfig struct {
	serve  func(ctx context.Context, m rpc.Method, request []byte) ([]byte, error) // nil: requests are refused
	limit  int                                                                     // bytes of a message
	works  int                                                                     // requests answered at once
	memory *budget
	crew   *crew.Crew                             // runs serve
	pace   func(ctx context.Context, n int) error // waits until n bytes may be written; may be nil
	// came waits until more may be read after n bytes of a message of so many; may be nil.
	came     func(ctx context.Context, n, of int) error
	heard    func()                      // something came from the peer
	moved    func(blocked time.Duration) // a write was taken
	measured func(rtt time.Duration)
}

// call is one that this side made.
type call struct {
	answer chan answer // holds one
	out    *outgoing
}

type answer struct {
	data []byte
	err  error
}

// refusal is why the other side does not take this lane at all.
type refusal struct{ error }

func (r refusal) Unwrap() error { return r.error }

func newLane(rw stream, cfg laneConfig) *lane {
	l := &lane{rw: rw, cfg: cfg, wake: make(chan struct{}, 1), calls: map[uint64]*call{},
		works: map[uint64]context.CancelFunc{}, pinged: map[uint64]time.Time{}}
	l.ctx, l.end = context.WithCancel(context.Background())
	l.wg.Go(l.write)
	l.wg.Go(l.read)
	return l
}

// fail ends the lane: what is under way fails with err. The first call counts.
func (l *lane) fail(err error) {
	l.mu.Lock()
	if l.err != nil {
		l.mu.Unlock()
		return
	}
	l.err = err
	calls := l.calls
	l.calls, l.queue = nil, nil
	l.mu.Unlock()
	l.end()
	for _, c := range calls {
		c.answer <- answer{err: err}
	}
	_ = l.rw.Reset() // last: on a dead link it may take its time
}

func (l *lane) wait() { l.wg.Wait() }

func (l *lane) alive() bool { return l.ctx.Err() == nil }

// call asks and waits. probe has a ping sent beside it.
func (l *lane) call(ctx context.Context, m rpc.Method, data []byte, probe bool) ([]byte, error) {
	c := &call{answer: make(chan answer, 1), out: &outgoing{head: head{kind: request, method: m, timeout: timeLeft(ctx)}, data: data}}
	l.mu.Lock()
	if l.err != nil {
		defer l.mu.Unlock()
		return nil, l.err
	}
	l.lastID++
	id := l.lastID
	c.out.id = id
	l.calls[id] = c
	if probe {
		l.ping()
	}
	l.put(c.out)
	l.mu.Unlock()
	select {
	case a := <-c.answer:
		return a.data, a.err
	case <-ctx.Done():
		l.giveUp(id, c)
		return nil, rpc.Broken("the other node did not answer in time: %w", context.Cause(ctx))
	}
}

// timeLeft returns the milliseconds until ctx's deadline, at least 1; 0 if it has none.
func timeLeft(ctx context.Context) uint32 {
	deadline, ok := ctx.Deadline()
	if !ok {
		return 0
	}
	return uint32(max(1, min(time.Until(deadline).Milliseconds(), math.MaxUint32))) // stopwatch
}

// giveUp forgets a call. The other side hears of it unless nothing was sent.
func (l *lane) giveUp(id uint64, c *call) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.calls[id] != c {
		return
	}
	delete(l.calls, id)
	for i, o := range l.queue {
		if o == c.out {
			l.queue = slices.Delete(l.queue, i, i+1)
			if o.sent == 0 {
				return
			}
			break
		}
	}
	l.put(&outgoing{head: head{kind: cancel, id: id}})
}

// ping measures the way there and back; mu is held.
func (l *lane) ping() {
	if len(l.pinged) < 8 {
		l.lastID++
		l.pinged[l.lastID] = time.Now() // stopwatch
		l.put(&outgoing{head: head{kind: ping, id: l.lastID}})
	}
}

// probe pings.
func (l *lane) probe() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ping()
}

// put queues a message; mu is held.
func (l *lane) put(o *outgoing) {
	if l.err != nil {
		if o.done != nil {
			o.done()
		}
		return
	}
	l.queue = append(l.queue, o)
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// write writes what is queued, as much at once as there is.
func (l *lane) write() {
	var buf []byte
	for {
		select {
		case <-l.wake:
		case <-l.ctx.Done():
			return
		}
		for {
			runtime.Gosched() // whoever is about to ask or answer comes along
			if buf = l.gather(buf[:0]); len(buf) == 0 {
				break
			}
			if err := l.push(buf); err != nil {
				l.fail(rpc.Broken("the link to the other node broke: %w", err))
				return
			}
		}
		if cap(buf) > readBuffer {
			buf = nil // an idle lane holds little
		}
	}
}

func (l *lane) push(b []byte) error {
	if l.cfg.pace != nil {
		if err := l.cfg.pace(l.ctx, len(b)); err != nil {
			return err
		}
	}
	began := time.Now() // stopwatch
	_, err := l.rw.Write(b)
	if err == nil {
		l.cfg.moved(time.Since(began)) // stopwatch
	}
	return err
}

// gather takes frames of the queue in turn, so that a long message holds up no short one.
func (l *lane) gather(b []byte) []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.queue) > 0 && len(b)+headSize+maxPiece <= writeSize {
		o := l.queue[0]
		l.queue[0] = nil // what was sent is not held on to
		l.queue = l.queue[1:]
		var last bool
		if b, last = o.next(b); !last {
			l.queue = append(l.queue, o)
		} else if o.done != nil {
			o.done()
		}
	}
	return b
}

// read takes frames until the stream breaks.
func (l *lane) read() {
	r := bufio.NewReaderSize(l.rw, readBuffer)
	parts := map[uint64]*incoming{}
	defer func() {
		for _, m := range parts {
			l.release(m)
		}
	}()
	var raw [headSize]byte
	for {
		_, err := io.ReadFull(r, raw[:])
		var h head
		if err == nil {
			h, err = parseHead(raw[:])
		}
		if err == nil {
			l.cfg.heard()
			err = l.take(r, h, parts)
		}
		if err != nil {
			if _, refused := err.(refusal); !refused {
				err = rpc.Broken("the link to the other node broke: %w", err)
			}
			l.fail(err)
			return
		}
	}
}

// take reads a frame's bytes and does what a whole message asks for.
func (l *lane) take(r io.Reader, h head, parts map[uint64]*incoming) error {
	m := parts[h.id]
	if m == nil {
		m = &incoming{head: h}
		l.admit(m)
	}
	if len(m.data)+int(h.size) > int(m.total) || h.kind != m.kind {
		l.release(m)
		delete(parts, h.id)
		return errs.New(errs.Invalid, "a message's frames do not fit together")
	}
	var err error
	if m.refused != nil || h.kind > fault {
		_, err = io.CopyN(io.Discard, r, int64(h.size))
	} else {
		_, err = io.ReadFull(r, m.grow(int(h.size)))
	}
	if err != nil {
		parts[h.id] = m // its memory is given back in the end
		return err
	}
	if l.cfg.came != nil {
		if err := l.cfg.came(l.ctx, int(h.size), int(m.total)); err != nil {
			parts[h.id] = m
			return err
		}
	}
	if h.flags&more == 0 {
		delete(parts, h.id)
		return l.whole(m, parts)
	}
	if parts[h.id] = m; len(parts) > maxPartial {
		return errs.New(errs.Invalid, "too many messages are begun at once")
	}
	return nil
}

// admit decides about a message at its first frame.
func (l *lane) admit(m *incoming) {
	switch {
	case m.kind > fault || m.kind == 0:
		m.total = max(m.total, m.size)
	case int(m.total) > l.cfg.limit:
		m.refused = rpc.TooLong(int(m.total), l.cfg.limit)
	case m.kind != request && m.id != 0 && !l.waits(m.id):
		m.refused = context.Canceled
	case m.kind != request: // who asked has room for the answer
	case l.cfg.memory.take(int(m.total)):
		m.held = int(m.total)
	default:
		m.refused = errs.New(errs.Unavailable, "the node has too much to do: its memory for messages is used up")
	}
}

func (l *lane) waits(id uint64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.calls[id] != nil
}

// release gives a message's memory back.
func (l *lane) release(m *incoming) {
	l.cfg.memory.give(m.held)
	m.held = 0
}

// whole does what a message asks for.
func (l *lane) whole(m *incoming, parts map[uint64]*incoming) error {
	switch m.kind {
	case request:
		return l.work(m)
	case reply, fault:
		l.release(m)
		if m.kind == fault && m.id == 0 {
			return refusal{rpc.DecodeFault(m.data)}
		}
		l.deliver(m)
	case cancel:
		if part := parts[m.id]; part != nil {
			l.release(part)
			delete(parts, m.id)
		}
		l.mu.Lock()
		stop := l.works[m.id]
		l.mu.Unlock()
		if stop != nil {
			stop()
		}
	case ping:
		l.mu.Lock()
		if len(l.queue) < 1024 { // who does not read gets no more
			l.put(&outgoing{head: head{kind: pong, id: m.id}})
		}
		l.mu.Unlock()
	case pong:
		l.ponged(m.id)
	}
	return nil
}

func (l *lane) ponged(id uint64) {
	l.mu.Lock()
	sent, ok := l.pinged[id]
	delete(l.pinged, id)
	l.mu.Unlock()
	if ok {
		l.cfg.measured(time.Since(sent)) // stopwatch
	}
}

func (l *lane) deliver(m *incoming) {
	l.mu.Lock()
	c := l.calls[m.id]
	delete(l.calls, m.id)
	l.mu.Unlock()
	switch {
	case c == nil:
	case m.refused != nil:
		c.answer <- answer{err: m.refused}
	case m.kind == fault:
		c.answer <- answer{err: rpc.DecodeFault(m.data)}
	default:
		c.answer <- answer{data: m.data}
	}
}

// work answers a request in a goroutine of its own. Who asks and does not read the
// answers loses the lane: what is refused costs it nothing else.
func (l *lane) work(m *incoming) error {
	ctx, stop := l.limited(m)
	l.mu.Lock()
	_, twice := l.works[m.id]
	switch {
	case m.refused != nil:
	case l.cfg.serve == nil || twice:
		m.refused = errs.New(errs.Invalid, "a request where none is expected")
	case len(l.works) >= l.cfg.works:
		m.refused = errs.New(errs.Unavailable, "the node has too much to do: too many calls at once")
	default:
		if len(l.queue) > unread*(l.cfg.works+1) {
			break
		}
		l.works[m.id] = stop
		l.mu.Unlock()
		l.wg.Add(1)
		l.cfg.crew.Go(func() {
			defer l.wg.Done()
			l.finish(ctx, stop, m)
		})
		return nil
	}
	full := l.cfg.serve != nil && len(l.queue) > unread*(l.cfg.works+1)
	l.mu.Unlock()
	stop()
	l.release(m)
	if full {
		return errs.New(errs.Unavailable, "answers are not read")
	}
	l.reply(m.id, nil, m.refused)
	return nil
}

// limited returns the context of a request: of the lane, and of the time that it has.
func (l *lane) limited(m *incoming) (context.Context, context.CancelFunc) {
	if m.timeout == 0 {
		return context.WithCancel(l.ctx)
	}
	return context.WithTimeout(l.ctx, time.Duration(m.timeout)*time.Millisecond)
}

func (l *lane) finish(ctx context.Context, stop context.CancelFunc, m *incoming) {
	data, err := l.cfg.serve(ctx, m.method, m.data)
	gaveUp := ctx.Err() == context.Canceled
	stop()
	l.release(m)
	l.mu.Lock()
	delete(l.works, m.id)
	l.mu.Unlock()
	if err == nil && len(data) > l.cfg.limit {
		err = rpc.TooLong(len(data), l.cfg.limit)
	}
	if !gaveUp {
		l.reply(m.id, data, err)
	}
}

// reply sends an answer.
func (l *lane) reply(id uint64, data []byte, err error) {
	o := &outgoing{head: head{kind: reply, id: id}, data: data}
	if err != nil {
		o.kind, o.data = fault, rpc.EncodeFault(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.put(o)
}
