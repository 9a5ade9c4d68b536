// Package crew runs many short pieces of work side by side.
//
// A goroutine that has just begun has a small stack, and what answers a call of another
// node needs a larger one: growing it each time costs more than the work. A Crew keeps
// the goroutines that have done theirs, a few, for the next.
package crew

import "sync"

// kept bounds the goroutines that wait for work.
const kept = 32

// Crew is ready as it is. It is safe for concurrent use.
type Crew struct {
	mu     sync.Mutex
	idle   []chan func() // the one that came last is taken first: its stack is warm
	closed bool
	all    sync.WaitGroup
}

// Go runs f in a goroutine of its own.
func (c *Crew) Go(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := len(c.idle); n > 0 {
		c.idle[n-1] <- f
		c.idle = c.idle[:n-1]
		return
	}
	c.all.Go(func() { c.serve(f) })
}

func (c *Crew) serve(f func()) {
	next := make(chan func(), 1)
	for f != nil {
		f()
		f = nil // what it held on to may go
		if !c.rest(next) {
			return
		}
		f = <-next
	}
}

func (c *Crew) rest(next chan func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || len(c.idle) >= kept {
		return false
	}
	c.idle = append(c.idle, next)
	return true
}

// Close waits for all work that was begun. None may be begun after it.
func (c *Crew) Close() {
	c.mu.Lock()
	c.closed = true
	for _, next := range c.idle {
		close(next)
	}
	c.idle = nil
	c.mu.Unlock()
	c.all.Wait()
}
