package node

import (
	"context"
	"sync"
	"time"
)

// Work that nobody waits for takes one part of the time in quietParts, one in busyParts while a
// request is under way, and waits at most longestRest at once.
const (
	quietParts  = 2
	busyParts   = 10
	longestRest = time.Second
)

// pace has one worker give way to requests, by a share of its time: the slower the machine, and
// the more it has to do, the longer the worker waits. Safe for concurrent use.
type pace struct {
	busy func() bool

	mu    sync.Mutex
	began time.Time // the work since the last rest
}

func (n *Node) pace() *pace { return &pace{busy: n.requests.any} }

// rest is called between two pieces of work. One that is late takes no heed of requests: it
// has what is its share when there are none. It fails only as ctx does.
func (p *pace) rest(ctx context.Context, late bool) error {
	parts := quietParts
	if !late && p.busy() {
		parts = busyParts
	}
	p.mu.Lock()
	took := longestRest
	if !p.began.IsZero() {
		took = time.Since(p.began) // a stopwatch
	}
	p.mu.Unlock()
	t := time.NewTimer(min(time.Duration(parts-1)*took, longestRest))
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	p.mu.Lock()
	p.began = time.Now() // a stopwatch
	p.mu.Unlock()
	return nil
}

// prompt is rest for a worker that is never late.
func (p *pace) prompt(ctx context.Context) error { return p.rest(ctx, false) }
