package node

import (
	"context"
	"slices"
	"strings"
	"time"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/layout"
	"rhizome/cluster/layout/decree"
	"rhizome/model/account"
)

// askTime bounds how long a start waits for the others to say whether this node is still
// one of them.
const askTime = 2 * time.Second

// askOthers ends the start of a node that is no member any more, or whose rows are an old
// copy; else it lets members ask this one.
func (n *Node) askOthers(ctx context.Context) error {
	if err := n.stillMember(ctx); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil { // the start was given up: nobody said anything
		return err
	}
	close(n.trusted)
	return nil
}

// stillMember fails if the others say that this node may not take part. That it is no member
// takes a majority of them to be sure: a few may have gone on by themselves, wrongly, and then
// the start goes on, and Refused tells of it.
func (n *Node) stillMember(ctx context.Context) error {
	l := n.members.Layout()
	if len(l.Nodes) == 1 || l.Node(n.keys.id()) == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	by, err := n.members.AskAround(ctx)
	if n.members.Older() {
		return errs.Newf(errs.Denied, "the folder %s is an old copy of this node's data, or another computer runs with a copy of it: the other homes know the node as it was later. A node that forgot what it promised may not take part. Put the newer folder back, if there is one; else move this one away, or name another with --data, and join with a new invitation: rhizome invite in another home, rhizome up --join here, and then rhizome node remove --lost there for the old node. Only if all other homes are lost for good, go on with this copy: rhizome repair rebuild --alone", n.folder.path)
	}
	if err != nil || len(by) == 0 {
		return err
	}
	homes := homesWith(l, by)
	if refusing, others := votersAmong(l, n.keys.id(), by); refusing < decree.Majority(others) {
		n.refused = homes
		return nil
	}
	return errs.Newf(errs.Denied, "this node was removed from its rhizome, or declared lost there (so say the homes that answer: %s). What it holds is of no use to the others any more. To bring this computer back, move the folder %s away, or name another with --data, and join with a new invitation: rhizome invite there, rhizome up --join here", homes, n.folder.path)
}

// Refused names the homes that say that this node is no member, if at the start nobody said
// otherwise; else it is empty.
func (n *Node) Refused() string { return n.refused }

// votersAmong counts the nodes other than self that vote, and those of them in a set.
func votersAmong(l *layout.Layout, self ident.NodeID, set []ident.NodeID) (among, all int) {
	for _, x := range l.Nodes {
		if x.ID == self || x.Capacity == 0 && !x.Witness {
			continue
		}
		all++
		if slices.Contains(set, x.ID) {
			among++
		}
	}
	return among, all
}

func homesWith(l *layout.Layout, ids []ident.NodeID) string {
	var out []string
	for _, id := range ids {
		if x := l.Node(id); x != nil && !slices.Contains(out, x.Zone) {
			out = append(out, x.Zone)
		}
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

// sameRhizome refuses an invitation to another rhizome than the one that the data folder
// belongs to. One to the same is of no use and does no harm, nor does one that cannot be
// read. Lineages change when a rhizome recovers, so nodes that both know tell too.
func (n *Node) sameRhizome() error {
	if !n.unused {
		return nil
	}
	t, err := account.ParseTicket(n.config.Join)
	if err != nil {
		return nil
	}
	chain := n.members.Chain()
	for l := chain.Latest(); l != nil; l = chain.Prior(l.Version) {
		if l.Lineage == t.Rhizome || slices.ContainsFunc(t.Nodes, func(x account.TicketNode) bool { return l.Node(x.Node) != nil }) {
			return nil
		}
	}
	return errs.Newf(errs.Conflict, "the invitation is to another rhizome than the one that the folder %s belongs to; nothing was changed, and the invitation still serves. To join with this computer, name an empty folder with --data, or move that one away: what is in it does not come along", n.folder.path)
}
