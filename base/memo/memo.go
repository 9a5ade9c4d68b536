// Package memo remembers what was decoded from stored bytes, so that a record which
// every request reads is decoded once per change and not once per request. The bytes
// are compared whole: a result is never older than what was read.
package memo

import (
	"bytes"
	"sync"
)

// Memo holds the last decoded value of some keys. The zero Memo is of no use: see New.
// It is safe for concurrent use.
type Memo[K comparable, V any] struct {
	max int

	mu   sync.Mutex
	last map[K]entry[V]
}

type entry[V any] struct {
	raw   []byte
	value V
}

// New returns a Memo of at most max keys; one more pushes a random one out.
func New[K comparable, V any](max int) *Memo[K, V] {
	return &Memo[K, V]{max: max, last: make(map[K]entry[V])}
}

// Of returns what decode makes of raw, or what it made of the same bytes before. The
// value is shared: nobody may change it, nor raw. An error is not remembered.
func (m *Memo[K, V]) Of(k K, raw []byte, decode func() (V, error)) (V, error) {
	m.mu.Lock()
	e, ok := m.last[k]
	m.mu.Unlock()
	if ok && bytes.Equal(e.raw, raw) {
		return e.value, nil
	}
	v, err := decode()
	if err != nil {
		return v, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.last[k]; !ok && len(m.last) >= m.max {
		for other := range m.last { // in random order
			delete(m.last, other)
			break
		}
	}
	m.last[k] = entry[V]{raw, v}
	return v, nil
}

// Last returns what Of returned last for k, if that is remembered: the record may have
// changed since, so no decision may rest on it.
func (m *Memo[K, V]) Last(k K) (V, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.last[k]
	return e.value, ok
}

// Forget makes Last know nothing of k.
func (m *Memo[K, V]) Forget(k K) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.last, k)
}
