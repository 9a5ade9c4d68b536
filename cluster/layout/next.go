package layout

import (
	"encoding/binary"
	"slices"

	"rhizome/base/errs"
	"rhizome/base/ident"
)

// Next returns the layout that follows prev when these changes are made, in their
// order. The same arguments give the same layout everywhere. It fails as the changes
// say, and with errs.Invalid or errs.Conflict, in plain words, if no layout is possible.
func Next(prev *Layout, changes ...Change) (*Layout, error) {
	if prev.Version >= 1<<64-2*lineageStep {
		return nil, errs.New(errs.Internal, "there is no layout after this one")
	}
	d := &draft{lineage: prev.Lineage, nodes: slices.Clone(prev.Nodes), settings: prev.Settings, prev: prev}
	for _, change := range changes {
		if err := change(d); err != nil {
			return nil, err
		}
	}
	if err := d.check(); err != nil {
		return nil, err
	}
	l := &Layout{Version: prev.Version + 1, Lineage: d.lineage, Nodes: d.nodes, Settings: d.settings}
	if l.Lineage != prev.Lineage {
		l.Version, l.After = firstOf(l.Lineage, prev.Version), prev.Version
	}
	if err := l.assign(prev); err != nil {
		return nil, err
	}
	l.Since = terms(prev, l)
	return l, nil
}

// lineageStep is about how many versions a new lineage leaves out.
const lineageStep = 1000

// firstOf returns the version of the first layout of a lineage that goes on from the
// version given. Nodes that went on from there otherwise, under the old lineage or one
// more, have other numbers, so that they refuse each other's messages.
func firstOf(lineage ident.ID, after uint64) uint64 {
	return after - after%lineageStep + lineageStep + binary.BigEndian.Uint64(lineage[:8])%lineageStep
}

// check looks at what the changes made of the nodes.
func (d *draft) check() error {
	if len(d.nodes) > MaxNodes {
		return errs.Newf(errs.TooLarge, "a rhizome has at most %d nodes", MaxNodes)
	}
	for i := range d.nodes {
		if err := d.nodes[i].validate(); err != nil {
			return err
		}
		if err := validZone(d.nodes[i].Zone); err != nil {
			return err
		}
	}
	if d.forced {
		return nil
	}
	if len(d.nodes) == 0 {
		return errs.New(errs.Conflict, "this is the only node of the rhizome, so that nothing would be left: it cannot be taken out. To give the rhizome up, stop the node and delete its data folder; to go on with another computer, let that join first: rhizome invite")
	}
	if lost := d.prev.lost(d.gone); lost.Majorities > 0 {
		return errs.Newf(errs.Conflict, "%d of %d slices would lose the majority of their replicas, so that nobody could say what their rows are. If the nodes can come back, start them, empty them with rhizome node drain and wait until the others have taken over; if they are lost for good: rhizome layout recover", lost.Majorities, len(d.prev.Assigned))
	}
	return nil
}

// assign fills in who keeps what, near to prev.
func (l *Layout) assign(prev *Layout) error {
	d := l.demand()
	if d.holders == 0 {
		return errs.New(errs.Conflict, "no node would be left that keeps data: add one that offers space, or stop draining one")
	}
	own, err := l.spread(prev, d.storage, d.holders, d.zones)
	if err != nil {
		return err
	}
	if d.witness {
		more, err := l.spread(prev, d.witnesses, 1, 1)
		if err != nil {
			return err
		}
		for p := range own {
			own[p] = append(own[p], more[p]...)
		}
	}
	for p := range own {
		slices.Sort(own[p])
	}
	l.Assigned = own
	return nil
}

// terms returns, for each partition, the version since which its replicas are what
// they are in next, which follows prev: that of next itself where it begins a lineage.
func terms(prev, next *Layout) []uint64 {
	was := places(next, prev)
	out := make([]uint64, len(next.Assigned))
	for p := range out {
		out[p] = next.Version
		if next.Lineage == prev.Lineage && same(prev.Assigned[p], next.Assigned[p], was) {
			out[p] = prev.Term(p)
		}
	}
	return out
}

// same reports whether two sets of replicas are the same nodes; was gives, for an
// index of the second, that in the first.
func same(a, b []uint16, was []int) bool {
	if len(a) != len(b) {
		return false
	}
	for _, n := range b {
		if was[n] < 0 || !slices.Contains(a, uint16(was[n])) {
			return false
		}
	}
	return true
}

// places returns, for each node of l, its index in other, -1 if it has none.
func places(l, other *Layout) []int {
	at := make(map[ident.NodeID]int, len(other.Nodes))
	for i := range other.Nodes {
		at[other.Nodes[i].ID] = i
	}
	out := make([]int, len(l.Nodes))
	for i := range l.Nodes {
		out[i] = -1
		if j, ok := at[l.Nodes[i].ID]; ok {
			out[i] = j
		}
	}
	return out
}

// holds reports whether a node has a partition.
func (l *Layout) holds(id ident.NodeID) bool {
	i := slices.IndexFunc(l.Nodes, func(n Node) bool { return n.ID == id })
	if i < 0 {
		return false
	}
	return slices.ContainsFunc(l.Assigned, func(set []uint16) bool { return slices.Contains(set, uint16(i)) })
}

// Lost says what is lost when nodes are gone for good.
type Lost struct {
	// Majorities is how many partitions have no majority of their replicas left: of
	// their rows, changes that were confirmed may be missing.
	Majorities int `json:"majorities"`
	// Rows is how many have no replica left: all their rows are lost.
	Rows int `json:"rows"`
	// Bytes is how many have no holder left: what their rows name cannot be read.
	Bytes int `json:"bytes"`
}

// lost counts what is lost with these nodes.
func (l *Layout) lost(gone []ident.NodeID) (out Lost) {
	if len(gone) == 0 {
		return out
	}
	away := make([]bool, len(l.Nodes))
	for i := range l.Nodes {
		away[i] = slices.Contains(gone, l.Nodes[i].ID)
	}
	for _, set := range l.Assigned {
		left, holders := 0, 0
		for _, n := range set {
			if away[n] {
				continue
			}
			left++
			if !l.Nodes[n].Witness {
				holders++
			}
		}
		out.count(len(set), left, holders)
	}
	return out
}

func (o *Lost) count(all, left, holders int) {
	if left < all/2+1 {
		o.Majorities++
	}
	if left == 0 {
		o.Rows++
	}
	if holders == 0 {
		o.Bytes++
	}
}
