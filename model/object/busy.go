package object

import (
	"sync"

	"rhizome/cluster/register"
)

// busy keeps clean-up off rows that an operation of this node is working on, and off
// rows that no earlier round saw. It spares attempts; it is not needed for safety.
type busy struct {
	mu   sync.Mutex
	held map[register.Row]int
	seen map[register.Row]bool // on the work lists in this round
	old  map[register.Row]bool // in the round before
}

// hold keeps clean-up off a row until the returned function is called.
func (s *Store) hold(row register.Row) (release func()) {
	b := &s.busy
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.held == nil {
		b.held = map[register.Row]int{}
	}
	b.held[row]++
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.held[row]--; b.held[row] <= 0 {
			delete(b.held, row)
		}
	}
}

// ripe reports whether a half-done operation on a row is old enough to be looked at.
func (s *Store) ripe(row register.Row) bool {
	b := &s.busy
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.seen == nil {
		b.seen = map[register.Row]bool{}
	}
	b.seen[row] = true
	return b.held[row] == 0 && b.old[row]
}

// nextRound makes what was seen in this round ripe in the next.
func (s *Store) nextRound() {
	b := &s.busy
	b.mu.Lock()
	defer b.mu.Unlock()
	b.old, b.seen = b.seen, nil
}
