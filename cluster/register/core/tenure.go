package core

import "math/bits"

// Tenure is what a replica knows of the layout of one partition. It is durable.
type Tenure struct {
	// Known is the highest layout version heard of; older ones are refused.
	Known uint64
	// Serving is the version whose rows this replica has imported; zero if none.
	Serving uint64
}

// Admit says whether a message sent under version v may be handled, and learns
// that v exists. A changed Tenure has to be durable before the answer leaves.
func (t *Tenure) Admit(v uint64) (r Refusal, changed bool) {
	if v < t.Known {
		return OldPlan, false
	}
	changed = v > t.Known
	t.Known = v
	if v != t.Serving {
		return Behind, changed
	}
	return None, changed
}

// Seal makes the replica refuse every version below next, which has to be durable
// before a snapshot is taken for next. It fails if the replica has not imported
// version next-1 itself.
func (t *Tenure) Seal(next uint64) (ok, changed bool) {
	if t.Serving+1 != next {
		return false, false
	}
	changed = t.Known < next
	if changed {
		t.Known = next
	}
	return true, changed
}

// Snapshot is what a source hands to a replica of the next version.
type Snapshot struct {
	Record   Record
	Soft     bool
	Promised Ballot // everything that counts as promised, ceiling and floor included
	Floor    Ballot
	Fence    uint64
}

// Snapshot takes the cell for an import. The Tenure was sealed before.
func (c *Cell) Snapshot(l *Limits) Snapshot {
	return Snapshot{Record: c.Record, Soft: c.Soft, Promised: c.Bound(l), Floor: l.Floor, Fence: l.Fence}
}

// Import merges one row from a majority of the former replicas.
type Import struct {
	// Again says that the receiver may have voted on the row already, under the version
	// it imports for.
	Again bool

	n        int
	heard    uint64
	best     Record
	same     int // sources that hold exactly best, for certain
	promised Ballot
	floor    Ballot
	fence    uint64
	rules    rules
}

// NewImport begins an import from n former replicas.
func NewImport(n int) Import { return Import{n: n} }

// Add takes the snapshot of source number from and reports whether that was enough.
func (i *Import) Add(from int, s Snapshot) bool {
	i.heard |= 1 << from
	switch c := s.Record.Ballot.Compare(i.best.Ballot); {
	case c > 0:
		i.best, i.same = s.Record, 0
		fallthrough
	case c == 0:
		if !s.Soft {
			i.same++
		}
	}
	i.promised, i.floor, i.fence = i.promised.Max(s.Promised), i.floor.Max(s.Floor), max(i.fence, s.Fence)
	return i.Enough()
}

// Enough reports whether a majority was heard.
func (i *Import) Enough() bool {
	need := Majority(i.n)
	if i.rules.importOne {
		need = 1
	}
	return bits.OnesCount64(i.heard) >= need
}

// chosen reports whether a majority of the sources hold the record for certain. Then
// it was chosen, or a majority of the receiver's version takes it as the receiver
// does: by a vote that nothing it promised under that version forbids.
func (i *Import) chosen() bool {
	return (!i.Again || i.rules.importAgain) && (i.same >= Majority(i.n) || i.rules.softNever)
}

// doubt reports whether a replica of two may hold less than the record and answer for
// the row. What a single source held was chosen there, and every import from it finds
// that; of several sources, the other replica may hear ones that do not hold it.
func (i *Import) doubt() bool { return i.n > 1 && !i.rules.importSure }

// Install merges the import into the cell and raises the floor and fence of l. All
// of it is durable before the replica serves the row. The promise comes first:
// a record below it is Soft, which a round at a higher ballot mends, unless it is
// chosen.
func (c *Cell) Install(i *Import, l *Limits) {
	bound := c.Bound(l)
	if !i.rules.noImportBound {
		bound = bound.Max(i.promised)
	}
	if c.Ballot.Less(i.best.Ballot) {
		c.Record, c.Soft = i.best, false
	}
	if c.Ballot == i.best.Ballot {
		c.Doubt = i.doubt()
	}
	c.Promised = bound.Max(c.Ballot)
	if !c.Ballot.IsZero() && c.Ballot.Less(c.Promised) && !l.rules.noSoft {
		c.Soft = c.Ballot != i.best.Ballot || !i.chosen()
	}
	l.Floor, l.Fence = l.Floor.Max(i.floor), max(l.Fence, i.fence)
}
