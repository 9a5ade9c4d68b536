package node

import (
	"rhizome/cluster/layout"
	"rhizome/gateway/admin/api"
)

// Role says what this node does for the rhizome by its layout, and what the options of this
// start would have it do: api.RoleStorage, RoleWitness or RoleGateway. Options decide when a
// node joins; later the layout does, which a restart does not change but for --capacity,
// which makes a gateway keep data. name is what people call the node.
func (n *Node) Role() (is, asked, name string) {
	l, id := n.members.Layout(), n.keys.id()
	asked = api.RoleStorage
	if n.config.Witness {
		asked = api.RoleWitness
	} else if n.config.Gateway {
		asked = api.RoleGateway
	}
	me := l.Node(id)
	_, joining, err := n.rows.Find(joinMark)
	if me == nil || joining || err != nil || len(l.Nodes) == 1 {
		return asked, asked, ""
	}
	return roles(me)[0], asked, nameIn(l, me)
}

// home is where this node stands: as the layout has it, or as it was told before it has one.
func (n *Node) home() string {
	if me := n.members.Layout().Node(n.keys.id()); me != nil {
		return me.Zone
	}
	return n.config.Home
}

// OtherHome says, of a node that others know, that it was started with another home than the one
// in which it stands and stays; asked is "" if it was not. name is what people call the node.
func (n *Node) OtherHome() (is, asked, name string) {
	l := n.members.Layout()
	me := l.Node(n.keys.id())
	if me == nil || len(l.Nodes) == 1 || n.config.Homeless || n.config.Home == me.Zone {
		return "", "", ""
	}
	return me.Zone, n.config.Home, nameIn(l, me)
}

// nameIn is what people call a node: its home, or if that has several the beginning of its ID.
func nameIn(l *layout.Layout, node *layout.Node) string {
	for i := range l.Nodes {
		if l.Nodes[i].Zone == node.Zone && l.Nodes[i].ID != node.ID {
			return node.ID.String()[:8]
		}
	}
	return node.Zone
}
