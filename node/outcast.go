package node

import (
	"context"
	"slices"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/layout/decree"
)

// outcastBy returns those that say that this node is no member any more, if they are most of
// the others that vote and nobody says otherwise.
func (n *Node) outcastBy() []ident.NodeID {
	var by []ident.NodeID
	for _, p := range n.members.Peers() {
		switch {
		case p.Up, p.Apart != nil, p.Older:
			return nil
		case p.Refuses:
			by = append(by, p.Node)
		}
	}
	if refusing, others := votersAmong(n.members.Layout(), n.keys.id(), by); len(by) == 0 || others == 0 || refusing < decree.Majority(others) {
		return nil
	}
	return by
}

// watchOutcast notes whether this node was taken out, or told that its rows are an old copy,
// while it runs, and logs the first once.
func (n *Node) watchOutcast(ctx context.Context) error {
	var told []ident.NodeID
	for {
		news := n.members.News()
		by := n.outcastBy()
		n.outcast.Store(len(by) > 0 || n.members.Older())
		if len(by) > 0 && len(told) == 0 {
			n.config.Logger.Warn("this node was removed from its rhizome, or declared lost there; rhizome status says what to do", "by", homesWith(n.members.Layout(), by))
		}
		told = slices.Clone(by)
		select {
		case <-ctx.Done():
			return nil
		case <-news:
		}
	}
}

// stillIn fails once this node was removed, or was told that its rows are an old copy: what is asked of it could only wait for nodes
// that answer it no more.
func (n *Node) stillIn() error {
	switch {
	case !n.outcast.Load():
		return nil
	case n.members.Older():
		return errs.New(errs.Denied, "this node's data folder is an old copy")
	}
	return errs.New(errs.Denied, "this node was removed from its rhizome")
}
