package web

import (
	"container/list"
	"context"
	"sync"
)

// memory remembers what never changes under its name: bytes, and manifests. What was used
// least lately goes first. It is safe for concurrent use.
type memory struct {
	max int

	mu    sync.Mutex
	size  int
	order *list.List // of *kept, the last used first
	by    map[name]*list.Element
	under map[name]*loading
}

// name is what something is remembered under: the version, file or deployment that it is
// of, and how it is coded.
type name struct {
	of     string
	coding coding
}

type kept struct {
	name  name
	value any
	size  int
}

// loading is something that somebody loads.
type loading struct {
	done  chan struct{}
	value any
	err   error
}

func newMemory(max int) *memory {
	return &memory{max: max, order: list.New(), by: map[name]*list.Element{}, under: map[name]*loading{}}
}

func (m *memory) find(n name) (any, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.by[n]
	if e == nil {
		return nil, false
	}
	m.order.MoveToFront(e)
	return e.Value.(*kept).value, true
}

// load returns what is remembered, or loads it: once for all who want it meanwhile. load says
// how long it is; what is longer than all of the memory is not remembered.
func (m *memory) load(ctx context.Context, n name, load func() (any, int, error)) (any, error) {
	m.mu.Lock()
	if e := m.by[n]; e != nil {
		m.order.MoveToFront(e)
		m.mu.Unlock()
		return e.Value.(*kept).value, nil
	}
	if l := m.under[n]; l != nil {
		m.mu.Unlock()
		select {
		case <-l.done:
			if l.err == nil {
				return l.value, nil
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		v, _, err := load() // who loaded it may have gone away
		return v, err
	}
	l := &loading{done: make(chan struct{})}
	m.under[n] = l
	m.mu.Unlock()
	v, size, err := load()
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.under, n)
	l.value, l.err = v, err
	close(l.done)
	if err == nil {
		m.keep(n, v, size)
	}
	return v, err
}

// keep remembers v. m.mu is held.
func (m *memory) keep(n name, v any, size int) {
	const overhead = 256
	size += overhead + len(n.of)
	if size > m.max || m.by[n] != nil {
		return
	}
	for m.size+size > m.max {
		m.drop(m.order.Back())
	}
	m.by[n] = m.order.PushFront(&kept{n, v, size})
	m.size += size
}

func (m *memory) drop(e *list.Element) {
	k := m.order.Remove(e).(*kept)
	delete(m.by, k.name)
	m.size -= k.size
}

func (m *memory) clear() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for m.order.Len() > 0 {
		m.drop(m.order.Back())
	}
}
