package node

import (
	"rhizome/base/ident"
	"rhizome/cluster/layout"
	"rhizome/cluster/membership"
	"rhizome/gateway/admin"
	"rhizome/gateway/admin/api"
)

// standing says what the loss of nodes does, by what they tell of themselves.
func (n *Node) standing(l *layout.Layout) api.Standing {
	cards := map[ident.NodeID]*membership.Card{n.keys.id(): n.ownCard()}
	for _, p := range n.members.Peers() {
		cards[p.Node] = &p.Card
	}
	chain := n.members.Chain()
	s := admin.StandingOf(l, n.members.Up, admin.Rows{
		Has: func(part int, id ident.NodeID) bool {
			term := l.Term(part)
			c := cards[id]
			return term == 1 || chain.Recovered(term) || c != nil && c.Layout >= term && c.Has(part)
		},
		Before: func(part int) []ident.NodeID {
			_, nodes, _ := chain.Before(part, l.Term(part))
			return nodes
		},
	})
	unsure := n.unsure(l, cards)
	if s.Stopped == 0 {
		s.Unsure = unsure
	}
	s.Silent += min(unsure, s.Stopped-s.Silent) // one of two that cannot tell what the other one has
	return s
}

func (n *Node) ownCard() *membership.Card {
	c := membership.Card{Node: n.keys.id(), Layout: n.members.Layout().Version}
	n.describe(&c)
	return &c
}

// unsure is of how many partitions one of two replicas that are up cannot answer alone.
// A node that has not told of the newest layout counts with all that it has of them.
func (n *Node) unsure(l *layout.Layout, cards map[ident.NodeID]*membership.Card) (most int) {
	pairs := map[ident.NodeID]int{}
	for p := range l.Assigned {
		if of := l.Replicas(p); len(of) == 2 {
			pairs[of[0]]++
			pairs[of[1]]++
		}
	}
	for id, count := range pairs {
		c := cards[id]
		switch {
		case !n.members.Up(id):
		case c == nil || c.Layout < l.Version:
			most = max(most, count)
		default:
			most = max(most, min(count, int(c.Health.Unsure)))
		}
	}
	return most
}
