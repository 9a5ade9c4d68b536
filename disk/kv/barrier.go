package kv

import "sync"

// barrier knows which durable commits are under way. They are grouped: a generation
// holds those that began between two calls of wait.
type barrier struct {
	mu sync.Mutex
	// oldest is the first generation that has not ended; they are linked up to current,
	// the one that commits which begin now belong to.
	oldest, current *generation
}

type generation struct {
	inflight   int
	ended      chan struct{} // closed when this and all before it have ended
	prev, next *generation
}

func newBarrier() *barrier {
	g := &generation{ended: make(chan struct{})}
	return &barrier{oldest: g, current: g}
}

// begin notes that a commit begins; the caller gives what it returns to end.
func (b *barrier) begin() *generation {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.current.inflight++
	return b.current
}

func (b *barrier) end(g *generation) {
	b.mu.Lock()
	defer b.mu.Unlock()
	g.inflight--
	for b.oldest != b.current && b.oldest.inflight == 0 {
		close(b.oldest.ended)
		b.oldest = b.oldest.next
		b.oldest.prev = nil
	}
}

// wait returns when every commit that began before the call has ended.
func (b *barrier) wait() {
	if g := b.close(); g != nil {
		<-g.ended
	}
}

// close lets no further commit into a generation that is busy, and returns the last of
// those that are closed and have not ended; nil if there is none.
func (b *barrier) close() *generation {
	b.mu.Lock()
	defer b.mu.Unlock()
	if g := b.current; g.inflight > 0 {
		g.next = &generation{ended: make(chan struct{}), prev: g}
		b.current = g.next
	}
	return b.current.prev
}
