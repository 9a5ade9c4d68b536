package node

import (
	"slices"
	"strconv"

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

// OtherCapacity says that this node was started with another capacity than the one that holds, in
// bytes: rhizome node capacity changed it after the setting was given first. asked is 0 if none
// was given, or it holds. name is what people call the node.
func (n *Node) OtherCapacity() (is, asked int64, name string) {
	l := n.members.Layout()
	me := l.Node(n.keys.id())
	is = n.disks.Capacity()
	if me == nil || n.config.Capacity == 0 || is == n.config.Capacity {
		return 0, 0, ""
	}
	return is, n.config.Capacity, nameIn(l, me)
}

// settings are those of this start, but for what was changed since and holds in its place: the
// capacity, and the home in which the node stands.
func (n *Node) settings() api.Settings {
	out := n.config.Settings
	out.List = slices.Clone(out.List)
	for i := range out.List {
		s := &out.List[i]
		if holds := n.disks.Capacity(); s.Name == "capacity" && holds != n.config.Capacity {
			s.Value, s.From, s.Where = exactSize(holds), api.FromLayout, "rhizome node capacity"
		}
		if home := n.home(); s.Name == "home" && home != n.config.Home {
			s.Value, s.From, s.Where = home, api.FromLayout, "rhizome node zone"
		}
	}
	return out
}

// exactSize writes bytes as a setting, in the largest unit of which they are a whole number.
func exactSize(n int64) string {
	for _, u := range []struct {
		name  string
		bytes int64
	}{{"TB", 1e12}, {"TiB", 1 << 40}, {"GB", 1e9}, {"GiB", 1 << 30}, {"MB", 1e6}, {"MiB", 1 << 20}} {
		if n >= u.bytes && n%u.bytes == 0 {
			return strconv.FormatInt(n/u.bytes, 10) + u.name
		}
	}
	return strconv.FormatInt(n, 10)
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
