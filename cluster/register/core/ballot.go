package core

import (
	"cmp"
	"math"
)

// Ballot orders the attempts to change a row: by Round, then Node, then Attempt.
// Attempt is drawn at random, so that a node which forgot what it did never uses
// one again. The zero Ballot is below all others and belongs to a row that was
// never written.
type Ballot struct {
	Round   uint64 `cbor:"1,keyasint" json:"round"`
	Node    uint64 `cbor:"2,keyasint" json:"node"`
	Attempt uint64 `cbor:"3,keyasint" json:"attempt"`
}

// Compare returns -1, 0 or 1 as b is below, equal to or above o.
func (b Ballot) Compare(o Ballot) int {
	if b.Round != o.Round {
		return cmp.Compare(b.Round, o.Round)
	}
	if b.Node != o.Node {
		return cmp.Compare(b.Node, o.Node)
	}
	return cmp.Compare(b.Attempt, o.Attempt)
}

// Less reports whether b is below o.
func (b Ballot) Less(o Ballot) bool { return b.Compare(o) < 0 }

// IsZero reports whether b is the zero Ballot.
func (b Ballot) IsZero() bool { return b == Ballot{} }

// Max returns the higher of b and o.
func (b Ballot) Max(o Ballot) Ballot {
	if b.Less(o) {
		return o
	}
	return b
}

// CeilingFor returns the ceiling to make durable before promising b: step rounds
// above it, so that the next promises need no write.
func CeilingFor(b Ballot, step uint64) Ballot {
	if b.Round > math.MaxUint64-step {
		return Ballot{math.MaxUint64, math.MaxUint64, math.MaxUint64}
	}
	return Ballot{b.Round + step, math.MaxUint64, math.MaxUint64}
}
