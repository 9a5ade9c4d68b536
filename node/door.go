package node

import (
	"context"
	"sync"

	"rhizome/base/errs"
)

// door lets in those who ask for what works on the stores above the rows, until it is
// shut: links outlive those stores, so that what they have under way still arrives. Its
// zero value is open; it is safe for concurrent use.
type door struct {
	mu    sync.Mutex
	shut  bool
	next  int
	inner map[int]context.CancelFunc
	all   sync.WaitGroup
}

var errShut = errs.New(errs.Unavailable, "the node is stopping: try again in a moment")

// enter returns a context that ends when the door is shut; leave must be called.
func (d *door) enter(ctx context.Context) (inside context.Context, leave func(), err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.shut {
		return nil, nil, errShut
	}
	inside, cancel := context.WithCancel(ctx)
	if d.inner == nil {
		d.inner = map[int]context.CancelFunc{}
	}
	d.next++
	me := d.next
	d.inner[me] = cancel
	d.all.Add(1)
	return inside, func() {
		cancel()
		d.mu.Lock()
		delete(d.inner, me)
		d.mu.Unlock()
		d.all.Done()
	}, nil
}

// close lets nobody in any more, and waits for those who are.
func (d *door) close() error {
	d.mu.Lock()
	d.shut = true
	for _, cancel := range d.inner {
		cancel()
	}
	d.mu.Unlock()
	d.all.Wait()
	return nil
}
