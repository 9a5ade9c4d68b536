package object

import (
	"sync"

	"rhizome/cluster/register"
)

// busy keeps clean-up off rows that an operation of this node is working on, off rows
// that no earlier round saw, and off rows that another replica cleans up first. It spares
// attempts; it is not needed for safety.
type busy struct {
	mu   sync.Mutex
	held map[register.Row]int
	seen map[register.Row]int // in this round, and in how many before it without a gap
	old  map[register.Row]int // what seen was at the end of the round before
}

const (
	// roundsEach is how many more rounds each further replica waits before it does what
	// those before it should have done.
	roundsEach = 2
	// seenLimit bounds how many rows one round remembers. The others' time comes when
	// these are done.
	seenLimit = 1 << 16
)

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
	return b.earlier(row) > 0 && b.held[row] == 0
}

// turn reports whether this node is to clean up a row by now: the first of its replicas
// that can be reached does so at once.
func (s *Store) turn(row register.Row) bool {
	if s.Rank == nil {
		return true
	}
	rank := s.Rank(row.Part)
	if rank == 0 {
		return true
	}
	b := &s.busy
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.earlier(row) >= roundsEach*rank
}

// earlier notes that this round saw a row and returns how many before it did. mu is held.
func (b *busy) earlier(row register.Row) int {
	n := b.old[row]
	if b.seen == nil {
		b.seen = map[register.Row]int{}
	}
	if _, known := b.seen[row]; known || len(b.seen) < seenLimit {
		b.seen[row] = n + 1
	}
	return n
}

// nextRound makes what was seen in this round ripe in the next.
func (s *Store) nextRound() {
	b := &s.busy
	b.mu.Lock()
	defer b.mu.Unlock()
	b.old, b.seen = b.seen, nil
}
