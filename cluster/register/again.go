package register

import (
	"hash/maphash"
	"slices"
	"sync/atomic"

	"rhizome/base/ident"
	"rhizome/cluster/layout"
	"rhizome/cluster/register/core"
)

const (
	// againSlots is how many rows are remembered at most, againBytes how long one may be: 4 MiB
	// in all. Rows that every request reads are small.
	againSlots = 2048
	againBytes = 2 << 10
)

// again remembers rows as they were read last, so that those which every request reads cost no
// more than a look. Of rows that share a slot it has the one that was read last. What it says
// is what a read that begins now would say: see standing.
type again struct {
	seed  maphash.Seed
	slots [againSlots]atomic.Pointer[readRow]
}

type readRow struct {
	row    Row
	value  *Value
	ballot Ballot
	standing
}

func (a *again) slot(row Row) *atomic.Pointer[readRow] {
	h := maphash.String(a.seed, row.Part) ^ 3*maphash.String(a.seed, row.Sort) ^ uint64(row.Table)
	return &a.slots[h%againSlots]
}

// find returns a row, if it was read before and nothing has changed on which it rests.
func (a *again) find(row Row, now *layout.Layout) *readRow {
	k := a.slot(row).Load()
	if k == nil || k.row != row || !k.holds(now) {
		return nil
	}
	return k
}

// keep remembers a row that was read after its standing was taken. A tombstone is not kept: it
// is forgotten one day, by what is no write of the row.
func (a *again) keep(row Row, rec core.Record, s standing) {
	v := rec.Value
	if s.replica == nil || v == nil || v.Blob != nil || len(v.Data)+len(row.Part)+len(row.Sort) > againBytes {
		return
	}
	a.slot(row).Store(&readRow{row, v, rec.Ballot, s})
}

// Rest gives back what is kept in memory only to answer sooner. It is called when nobody
// asks.
func (c *Coordinator) Rest() {
	for i := range c.again.slots {
		c.again.slots[i].Store(nil)
	}
}

// standing is what a row's value rests on where this node's replica alone decides on it: the
// layout by which it does, the tenure under which it serves the row, and the writes of the
// row's shard. While none of them has changed, the value is what it was:
//
//   - a write of the row is counted before it can be seen by anybody, and never ends uncounted;
//   - the rows of another tenure or layout may be changed by others, but not before this
//     replica has given up the tenure: who serves the row next imports it from here first. A
//     wipe goes with a change of tenure too.
//
// The zero standing is that of a row on which others have a say.
type standing struct {
	layout  *layout.Layout
	replica *Replica
	group   int
	tenure  *tenure
	shard   *shard
	writes  writes
}

// standing returns that of a row from now on.
func (c *Coordinator) standing(row Row) (s standing) {
	l, r := c.cfg.Layout(), c.cfg.Local
	at := placeIn(l, row.Part)
	if r == nil || !slices.Equal(at.nodes, []ident.NodeID{c.cfg.Node}) {
		return standing{}
	}
	key := rowKey(headKey, row)
	s = standing{layout: l, replica: r, group: groupOf(keySlot(key)), shard: r.shardOf(key[1:])}
	s.tenure, s.writes = r.tenureOf(key), s.shard.writes.now()
	if refusal, lacks := s.tenure.admits(at.term); refusal != core.None || lacks || s.writes.underWay() {
		return standing{}
	}
	return s
}

// holds reports whether nothing has changed under this layout. The tenure comes last: if it is
// in force, it was when the writes were looked at.
func (s *standing) holds(now *layout.Layout) bool {
	return s.layout == now && s.shard.writes.now() == s.writes && s.replica.tenures[s.group].Load() == s.tenure
}

// counted counts the batches that write rows of a shard. It is safe for concurrent use.
type counted struct{ n atomic.Uint64 }

// writes is such a count: those under way in the low bits, above them how many ended.
type writes uint64

const writeEnds = 1 << 20

func (c *counted) begin()      { c.n.Add(1) }
func (c *counted) end()        { c.n.Add(writeEnds - 1) }
func (c *counted) now() writes { return writes(c.n.Load()) }

func (w writes) underWay() bool { return w%writeEnds != 0 }
