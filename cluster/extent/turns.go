package extent

import (
	"context"
	"sync"

	"rhizome/base/errs"
	"rhizome/base/ident"
)

// turns are places among the streams that are served at once. One node has half of them
// at most: what a node that went mute left behind keeps nobody else out.
type turns struct {
	all chan struct{}

	mu    sync.Mutex
	nodes map[ident.NodeID]*share
}

// share is one node's part; it lasts while somebody has or wants a place of it.
type share struct {
	places chan struct{}
	refs   int
}

func newTurns(n int) *turns {
	return &turns{all: make(chan struct{}, n), nodes: map[ident.NodeID]*share{}}
}

// enter waits for a place until ctx ends, or life; leave gives it back.
func (t *turns) enter(ctx, life context.Context, from ident.NodeID) (leave func(), err error) {
	own := t.join(from)
	if err := take(ctx, life, own); err != nil {
		t.part(from)
		return nil, err
	}
	if err := take(ctx, life, t.all); err != nil {
		<-own
		t.part(from)
		return nil, err
	}
	return func() {
		<-t.all
		<-own
		t.part(from)
	}, nil
}

func take(ctx, life context.Context, places chan struct{}) error {
	select {
	case places <- struct{}{}:
		return nil
	case <-life.Done():
		return errClosing
	case <-ctx.Done():
		return errs.New(errs.Unavailable, "the other node is busy")
	}
}

func (t *turns) join(n ident.NodeID) chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.nodes[n]
	if s == nil {
		s = &share{places: make(chan struct{}, max(1, cap(t.all)/2))}
		t.nodes[n] = s
	}
	s.refs++
	return s.places
}

func (t *turns) part(n ident.NodeID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s := t.nodes[n]; s.refs > 1 {
		s.refs--
	} else {
		delete(t.nodes, n)
	}
}
