package rpc

import (
	"context"
	"sync"
	"time"

	"rhizome/base/ident"
)

// MemoryNode is one node of a Memory network, from its start to its crash.
type MemoryNode struct {
	*Table
	net   *Memory
	id    ident.NodeID
	guard Guard
	alone bool // of NewLoop
	life  context.Context
	end   context.CancelFunc

	watchers []func(ident.NodeID, bool) // net.mu

	mu       sync.Mutex
	open     map[*memoryStream]struct{} // this side's ends
	handlers sync.WaitGroup             // at work here; grows only while alive and mu is held
}

var _ Links = (*MemoryNode)(nil)

func errGone() error { return Broken("the other node does not answer: its program ended") }

// Close crashes the node and waits for its handlers. That of NewLoop waits until nothing
// runs.
func (n *MemoryNode) Close() error {
	n.net.crash(n)
	n.handlers.Wait()
	if n.alone {
		n.net.tasks.Wait()
	}
	return nil
}

// enter counts a handler, unless this node's life is over.
func (n *MemoryNode) enter() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.life.Err() != nil {
		return false
	}
	n.handlers.Add(1)
	return true
}

// Self implements Links.
func (n *MemoryNode) Self() ident.NodeID { return n.id }

// OnLink has f called whenever a link comes up or goes down. f returns soon; one
// call comes after another.
func (n *MemoryNode) OnLink(f func(id ident.NodeID, up bool)) {
	n.net.mu.Lock()
	defer n.net.mu.Unlock()
	n.watchers = append(n.watchers, f)
}

// Recheck ends the links to those whom the guard no longer lets in.
func (n *MemoryNode) Recheck() {
	n.drop(func(s *memoryStream) bool { return !s.anyone && !n.member(s.peer) }, NotMember())
}

// Addresses returns none: every node is found by its name.
func (n *MemoryNode) Addresses() []string { return nil }

// SetAddresses does nothing, and cannot fail here.
func (n *MemoryNode) SetAddresses(ident.NodeID, []string) error { return nil }

// Distance implements Links: the sum of both delays, if there is a link.
func (n *MemoryNode) Distance(to ident.NodeID) (rtt time.Duration, up bool) {
	if to == n.id {
		return 0, true
	}
	n.net.mu.Lock()
	defer n.net.mu.Unlock()
	e := edge{n.id, to}
	return n.net.way(e).Delay + n.net.way(e.back()).Delay, n.net.up(e)
}

func (n *MemoryNode) member(id ident.NodeID) bool {
	return id == n.id || n.guard == nil || n.guard.Member(id)
}

// drop breaks the streams that which says.
func (n *MemoryNode) drop(which func(*memoryStream) bool, why error) {
	n.mu.Lock()
	var ends []*memoryStream
	for s := range n.open {
		if which(s) {
			ends = append(ends, s)
		}
	}
	n.mu.Unlock()
	for _, s := range ends {
		s.fail(why)
	}
}

type answer struct {
	data []byte
	err  error
}

// Call implements Links.
func (n *MemoryNode) Call(ctx context.Context, to ident.NodeID, _ Class, m Method, request []byte) ([]byte, error) {
	if len(request) > MaxMessage {
		return nil, TooLong(len(request), MaxMessage)
	}
	request = append([]byte(nil), request...)
	if to == n.id {
		return through(n.serve(ctx, to, m, request))
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(n.life, cancel)()
	if !n.begin(to, m) || ctx.Err() != nil {
		return nil, n.gaveUp(ctx, to)
	}
	came := make(chan answer, 1)
	n.net.tasks.Go(func() { came <- n.fly(ctx, to, m, request) })
	select {
	case a := <-came:
		return a.data, a.err
	case <-ctx.Done():
		return nil, n.gaveUp(ctx, to)
	}
}

// begin counts a call or a stream, unless this node's life is over.
func (n *MemoryNode) begin(to ident.NodeID, m Method) bool {
	if n.life.Err() != nil {
		return false
	}
	n.net.mu.Lock()
	defer n.net.mu.Unlock()
	if to != n.id {
		n.net.counts[Count{n.id, to, m}]++
	}
	return true
}

func (n *MemoryNode) gaveUp(ctx context.Context, to ident.NodeID) error {
	if n.life.Err() != nil {
		return Broken("this node's links are closed")
	}
	return Broken("node %v did not answer in time: %w", to, ctx.Err())
}

// fly takes a request there and the answer back. It goes on when the caller gave up, as
// messages do.
func (n *MemoryNode) fly(ctx context.Context, to ident.NodeID, m Method, request []byte) answer {
	e := edge{n.id, to}
	if !n.travel(ctx, e) {
		return answer{err: Broken("node %v does not answer: nothing comes through", to)}
	}
	there := n.net.alive(to)
	if there == nil {
		n.travel(ctx, e.back())
		return answer{err: errGone()}
	}
	a := there.serveFor(ctx, n, m, request)
	if there.life.Err() != nil {
		a = answer{err: errGone()}
	}
	if !n.travel(ctx, e.back()) {
		return answer{err: Broken("node %v does not answer: nothing comes through", to)}
	}
	return a
}

// travel waits as long as a message takes. A lost one takes as long as it takes to
// notice, or until the caller gave up.
func (n *MemoryNode) travel(ctx context.Context, e edge) bool {
	delay, lost := n.net.send(e)
	<-time.After(delay)
	if !lost && n.net.arrives(e) {
		return true
	}
	select {
	case <-ctx.Done():
	case <-time.After(n.net.opts.Detect):
	}
	return false
}

// serveFor answers another node's call. That the caller gave up arrives like any message.
func (n *MemoryNode) serveFor(caller context.Context, from *MemoryNode, m Method, request []byte) answer {
	ctx, cancel := n.handling(caller, edge{from.id, n.id})
	defer cancel()
	data, err := through(n.serve(ctx, from.id, m, request))
	return answer{data, err}
}

// handling returns the context of a handler.
func (n *MemoryNode) handling(caller context.Context, e edge) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(n.life)
	if deadline, ok := caller.Deadline(); ok {
		ctx, cancel = context.WithDeadline(n.life, deadline)
	}
	stop := context.AfterFunc(caller, func() {
		if delay, lost := n.net.send(e); !lost {
			time.AfterFunc(delay, cancel)
		}
	})
	return ctx, func() { stop(); cancel() }
}

func (n *MemoryNode) serve(ctx context.Context, from ident.NodeID, m Method, request []byte) ([]byte, error) {
	if !n.enter() {
		return nil, errGone()
	}
	defer n.handlers.Done()
	h, err := n.Table.Call(m, n.member(from), len(request))
	if err != nil {
		return nil, err
	}
	data, err := h(ctx, from, request)
	if limit := limit(n.member(from)); err == nil && len(data) > limit {
		return nil, TooLong(len(data), limit)
	}
	return data, err
}

// through returns what the caller gets of what a handler returned.
func through(data []byte, err error) ([]byte, error) {
	if err != nil {
		return nil, DecodeFault(EncodeFault(err))
	}
	return append([]byte(nil), data...), nil
}
