package layout

import (
	"slices"

	"rhizome/base/errs"
	"rhizome/base/ident"
)

// Change is one thing that people decide about a layout: a node that comes or goes,
// a setting. Those that make one say what can be wrong with it; Next reports it.
type Change func(*draft) error

// draft is a layout's inputs while changes are made to them.
type draft struct {
	lineage  ident.ID
	nodes    []Node
	settings Settings
	// gone are nodes that left without giving away what they held.
	gone []ident.NodeID
	// forced: partitions may have lost their majority.
	forced bool
	prev   *Layout
}

// Add brings in a node. errs.Exists if it is in already, errs.Invalid if its home has
// no usable name.
func Add(n Node) Change {
	return func(d *draft) error {
		if d.find(n.ID) != nil {
			return errs.Newf(errs.Exists, "node %s is in the layout already", n.ID)
		}
		d.nodes = append(d.nodes, n)
		return nil
	}
}

// Remove takes out a node that holds nothing: drain it first. errs.Conflict if it
// holds a partition.
func Remove(id ident.NodeID) Change {
	return func(d *draft) error {
		if d.find(id) != nil && d.prev.holds(id) {
			return errs.Newf(errs.Conflict, "node %s still holds slices: empty it first with rhizome node drain, or say that it is lost with rhizome node remove --lost", id)
		}
		return d.drop(id)
	}
}

// RemoveLost takes out nodes that will not come back. What they held is made anew
// from the other replicas. Next gives errs.Conflict if a partition lost the majority
// of its replicas to it: only Recover goes on then.
func RemoveLost(ids ...ident.NodeID) Change {
	return func(d *draft) error {
		for _, id := range ids {
			if err := d.drop(id); err != nil {
				return err
			}
			d.gone = append(d.gone, id)
		}
		return nil
	}
}

// Recover goes on under a new lineage without the nodes named, even if partitions
// lost their majority or all their holders to it: the Plan says which. Every partition
// begins a term, whether its replicas change or not: what was under way under the old
// lineage ends. lineage is
// drawn at random by the caller; errs.Invalid if it is the present one.
func Recover(lineage ident.ID, gone ...ident.NodeID) Change {
	return func(d *draft) error {
		if lineage.IsZero() || lineage == d.lineage {
			return errs.New(errs.Invalid, "a recovery needs a lineage of its own")
		}
		d.lineage, d.forced = lineage, true
		return RemoveLost(gone...)(d)
	}
}

// Capacity sets how many bytes a node offers; 0 makes it a gateway. errs.Conflict if
// it is a witness.
func Capacity(id ident.NodeID, bytes int64) Change {
	return edit(id, func(n *Node) error {
		if n.Witness && bytes > 0 {
			return errs.Newf(errs.Conflict, "node %s is a witness, which offers no space", id)
		}
		n.Capacity = bytes
		return nil
	})
}

// Zone moves a node to another home.
func Zone(id ident.NodeID, zone string) Change {
	return edit(id, func(n *Node) error {
		n.Zone = zone
		return nil
	})
}

// Witness makes a node a witness, or none any more. errs.Conflict if it offers space.
func Witness(id ident.NodeID, witness bool) Change {
	return edit(id, func(n *Node) error {
		if witness && n.Capacity > 0 {
			return errs.Newf(errs.Conflict, "node %s offers space: set its capacity to 0 first with rhizome node capacity", id)
		}
		n.Witness = witness
		return nil
	})
}

// Drain moves away what a node holds, or lets it hold again.
func Drain(id ident.NodeID, draining bool) Change {
	return edit(id, func(n *Node) error {
		n.Draining = draining
		return nil
	})
}

// Operator says who runs a node; zero: the administrators.
func Operator(id ident.NodeID, member ident.ID) Change {
	return edit(id, func(n *Node) error {
		n.Operator = member
		return nil
	})
}

// Set replaces the settings. errs.Invalid if they make no sense.
func Set(s Settings) Change {
	return func(d *draft) error {
		d.settings = s
		return s.validate()
	}
}

// RenameZone gives a home another name. errs.NotFound if there is none of that name,
// errs.Exists if the new one is taken.
func RenameZone(from, to string) Change {
	return func(d *draft) error {
		found := false
		for i := range d.nodes {
			if d.nodes[i].Zone == to && from != to {
				return errs.Newf(errs.Exists, "there is a home %q already", to)
			}
			found = found || d.nodes[i].Zone == from
		}
		if !found {
			return errs.Newf(errs.NotFound, "there is no home %q", from)
		}
		for i := range d.nodes {
			if d.nodes[i].Zone == from {
				d.nodes[i].Zone = to
			}
		}
		return nil
	}
}

func edit(id ident.NodeID, change func(*Node) error) Change {
	return func(d *draft) error {
		n := d.find(id)
		if n == nil {
			return unknown(id)
		}
		return change(n)
	}
}

func (d *draft) find(id ident.NodeID) *Node {
	if i := d.index(id); i >= 0 {
		return &d.nodes[i]
	}
	return nil
}

func (d *draft) index(id ident.NodeID) int {
	return slices.IndexFunc(d.nodes, func(n Node) bool { return n.ID == id })
}

func (d *draft) drop(id ident.NodeID) error {
	i := d.index(id)
	if i < 0 {
		return unknown(id)
	}
	d.nodes = slices.Delete(d.nodes, i, i+1)
	return nil
}

func unknown(id ident.NodeID) error {
	return errs.Newf(errs.NotFound, "there is no node %s in the layout", id)
}
