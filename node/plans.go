package node

import (
	"slices"

	"rhizome/base/ident"
	"rhizome/cluster/layout"
	"rhizome/cluster/membership"
)

// plans says to registers and extents which nodes keep what, and which did before.
type plans struct{ m *membership.Members }

// Layout implements register.Plans.
func (p plans) Layout() *layout.Layout { return p.m.Layout() }

// Before implements register.Plans. Under a layout that goes on after a majority was
// lost, the rows are those of the replicas that are left; where none is, they begin anew.
func (p plans) Before(partition int, term uint64) (uint64, []ident.NodeID, bool) {
	chain := p.m.Chain()
	before, replicas, ok := chain.Before(partition, term)
	if !ok {
		return 0, nil, false
	}
	l, prev := chain.At(term), chain.At(term-1)
	if l.Lineage != prev.Lineage {
		replicas = slices.DeleteFunc(slices.Clone(replicas), func(id ident.NodeID) bool { return l.Node(id) == nil })
	}
	return before, replicas, true
}

// Behind implements register.Plans.
func (p plans) Behind(ident.NodeID) { p.m.Changed() }

// Holders implements extent.Places: who is to have the bytes of an extent now.
func (p plans) Holders(id ident.ID) []ident.NodeID {
	l := p.m.Layout()
	return l.Holders(l.Partition(id.Key()))
}

// Former implements extent.Places: who may have them still.
func (p plans) Former(id ident.ID) []ident.NodeID {
	chain := p.m.Chain()
	l := chain.Latest()
	part := l.Partition(id.Key())
	now := l.Holders(part)
	return slices.DeleteFunc(chain.Holders(part, p.whole(l)), func(n ident.NodeID) bool {
		return slices.Contains(now, n) || l.Node(n) == nil
	})
}

// whole is the newest layout of which all nodes that keep bytes say that they have them.
func (p plans) whole(l *layout.Layout) uint64 {
	least := l.Version
	for i := range l.Nodes {
		n := &l.Nodes[i]
		if n.Witness || n.Capacity == 0 {
			continue
		}
		c, _ := p.m.Card(n.ID)
		least = min(least, c.Whole)
	}
	return least
}

// nodes returns all members.
func (p plans) nodes() []ident.NodeID {
	l := p.m.Layout()
	out := make([]ident.NodeID, len(l.Nodes))
	for i := range l.Nodes {
		out[i] = l.Nodes[i].ID
	}
	return out
}
