package register

import (
	"encoding/binary"
	"errors"
	"math/bits"
	"slices"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/layout"
	"rhizome/cluster/register/core"
	"rhizome/disk/kv"
)

// Plans is what a Replica has to know of layouts. Methods are safe for concurrent use
// and do not block.
type Plans interface {
	// Layout is the newest layout.
	Layout() *layout.Layout
	// Before returns the term of a partition that came before the one given, and its
	// replicas; false if there was none or nobody here remembers it.
	Before(partition int, term uint64) (before uint64, replicas []ident.NodeID, ok bool)
	// Left returns all nodes of the layout of a term that began a lineage: nodes were lost
	// for good before it, and rows are those that are left, see recover.go. Nil for any
	// other term.
	Left(term uint64) []ident.NodeID
	// Behind is told that a node knows a newer layout. It is a hint.
	Behind(from ident.NodeID)
}

// tenure is what a replica knows of the layout of one partition, and which of its rows
// it holds. It is replaced, not changed. A group of slots is a partition.
type tenure struct {
	core.Tenure
	// rows is the term whose rows lie here, zero for none. If it is Known, this node is
	// one of the replicas; if it is lower, the rows are kept as a source for those.
	rows uint64
	// was and had are Serving and rows as they were when a term began that is of a new
	// lineage, else zero: what this node is a source of, see recover.go. They stay while
	// the term lasts.
	was, had uint64
	// ready: Known is durable, and nothing that was admitted before is under way.
	ready bool
	// bound is at or above every promise made before it was ready.
	bound Ballot
	// import of the rows of term rows, while they are not complete.
	imp *importing
	// pair: the partition has two replicas, and this one lists its doubts. sure: what is
	// not listed, both hold.
	pair, sure bool
}

const (
	tenureSize    = 1 + 3*8
	recoveredSize = tenureSize + 2*8
)

func tenureKey(group int) []byte {
	return binary.BigEndian.AppendUint16([]byte{ownKey, 't'}, uint16(group))
}

func (t *tenure) encode() []byte {
	b := []byte{recordVersion}
	for _, n := range []uint64{t.Known, t.Serving, t.rows, t.was, t.had} {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	if t.had == 0 {
		return b[:tenureSize]
	}
	return b
}

func decodeTenure(b []byte) (*tenure, error) {
	if len(b) != tenureSize && len(b) != recoveredSize || b[0] != recordVersion {
		return nil, errs.New(errs.Corrupt, "the row store does not say in a way that this program reads which layout its rows are of")
	}
	n := func(i int) uint64 { return binary.BigEndian.Uint64(b[1+8*i:]) }
	t := &tenure{Tenure: core.Tenure{Known: n(0), Serving: n(1)}, rows: n(2), ready: true}
	if len(b) == recoveredSize {
		t.was, t.had = n(3), n(4)
	}
	if t.Serving > t.rows || t.rows > t.Known || t.was > t.had || t.had > t.rows {
		return nil, errs.New(errs.Corrupt, "the row store contradicts itself about the layout of its rows")
	}
	return t, nil
}

// member reports whether this node is one of the partition's replicas.
func (t *tenure) member() bool { return t.rows == t.Known && t.rows != 0 }

// whole reports whether the rows are all there.
func (t *tenure) whole() bool { return t.rows != 0 && t.rows == t.Serving }

// admits says whether a message sent under a term is handled. If lacks, the row it is
// about, or a whole partition key, has to be imported first.
func (t *tenure) admits(term uint64) (refusal core.Refusal, lacks bool) {
	switch {
	case term < t.Known:
		return core.OldPlan, false
	case term > t.Known || !t.ready || !t.member():
		return core.Behind, false
	}
	return core.None, t.Serving != term
}

// partitionOf returns the partition of a group: slots are hashes in reverse bit order.
func partitionOf(group int) int { return int(bits.Reverse16(uint16(group)) >> (16 - groupBits)) }

// groupIn is the reverse of partitionOf, which is its own.
func groupIn(partition int) int { return partitionOf(partition) }

// rowGroup returns the group of a ROW, which is a key without its first byte.
func rowGroup(row []byte) int { return groupOf(binary.BigEndian.Uint16(row[1:3])) }

// loadTenures reads what is known of each partition. A store of the release before
// served one layout by itself, as one without Plans does: in that every term is the
// first.
func (r *Replica) loadTenures() error {
	for g := range r.tenures {
		r.tenures[g].Store(&tenure{ready: true})
	}
	it, err := r.kv.Iter([]byte{ownKey, 't'}, []byte{ownKey, 't' + 1})
	if err != nil {
		return err
	}
	defer it.Close()
	found := false
	for ok := it.First(); ok; ok = it.Next() {
		found = true
		if err := r.loadTenure(it); err != nil {
			return err
		}
	}
	if err := it.Err(); err != nil || found {
		return err
	}
	_, err = r.kv.Get(versionKey)
	if err == nil || errors.Is(err, errs.NotFound) && r.options.Plans == nil {
		return r.beginTenures()
	}
	if errors.Is(err, errs.NotFound) {
		return nil
	}
	return err
}

// beginTenures makes the rows here those of every partition's first term.
func (r *Replica) beginTenures() error {
	b := r.kv.NewBatch()
	for g := range r.tenures {
		t := &tenure{Tenure: core.Tenure{Known: 1, Serving: 1}, rows: 1, ready: true, bound: *r.start.Load()}
		r.tenures[g].Store(t)
		b.Set(tenureKey(g), t.encode())
	}
	b.Delete(versionKey)
	return b.Commit()
}

func (r *Replica) loadTenure(it *kv.Iter) error {
	v, err := it.Value()
	if err != nil {
		return err
	}
	t, err := decodeTenure(v)
	if err != nil {
		return err
	}
	g := int(binary.BigEndian.Uint16(append(it.Key(), 0, 0)[2:4]))
	if g >= groups {
		return errs.New(errs.Corrupt, "the row store names a partition that does not exist")
	}
	t.bound = *r.start.Load()
	if t.member() && !t.whole() {
		if t.imp = r.newImport(g, t, true); t.imp != nil {
			if t.imp.cursor, err = r.loadCursor(g, t.Known); err != nil {
				return err
			}
		}
	}
	r.tenures[g].Store(t)
	return nil
}

// change is a partition whose term grows.
type change struct {
	group     int
	old, next *tenure
	wipe      bool
}

// Adopt goes by a layout from now on: in each partition whose replicas it changes,
// older terms are refused, durably. Rows of which this node is a replica now are
// imported, from when they are touched or Moving gets to them; those that it no longer
// keeps stay as a source for the others. An older layout changes nothing.
func (r *Replica) Adopt(l *layout.Layout) error {
	if len(l.Assigned) != groups {
		return errs.Newf(errs.Invalid, "a layout of %d partitions cannot be served, only of %d", len(l.Assigned), groups)
	}
	r.adopting.Lock()
	defer r.adopting.Unlock()
	var changes []change
	for g := range r.tenures {
		t, p := r.tenures[g].Load(), partitionOf(g)
		if term := l.Term(p); term > t.Known {
			c := r.plan(g, t, term, slices.Contains(l.Replicas(p), r.node))
			c.next.pair = c.next.member() && len(l.Replicas(p)) == 2
			c.next.sure = c.next.pair && c.next.Serving == term // all rows came from here
			changes = append(changes, c)
		}
	}
	if len(changes) == 0 {
		return nil
	}
	if err := r.seal(changes); err != nil {
		return err
	}
	r.moved()
	return nil
}

// plan decides what becomes of a partition in its next term.
func (r *Replica) plan(g int, t *tenure, term uint64, member bool) change {
	next := &tenure{Tenure: core.Tenure{Known: term, Serving: t.Serving}, rows: t.rows}
	c := change{group: g, old: t, next: next}
	before, _, ok := r.before(g, term)
	left := r.left(term)
	switch {
	case left != nil: // what lies here may be the last copy: nothing is wiped
		next.was, next.had = t.Serving, t.rows
		if member {
			next.rows = term
		}
		if member && r.lone(g, next, left) {
			next.Serving = term
		}
	case member && term == 1:
		next.rows, next.Serving = 1, 1
	case member && ok && t.whole() && t.rows == before:
		next.rows = term
	case member:
		next.rows, next.Serving, c.wipe = term, 0, true
	case !t.whole():
		next.rows, next.Serving, c.wipe = 0, 0, t.rows != 0
	}
	if next.member() && next.Serving != term {
		next.imp = r.newImport(g, next, false)
	}
	return c
}

func (r *Replica) before(g int, term uint64) (uint64, []ident.NodeID, bool) {
	if r.options.Plans == nil {
		return 0, nil, false
	}
	return r.options.Plans.Before(partitionOf(g), term)
}

// seal makes the changes durable, once nothing is under way any more that was admitted
// before them.
func (r *Replica) seal(changes []change) error {
	var touched [groups]bool
	for _, c := range changes {
		closed := *c.next
		touched[c.group], closed.imp = true, nil
		r.tenures[c.group].Store(&closed)
	}
	r.settleWrites(func(row string) bool { return touched[rowGroup([]byte(row))] })
	promised := r.promises(&touched)
	b := r.kv.NewBatch()
	err := r.write(b, changes)
	if err == nil {
		err = b.Commit()
	} else {
		b.Discard()
	}
	for _, c := range changes {
		if err != nil {
			r.tenures[c.group].Store(c.old)
			continue
		}
		c.next.ready, c.next.bound = true, promised[c.group].Max(*r.start.Load())
		touched[c.group] = c.wipe
	}
	if err != nil {
		return err
	}
	r.forgetGroups(&touched)
	for _, c := range changes {
		r.tenures[c.group].Store(c.next)
	}
	return nil
}

// write puts changes into a batch.
func (r *Replica) write(b *kv.Batch, changes []change) error {
	it, err := r.kv.Iter(nil, nil)
	if err != nil {
		return err
	}
	defer it.Close()
	tables := r.tables()
	for _, c := range changes {
		b.Set(tenureKey(c.group), c.next.encode())
		b.Delete(cursorKey(c.group))
		c.pair(b, tables)
		if !c.wipe {
			continue
		}
		if err := (wiper{b, it}).group(c.group, tables); err != nil {
			return err
		}
	}
	return nil
}

// pair puts into a batch how the doubts of the next term are listed: none are known yet.
func (c *change) pair(b *kv.Batch, tables []Table) {
	if c.next.pair {
		b.Set(pairKey(c.group), c.next.encodePair())
	} else if c.old.pair {
		b.Delete(pairKey(c.group))
	}
	if c.old.pair {
		for _, t := range tables {
			b.DeleteRange(groupRange(doubtKey, t, c.group))
		}
	}
}

// promises returns the highest promise of each of the groups' rows that is remembered
// beside the rows.
func (r *Replica) promises(of *[groups]bool) (out [groups]Ballot) {
	r.eachCell(of, func(g int, c *cell) { out[g] = out[g].Max(c.promised) })
	return out
}

// eachCell calls f for every cell of the groups with its latch held.
func (r *Replica) eachCell(of *[groups]bool, f func(group int, c *cell)) {
	for i := range r.shards {
		s := &r.shards[i]
		s.mu.Lock()
		var cells []*cell
		for key, c := range s.cells {
			if of[rowGroup([]byte(key))] {
				c.refs++
				cells = append(cells, c)
			}
		}
		s.mu.Unlock()
		for _, c := range cells {
			c.latch.Lock()
			f(rowGroup([]byte(c.key)), c)
			r.release(s, c)
		}
	}
}

// ServeAlone makes what this node holds the rows of a term, which must not be below
// any known, in every partition. It is for a node that is, as it was before, the only
// replica, or that an explicit order makes so.
func (r *Replica) ServeAlone(term uint64) error {
	r.adopting.Lock()
	defer r.adopting.Unlock()
	var changes []change
	for g := range r.tenures {
		t := r.tenures[g].Load()
		if term < t.Known {
			return errs.Newf(errs.Invalid, "term %d is older than term %d, which is known", term, t.Known)
		}
		next := &tenure{Tenure: core.Tenure{Known: term, Serving: term}, rows: term}
		changes = append(changes, change{group: g, old: t, next: next})
	}
	return r.seal(changes)
}
