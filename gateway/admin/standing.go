package admin

import (
	"rhizome/base/ident"
	"rhizome/cluster/layout"
	"rhizome/gateway/admin/api"
)

// StandingOf counts the partitions that nodes being away stops or endangers. up says
// whether a node is up, the one that asks included.
func StandingOf(l *layout.Layout, up func(ident.NodeID) bool) api.Standing {
	var s api.Standing
	present := make([]bool, len(l.Nodes))
	for i, n := range l.Nodes {
		present[i] = up(n.ID)
	}
	homes := len(voterHomes(l))
	for _, replicas := range l.Assigned {
		p := stand(l, replicas, present)
		switch {
		case p.votes < p.majority:
			s.Stopped++
			if len(replicas) != 2 || p.votes == 0 {
				s.Silent++
			}
		case homes > 1 && p.votes-p.most < p.majority:
			s.Fragile++
		}
		switch {
		case p.holding == 0:
			s.Unreadable++
		case p.holding == 1 && p.meant > 1:
			s.Lone++
		}
	}
	return s
}

// partitionStand is how one partition stands.
type partitionStand struct {
	votes, majority int // replicas that are up, and how many are needed
	most            int // the most of them in one home
	holding, meant  int // homes that keep the bytes: those that are up, and all
}

func stand(l *layout.Layout, replicas []uint16, present []bool) partitionStand {
	p := partitionStand{majority: len(replicas)/2 + 1}
	votes, holding, meant := map[string]int{}, map[string]bool{}, map[string]bool{}
	for _, r := range replicas {
		n := l.Nodes[r]
		if !n.Witness {
			meant[n.Zone] = true
		}
		if !present[r] {
			continue
		}
		p.votes++
		votes[n.Zone]++
		p.most = max(p.most, votes[n.Zone])
		if !n.Witness {
			holding[n.Zone] = true
		}
	}
	p.holding, p.meant = len(holding), len(meant)
	return p
}

// voterHomes are the homes with a node that votes somewhere.
func voterHomes(l *layout.Layout) map[string]bool {
	out := map[string]bool{}
	for _, n := range l.Nodes {
		if n.Capacity > 0 || n.Witness {
			out[n.Zone] = true
		}
	}
	return out
}

// LossOf counts the partitions that lose something with the nodes gone.
func LossOf(l *layout.Layout, gone func(ident.NodeID) bool) api.Loss {
	var loss api.Loss
	for _, replicas := range l.Assigned {
		left, holding := 0, 0
		for _, r := range replicas {
			if n := l.Nodes[r]; !gone(n.ID) {
				left++
				if !n.Witness {
					holding++
				}
			}
		}
		switch {
		case left == 0:
			loss.Rows++
		case left < len(replicas)/2+1:
			loss.Doubtful++
		}
		if holding == 0 {
			loss.Bytes++
		}
	}
	return loss
}
