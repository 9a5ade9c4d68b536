package core

import "math/bits"

// Confirmation is a replica's word that it holds a tombstone, given under the
// layout version that it serves.
type Confirmation struct {
	Version uint64
	Holds   bool
}

// Confirm tells whether the cell holds the tombstone d. A row that is absent under
// a floor at or above d held it and forgot it.
func (c *Cell) Confirm(d Ballot, l *Limits, version uint64) Confirmation {
	holds := c.Ballot == d && !c.Soft || c.Ballot.IsZero() && d.Compare(l.Floor) <= 0
	return Confirmation{Version: version, Holds: holds}
}

// Forgetter collects the confirmations for one tombstone.
type Forgetter struct {
	n       int
	version uint64
	yes     uint64
	rules   rules
}

// NewForgetter begins for a row of n replicas under a layout version.
func NewForgetter(n int, version uint64) Forgetter { return Forgetter{n: n, version: version} }

// Answer takes the word of replica number from and reports whether the tombstone
// may be forgotten: every replica holds it.
func (f *Forgetter) Answer(from int, c Confirmation) bool {
	if c.Holds && (c.Version == f.version || f.rules.anyVersion) {
		f.yes |= 1 << from
	}
	need := f.n
	if f.rules.forgetByMost {
		need = Majority(f.n)
	}
	return bits.OnesCount64(f.yes) >= need
}

// Forget returns the floor that has to be durable before the tombstone d, or a
// promise alone (d zero), is dropped. ok is false if the cell holds something else.
func (c *Cell) Forget(d Ballot, l *Limits) (floor Ballot, ok bool) {
	if c.Ballot != d || c.Value != nil {
		return l.Floor, false
	}
	if l.rules.noFloor {
		return l.Floor, true
	}
	return l.Floor.Max(c.Promised).Max(c.Ballot), true
}
