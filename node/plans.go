package node

import (
	"slices"

	"rhizome/base/ident"
	"rhizome/cluster/layout"
	"rhizome/cluster/membership"
	"rhizome/net/rpc"
)

// plans says to registers and extents which nodes keep what, and which did before.
type plans struct{ m *membership.Members }

// Layout implements register.Plans.
func (p plans) Layout() *layout.Layout { return p.m.Layout() }

// Before implements register.Plans.
func (p plans) Before(partition int, term uint64) (uint64, []ident.NodeID, bool) {
	return p.m.Chain().Before(partition, term)
}

// Left implements register.Plans.
func (p plans) Left(term uint64) []ident.NodeID {
	chain := p.m.Chain()
	if !chain.Recovered(term) {
		return nil
	}
	return chain.At(term).IDs()
}

// Behind implements register.Plans.
func (p plans) Behind(ident.NodeID) { p.m.Changed() }

// Holders implements extent.Places: who is to have the bytes of an extent now.
func (p plans) Holders(id ident.ID) []ident.NodeID {
	l := p.m.Layout()
	return l.Holders(l.Partition(id.Key()))
}

// Former implements extent.Places: who may have them still. That is any holder since the
// oldest layout that is kept: a node which has nothing left to fetch may not have heard of
// all rows yet, and a writer that knew an older layout brings bytes to those of that one.
func (p plans) Former(id ident.ID) []ident.NodeID {
	chain := p.m.Chain()
	l := chain.Latest()
	part := l.Partition(id.Key())
	now := l.Holders(part)
	return slices.DeleteFunc(chain.Holders(part, 0), func(n ident.NodeID) bool {
		return slices.Contains(now, n) || l.Node(n) == nil
	})
}

// rank returns how many replicas of a partition key that can be reached come before this
// node.
func (p plans) rank(links rpc.Links, part string) (n int) {
	l := p.m.Layout()
	for _, id := range l.Replicas(l.Partition(part)) {
		if id == links.Self() {
			return n
		}
		if _, up := links.Distance(id); up {
			n++
		}
	}
	return n
}

// nodes returns all members.
func (p plans) nodes() []ident.NodeID {
	return p.m.Layout().IDs()
}
