package node

import (
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/model/object"
)

// know fails unless every member runs a release that knows a generation of records. Those
// that are away count by what they told last, and until they are taken out.
func (n *Node) know(generation int) error {
	for _, m := range n.members.Layout().Nodes {
		if m.ID == n.keys.id() {
			continue
		}
		c, _ := n.members.Card(m.ID)
		if c.Records >= generation {
			continue
		}
		return older(m.ID, m.Zone, c.Release)
	}
	return nil
}

func older(id ident.NodeID, home, release string) error {
	if release == "" {
		return errs.Newf(errs.Conflict, "what the node %s (%s) runs is not known yet, and an older release would lose this setting: %w", id.String()[:12], home, object.ErrOlder)
	}
	return errs.Newf(errs.Conflict, "the node %s (%s) runs release %s, which would lose this setting: %w", id.String()[:12], home, release, object.ErrOlder)
}
