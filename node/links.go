package node

import (
	"sync/atomic"

	"rhizome/base/ident"
	"rhizome/cluster/membership"
	"rhizome/net/rpc"
)

// Transport is what a node needs of its links to others.
type Transport interface {
	rpc.Links
	// Start begins to listen and to call. Handlers are set before.
	Start() error
	// Addresses are those at which others may reach this node.
	Addresses() []string
	// SetAddresses says where another node is.
	SetAddresses(ident.NodeID, []string)
	// OnLink tells when a link comes up or goes down.
	OnLink(func(id ident.NodeID, up bool))
	// Recheck ends the links to those who are no members any more.
	Recheck()
	Close() error
}

// guard lets members in, and before this node is one, those who were named to it.
type guard struct {
	members atomic.Pointer[membership.Members]
	named   atomic.Pointer[map[ident.NodeID]bool]
}

// Member implements rpc.Guard.
func (g *guard) Member(id ident.NodeID) bool {
	if m := g.members.Load(); m != nil {
		return m.Member(id)
	}
	named := g.named.Load()
	return named != nil && (*named)[id]
}

// name lets these in until there are members.
func (g *guard) name(ids []ident.NodeID) {
	named := make(map[ident.NodeID]bool, len(ids))
	for _, id := range ids {
		named[id] = true
	}
	g.named.Store(&named)
}
