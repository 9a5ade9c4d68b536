package decree

import (
	"cmp"

	"github.com/zeebo/blake3"
)

// Ballot orders attempts: by Round, then Node, then Attempt. Attempt is drawn at
// random, so that a node which forgot what it did never uses a ballot again. The zero
// Ballot is below all others and means never.
type Ballot struct {
	Round   uint64 `cbor:"1,keyasint" json:"round"`
	Node    uint64 `cbor:"2,keyasint" json:"node"`
	Attempt uint64 `cbor:"3,keyasint" json:"attempt"`
}

// Compare returns -1, 0 or 1 as b is below, equal to or above o.
func (b Ballot) Compare(o Ballot) int {
	return cmp.Or(cmp.Compare(b.Round, o.Round), cmp.Compare(b.Node, o.Node), cmp.Compare(b.Attempt, o.Attempt))
}

// Less reports whether b is below o.
func (b Ballot) Less(o Ballot) bool { return b.Compare(o) < 0 }

// IsZero reports whether b is the zero Ballot.
func (b Ballot) IsZero() bool { return b == Ballot{} }

// Hash names a value: its BLAKE3.
type Hash [32]byte

// HashOf returns a value's name.
func HashOf(value []byte) Hash { return blake3.Sum256(value) }
