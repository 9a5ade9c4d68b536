package object

import (
	"context"
	"slices"
	"sync"
	"time"
)

// budget is a number of bytes that is lent in the order of asking. It is safe for
// concurrent use.
type budget struct {
	mu    sync.Mutex
	free  int64
	queue []*claim
}

type claim struct {
	n     int64
	given chan struct{}
}

// take waits until n bytes are free. n must not be more than there are at all.
func (b *budget) take(ctx context.Context, n int64) error { return b.takeAnd(ctx, n, nil, nil) }

// takeNow takes n bytes if they are free and nobody waits.
func (b *budget) takeNow(n int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.queue) > 0 || b.free < n {
		return false
	}
	b.free -= n
	return true
}

// takeAnd is take that calls do at every tick while it waits.
func (b *budget) takeAnd(ctx context.Context, n int64, tick <-chan time.Time, do func()) error {
	b.mu.Lock()
	if len(b.queue) == 0 && b.free >= n {
		b.free -= n
		b.mu.Unlock()
		return nil
	}
	c := &claim{n, make(chan struct{})}
	b.queue = append(b.queue, c)
	b.mu.Unlock()
	for {
		select {
		case <-c.given:
			return nil
		case <-ctx.Done():
			b.withdraw(c)
			return ctx.Err()
		case <-tick:
			do()
		}
	}
}

// waiting is how many wait.
func (b *budget) waiting() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.queue)
}

func (b *budget) withdraw(c *claim) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if i := slices.Index(b.queue, c); i >= 0 {
		b.queue = slices.Delete(b.queue, i, i+1)
	} else {
		b.free += c.n // it was given meanwhile
	}
	b.serve()
}

// give takes n bytes back.
func (b *budget) give(n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.free += n
	b.serve()
}

// serve is called with the mutex held.
func (b *budget) serve() {
	for len(b.queue) > 0 && b.queue[0].n <= b.free {
		b.free -= b.queue[0].n
		close(b.queue[0].given)
		b.queue = b.queue[1:]
	}
}
