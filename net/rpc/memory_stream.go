package rpc

import (
	"context"
	"io"
	"sync"
	"time"

	"rhizome/base/errs"
	"rhizome/base/ident"
)

// Limits of a stream in memory, in bytes: of what was written and not yet read, each
// way, and of a piece that travels whole.
const (
	memoryWindow = 1 << 20
	memoryPiece  = 64 << 10
)

// memoryStream is one end of a stream.
type memoryStream struct {
	node    *MemoryNode
	peer    ident.NodeID
	in, out *pipe
	anyone  bool // the method is open to strangers
}

// Open implements Links. It returns before the other side knows; that it refuses is what
// the first Read fails with.
func (n *MemoryNode) Open(ctx context.Context, to ident.NodeID, _ Class, m Method, head []byte) (Stream, error) {
	if len(head) > MaxMessage {
		return nil, TooLong(len(head), MaxMessage)
	}
	if !n.begin(to, m) || ctx.Err() != nil {
		return nil, n.gaveUp(ctx, to)
	}
	there := n.net.alive(to)
	if there == nil {
		return nil, errGone()
	}
	e := edge{n.id, to}
	mine, theirs := n.net.pair(n, there)
	mine.anyone = !n.member(to)
	head = append([]byte(nil), head...)
	n.net.tasks.Go(func() {
		delay, _ := n.net.send(e)
		<-time.After(delay)
		for !n.net.arrives(e) { // bytes of a stream come late; that nothing comes breaks it
			if !mine.stalled() {
				return
			}
		}
		there.serveStream(n, theirs, m, head)
	})
	return mine, nil
}

// pair returns both ends of a new stream.
func (n *Memory) pair(a, b *MemoryNode) (atA, atB *memoryStream) {
	there := newPipe(n, edge{a.id, b.id})
	back := newPipe(n, edge{b.id, a.id})
	atA = &memoryStream{node: a, peer: b.id, in: back, out: there}
	atB = &memoryStream{node: b, peer: a.id, in: there, out: back}
	for _, s := range []*memoryStream{atA, atB} {
		s.node.mu.Lock()
		s.node.open[s] = struct{}{}
		s.node.mu.Unlock()
	}
	if a.life.Err() != nil || b.life.Err() != nil { // crashed meanwhile: its drop did not see this one
		atA.fail(errGone())
	}
	return atA, atB
}

// serveStream runs the handler of a stream that another node opened.
func (n *MemoryNode) serveStream(from *MemoryNode, s *memoryStream, m Method, head []byte) {
	member := n.member(from.id)
	s.anyone = !member
	h, err := n.Table.Stream(m, member, len(head))
	if err == nil && !n.enter() {
		err = errGone()
	}
	if err == nil {
		err = n.runStream(from.id, s, h, head)
	}
	if err != nil {
		err = DecodeFault(EncodeFault(err))
	} else {
		err = io.EOF
	}
	s.out.finish(err)
	s.in.abandon(errClosed())
	s.gone()
}

// runStream runs a handler that entered.
func (n *MemoryNode) runStream(from ident.NodeID, s *memoryStream, h StreamHandler, head []byte) error {
	defer n.handlers.Done()
	ctx, cancel := context.WithCancel(n.life)
	defer cancel()
	defer s.in.onBreak(cancel)()
	return h(ctx, from, head, s)
}

func errClosed() error { return Broken("the stream was closed") }

// Read implements Stream.
func (s *memoryStream) Read(p []byte) (int, error) { return s.in.read(p) }

// Write implements Stream.
func (s *memoryStream) Write(p []byte) (int, error) { return s.out.write(p) }

// CloseWrite implements Stream.
func (s *memoryStream) CloseWrite() error {
	s.out.finish(io.EOF)
	return nil
}

// Close implements Stream. The other side reads what was written, and then io.EOF if
// CloseWrite came before.
func (s *memoryStream) Close() error {
	s.out.finish(Broken("the other side gave the stream up"))
	s.in.abandon(errClosed())
	s.gone()
	return nil
}

// fail breaks both directions.
func (s *memoryStream) fail(why error) {
	s.in.smash(why)
	s.out.smash(why)
	s.gone()
}

func (s *memoryStream) gone() {
	s.node.mu.Lock()
	delete(s.node.open, s)
	s.node.mu.Unlock()
}

// stalled waits until the way there is healed; false if the stream broke before.
func (s *memoryStream) stalled() bool {
	change := s.node.net.changeOf(s.out.e)
	for {
		s.out.mu.Lock()
		moved, broken := s.out.moved, s.out.broken
		s.out.mu.Unlock()
		if broken != nil {
			return false
		}
		if s.node.net.arrives(s.out.e) {
			return true
		}
		select {
		case <-change:
			return true
		case <-moved:
		}
	}
}

func (n *Memory) changeOf(e edge) <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.way(e).change
}

// piece is what travels whole. The last one has no data but says how the bytes end.
type piece struct {
	due  time.Time
	data []byte
	end  error
}

// pipe is one direction of a stream.
type pipe struct {
	net *Memory
	e   edge

	mu       sync.Mutex
	pieces   []piece
	size     int           // bytes in pieces
	finished bool          // the last piece was put in
	shut     error         // what writes fail with: nobody reads
	broken   error         // what reads and writes fail with
	moved    chan struct{} // closed at every change
	breaks   func()
}

func newPipe(n *Memory, e edge) *pipe { return &pipe{net: n, e: e, moved: make(chan struct{})} }

// move wakes who waits; mu is held.
func (p *pipe) move() {
	close(p.moved)
	p.moved = make(chan struct{})
}

func (p *pipe) smash(why error) {
	p.mu.Lock()
	if p.broken == nil {
		p.broken = why
		p.move()
	}
	f := p.breaks
	p.mu.Unlock()
	if f != nil {
		f()
	}
}

// onBreak has f called when the link breaks.
func (p *pipe) onBreak(f func()) (stop func()) {
	p.mu.Lock()
	p.breaks = f
	broken := p.broken != nil
	p.mu.Unlock()
	if broken {
		f()
	}
	return func() {
		p.mu.Lock()
		p.breaks = nil
		p.mu.Unlock()
	}
}

// abandon says that nobody reads any more.
func (p *pipe) abandon(why error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shut == nil {
		p.shut = why
		p.pieces, p.size = nil, 0
		p.move()
	}
}

// finish says how the bytes end; the first time counts.
func (p *pipe) finish(end error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.finished {
		p.finished = true
		p.put(piece{end: end})
	}
}

// put puts a piece on its way; mu is held.
func (p *pipe) put(c piece) {
	if p.shut != nil || p.broken != nil {
		return
	}
	c.due = p.net.due(p.e, len(c.data))
	if n := len(p.pieces); n > 0 && c.due.Before(p.pieces[n-1].due) {
		c.due = p.pieces[n-1].due
	}
	p.pieces = append(p.pieces, c)
	p.size += len(c.data)
	p.move()
}

// due says when so many bytes of a stream that are sent this moment arrive. What is
// lost is sent again.
func (n *Memory) due(e edge, size int) time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := time.Now() // stopwatch
	if e.from == e.to {
		return now
	}
	w := n.way(e)
	if w.free.Before(now) {
		w.free = now
	}
	if w.Rate > 0 {
		w.free = w.free.Add(time.Duration(size) * time.Second / time.Duration(w.Rate))
	}
	due := w.free.Add(w.delay())
	if w.chance.Float64() < w.Loss {
		due = due.Add(200*time.Millisecond + 2*w.Delay)
	}
	return due
}

func (p *pipe) write(b []byte) (n int, err error) {
	for len(b) > 0 {
		p.mu.Lock()
		switch {
		case p.broken != nil:
			err = p.broken
		case p.shut != nil:
			err = p.shut
		case p.finished:
			err = errs.New(errs.Internal, "a stream is written after its end")
		}
		if err != nil {
			p.mu.Unlock()
			return n, err
		}
		if p.size >= memoryWindow {
			moved := p.moved
			p.mu.Unlock()
			<-moved
			continue
		}
		k := min(len(b), memoryPiece, memoryWindow-p.size)
		p.put(piece{data: append([]byte(nil), b[:k]...)})
		p.mu.Unlock()
		n, b = n+k, b[k:]
	}
	return n, nil
}

func (p *pipe) read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	for {
		healed := p.net.changeOf(p.e) // before the look, so that no change is missed
		n, wait, moved, err := p.take(b)
		if n > 0 || err != nil {
			return n, err
		}
		var late <-chan time.Time
		if wait > 0 {
			late = time.After(wait)
		}
		select {
		case <-moved:
		case <-late:
		case <-healed:
		}
	}
}

// take reads what has arrived, or says how long to wait for what is on its way.
func (p *pipe) take(b []byte) (n int, wait time.Duration, moved <-chan struct{}, err error) {
	open := p.net.arrives(p.e)
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.broken != nil:
		return 0, 0, nil, p.broken
	case p.shut != nil:
		return 0, 0, nil, p.shut
	case len(p.pieces) == 0 || !open:
		return 0, 0, p.moved, nil
	}
	c := &p.pieces[0]
	if wait := time.Until(c.due); wait > 0 { // stopwatch
		return 0, wait, p.moved, nil
	}
	if c.end != nil {
		return 0, 0, nil, c.end
	}
	n = copy(b, c.data)
	c.data = c.data[n:]
	p.size -= n
	if len(c.data) == 0 {
		p.pieces = p.pieces[1:]
	}
	p.move()
	return n, 0, nil, nil
}
