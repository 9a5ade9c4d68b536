package object

import (
	"context"
	"slices"
	"sync"

	"rhizome/base/ident"
	"rhizome/cluster/register"
)

// pins counts the readers of a version on this node, so that its bytes stay until
// they are done when it is replaced meanwhile. A reader learns which version to pin
// from the row, so clean-up waits for those who are just reading the row too.
type pins struct {
	mu      sync.Mutex
	n       map[ident.ID]int
	looking map[register.Row][]chan struct{}
}

// look says that somebody reads a row to pin the version in it, until the returned
// function is called, once.
func (p *pins) look(row register.Row) (looked func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.looking == nil {
		p.looking = map[register.Row][]chan struct{}{}
	}
	done := make(chan struct{})
	p.looking[row] = append(p.looking[row], done)
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		close(done)
		left := slices.DeleteFunc(p.looking[row], func(c chan struct{}) bool { return c == done })
		if len(left) == 0 {
			delete(p.looking, row)
			return
		}
		p.looking[row] = left
	}
}

// looked waits until all who read the row when it was called have pinned what they
// found. Who begins later finds what is there later.
func (p *pins) looked(ctx context.Context, row register.Row) error {
	p.mu.Lock()
	all := slices.Clone(p.looking[row])
	p.mu.Unlock()
	for _, done := range all {
		select {
		case <-done:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// pin holds a version until the returned function is called; calling it again does
// nothing.
func (p *pins) pin(id ident.ID) (unpin func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.n == nil {
		p.n = map[ident.ID]int{}
	}
	p.n[id]++
	return sync.OnceFunc(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.n[id]--; p.n[id] <= 0 {
			delete(p.n, id)
		}
	})
}

func (p *pins) pinned(id ident.ID) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.n[id] > 0
}
