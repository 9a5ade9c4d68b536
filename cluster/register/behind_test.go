package register

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"rhizome/base/ident"
	"rhizome/net/rpc"
)

// classes counts the calls of a home to others by their class.
type classes struct {
	mu sync.Mutex
	n  map[rpc.Class]int
}

// of returns how many there were of a class, and begins anew.
func (c *classes) of(class rpc.Class) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.n[class]
	c.n = nil
	return n
}

type classedLinks struct {
	rpc.Links
	calls *classes
}

func (h *home) classed() rpc.Links { return classedLinks{h.links, &h.calls} }

func (l classedLinks) Call(ctx context.Context, to ident.NodeID, class rpc.Class, m rpc.Method, request []byte) ([]byte, error) {
	l.calls.mu.Lock()
	if l.calls.n == nil {
		l.calls.n = make(map[rpc.Class]int)
	}
	l.calls.n[class]++
	l.calls.mu.Unlock()
	return l.Links.Call(ctx, to, class, m, request)
}

// TestHealingIsNoLoad: rows that one of two replicas missed, or holds otherwise, are made
// up for by calls in the background alone; a change that somebody waits for is none.
func TestHealingIsNoLoad(t *testing.T) {
	w := newTown(t, 2, "12", "p0", "p1")
	h, ctx := w.homes[0], ctxFor(t)
	for i := range 20 {
		_, err := h.coord.Update(ctx, pairRow(i), put(text(fmt.Sprint(i))))
		check(t, err)
	}
	if h.calls.of(rpc.Urgent) == 0 {
		t.Fatal("changes that somebody waits for are not urgent")
	}
	w.noDoubts(0, 1)
	for i := range 20 {
		h.accepts(t, pairRow(i), text("newer here"))
		w.homes[1].accepts(t, pairRow(20+i), text("newer there"))
	}
	// A promise above what is handed over has the row settled by a round.
	_, err := w.homes[1].rep.Prepare(ctx, 1, pairRow(0), h.coord.ballotAbove(h.coord.NewBallot()))
	check(t, err)
	h.calls.of(rpc.Urgent)
	run, stop := context.WithCancel(ctx)
	done := make(chan error)
	go func() { done <- h.coord.Heal(run) }()
	h.coord.LinkUp(w.homes[1].id)
	eventually(t, "healed", func() bool { return h.doubts() == 0 && w.homes[1].doubts() == 0 })
	stop()
	check(t, <-done)
	h.coord.Close() // what both hold has been told
	if n := h.calls.of(rpc.Urgent); n > 0 {
		t.Errorf("healing made %d calls that count as load", n)
	}
	v, _, err := w.homes[1].rep.holds(rowKey(headKey, pairRow(0)))
	if err != nil || v.IsZero() {
		t.Errorf("the other home has no row: %v", err)
	}
}
