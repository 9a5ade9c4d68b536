package node

import (
	"context"
	"sync/atomic"

	"rhizome/base/ident"
	"rhizome/cluster/membership"
	"rhizome/cluster/register"
	"rhizome/net/rpc"
)

// Transport is what a node needs of its links to others.
type Transport interface {
	rpc.Links
	// Start begins to listen and to call. Members on the same local network find each
	// other under the name, which they share and others do not guess.
	Start(lan []byte) error
	// Addresses are those at which others may reach this node.
	Addresses() []string
	// SetAddresses says where another node is.
	SetAddresses(ident.NodeID, []string)
	// Try calls a node at addresses, whether a link stands or not, and returns nil if it
	// answers at one of them.
	Try(ctx context.Context, id ident.NodeID, addresses []string) error
	// Relayed reports whether a node is reached through another one only.
	Relayed(ident.NodeID) bool
	// OnLink tells when a link comes up or goes down.
	OnLink(func(id ident.NodeID, up bool))
	// SetBackground and SetRelay bound what is sent for background work, and what is
	// relayed for others, in bytes per second; 0 is no limit.
	SetBackground(perSecond int)
	SetRelay(perSecond int)
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

// linksMark says in the rows that this node speaks with others, or is about to: its
// links open at every start. A node that was always alone opens none.
//
//	'n' 'p'  empty
var linksMark = []byte("np")

// openLinks makes the links to others.
func (n *Node) openLinks(context.Context) (err error) {
	make := n.config.Links
	if make == nil {
		make = n.realLinks
	}
	if n.links, err = make(n.keys.seed, &n.guard); err != nil {
		return err
	}
	n.onClose(n.links.Close)
	return nil
}

// startLinks opens the links, once, now and at every start from now on.
func (n *Node) startLinks() error {
	n.linking.Lock()
	defer n.linking.Unlock()
	if n.linked {
		return nil
	}
	if err := n.rows.Set(linksMark, nil); err != nil {
		return err
	}
	lan, err := n.lanName()
	if err != nil {
		return err
	}
	if err := n.links.Start(lan); err != nil {
		return err
	}
	n.linked = true
	if n.members != nil {
		n.members.Changed()
	}
	return nil
}

// lanName is what members on one local network find each other by: the rhizome's lineage.
func (n *Node) lanName() ([]byte, error) {
	if n.members != nil {
		lineage := n.members.Layout().Lineage
		return lineage[:], nil
	}
	t, err := n.folder.invitation()
	if err != nil || t == nil {
		return nil, err
	}
	return t.Rhizome[:], nil
}

// listenToOthers opens the links if there are others, or somebody said where to listen.
func (n *Node) listenToOthers(context.Context) error {
	_, linked, err := n.rows.Find(linksMark)
	if err != nil || !linked && !n.config.PeerSet && len(n.members.Layout().Nodes) == 1 {
		return err
	}
	return n.startLinks()
}

// held holds what members ask until a channel is closed.
type held struct {
	rpc.Links
	until <-chan struct{}
}

// Handle implements rpc.Links.
func (h held) Handle(m rpc.Method, access rpc.Access, f rpc.Handler) {
	h.Links.Handle(m, access, rpc.After(h.until, f))
}

// serveOthers answers what other nodes ask. It comes before the links open, but in a
// node that joins. What is asked of rows, and who wants to join, waits for askOthers: an old copy must not answer.
func (n *Node) serveOthers(context.Context) error {
	register.Serve(held{n.links, n.trusted}, n.replica)
	n.links.Handle(methodJoin, rpc.Anyone, rpc.After(n.trusted, n.serveJoin))
	n.links.OnLink(n.linkChanged)
	n.opened.Store(true)
	n.adopt(n.members.Layout()) // one may have come meanwhile
	return nil
}
