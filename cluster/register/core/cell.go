package core

// Limits are the promises that a replica holds beside those kept with the row.
// All of them only ever grow.
type Limits struct {
	// Start bounds every promise that may have been forgotten by a restart: the
	// ceiling that was found then, or more. Every row counts as promised at it.
	Start Ballot
	// Ceiling is durable and at or above every promise made.
	Ceiling Ballot
	// Floor is durable and at or above every ballot of a row that was forgotten in
	// the partition. An absent row counts as promised at it.
	Floor Ballot
	// Fence is durable: records of a lower epoch are refused under this row's
	// partition key.
	Fence uint64

	rules rules
}

// Cell is one row as one replica holds it. Record, Soft and, for an imported row,
// Promised are durable; other promises are covered by the ceiling.
type Cell struct {
	Record
	// Promised is the highest ballot promised; see Bound for what counts.
	Promised Ballot
	// Soft marks a record that an import put below the promise: it counts for a
	// Proposer, and not for a Reader.
	Soft bool
	// Doubt marks a record of which it is not known that every replica holds it, or one
	// that descends from it. It matters where there are two: see ReadAlone.
	Doubt bool
}

// Refusal says why a replica did not do as asked.
type Refusal uint8

// The refusals.
const (
	None    Refusal = iota // it did as asked
	Stale                  // a higher ballot was promised: Answer.Beat
	Fenced                 // the partition key is closed to this epoch
	OldPlan                // the asker's layout version is older than one known here
	Behind                 // this replica does not serve that layout version yet
)

// Answer is what a replica says to a Prepare, an Accept or a Read.
type Answer struct {
	// Ballot is the one that was asked about; zero for a Read.
	Ballot  Ballot
	Refusal Refusal
	// Beat is the ballot to exceed after a Stale refusal.
	Beat Ballot
	// Never says, with a refused Accept, that the replica did not take it before
	// either, and never will.
	Never bool
	// Record, Soft, Floor and Fence answer a Prepare or a Read.
	Record Record
	Soft   bool
	Floor  Ballot
	Fence  uint64
	// Alone, in an answer to ReadAlone, says that Record is the answer.
	Alone bool
}

// Bound returns the ballot that counts as promised.
func (c *Cell) Bound(l *Limits) Ballot {
	b := c.Promised.Max(c.Ballot).Max(l.Start)
	if c.Ballot.IsZero() {
		b = b.Max(l.Floor)
	}
	return b
}

// Prepare promises b: nothing below it is accepted from now on. It asks for a
// higher durable ceiling, and does nothing, if b is above the present one.
func (c *Cell) Prepare(b Ballot, l *Limits) (a Answer, raise bool) {
	if bound := c.Bound(l); b.Compare(bound) <= 0 {
		return Answer{Ballot: b, Refusal: Stale, Beat: bound}, false
	}
	if l.Ceiling.Less(b) && !l.rules.noCeiling {
		return Answer{}, true
	}
	if !l.rules.noPromise {
		c.Promised = b
	}
	a = c.Read(l)
	a.Ballot = b
	return a, false
}

// Accept takes r unless a higher ballot was promised. write reports whether the
// cell changed and has to be durable before the answer leaves.
func (c *Cell) Accept(r Record, l *Limits) (a Answer, write bool) {
	if c.Ballot == r.Ballot && !c.Soft {
		return Answer{Ballot: r.Ballot}, false
	}
	if bound := c.Bound(l); r.Ballot.Less(bound) {
		return Answer{Ballot: r.Ballot, Refusal: Stale, Beat: bound, Never: c.lacked(r.Ballot, l)}, false
	}
	if r.Epoch < l.Fence {
		return Answer{Ballot: r.Ballot, Refusal: Fenced, Fence: l.Fence, Never: c.lacked(r.Ballot, l)}, false
	}
	*c = Cell{Record: r, Promised: r.Ballot, Doubt: c.Doubt || !l.rules.staleVouch}
	return Answer{Ballot: r.Ballot}, true
}

// lacked reports whether the replica never held a record at b: what it holds only
// rises, and what it forgot lies at or below the floor.
func (c *Cell) lacked(b Ballot, l *Limits) bool {
	return c.Ballot.Less(b) && (!c.Ballot.IsZero() || l.Floor.Less(b))
}

// Read tells what the cell holds.
func (c *Cell) Read(l *Limits) Answer {
	return Answer{Record: c.Record, Soft: c.Soft && !l.rules.noSoft, Floor: l.Floor, Fence: l.Fence}
}
