package admin

import (
	"slices"

	"rhizome/base/ident"
	"rhizome/cluster/layout"
	"rhizome/cluster/layout/decree"
	"rhizome/gateway/admin/api"
)

// Rows says how far a layout's nodes have taken over its rows.
type Rows struct {
	// Has reports whether a replica of a partition has taken up its rows.
	Has func(partition int, node ident.NodeID) bool
	// Before returns who had them before: one that has not takes them over from a majority
	// of those, and answers for none until then.
	Before func(partition int) []ident.NodeID
}

// StandingOf counts the partitions that nodes being away stops or endangers. up says
// whether a node is up, the one that asks included. All but Unsure, which no layout tells.
func StandingOf(l *layout.Layout, up func(ident.NodeID) bool, rows Rows) api.Standing {
	var s api.Standing
	present := make([]bool, len(l.Nodes))
	for i, n := range l.Nodes {
		present[i] = up(n.ID)
	}
	homes := voterHomes(l)
	for part, replicas := range l.Assigned {
		p := stand(l, replicas, present)
		h := handover{l: l, part: part, replicas: replicas, present: present, rows: rows}
		switch {
		case p.votes < p.majority:
			s.Stopped++
			if len(replicas) != 2 || p.votes == 0 {
				s.Silent++
			}
		case h.votes("") < p.majority:
			s.Stopped++
			s.Silent++
			s.Waiting++
		case len(homes) > 1 && p.votes-p.most < p.majority:
			s.Fragile++
		case len(homes) > 1 && h.needsAll(homes, p.majority):
			s.Moving++
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

// handover is how far a partition's rows have gone from those that had them before to
// those that are to have them.
type handover struct {
	l        *layout.Layout
	part     int
	replicas []uint16
	present  []bool
	rows     Rows
}

// votes counts the replicas that can answer, or could after they took over the rows,
// while the home without is away too.
func (h *handover) votes(without string) (n int) {
	there := func(i int) bool { return h.present[i] && (without == "" || h.l.Nodes[i].Zone != without) }
	sources := false
	for k, looked := 0, false; k < len(h.replicas); k++ {
		i := int(h.replicas[k])
		switch {
		case !there(i):
		case h.rows.Has(h.part, h.l.Nodes[i].ID):
			n++
		default:
			if !looked {
				sources, looked = h.sources(there), true
			}
			if sources {
				n++
			}
		}
	}
	return n
}

// sources reports whether enough are there of those that had the rows before.
func (h *handover) sources(there func(int) bool) bool {
	before, n := h.rows.Before(h.part), 0
	for _, id := range before {
		if i := slices.IndexFunc(h.l.Nodes, func(x layout.Node) bool { return x.ID == id }); i >= 0 && there(i) {
			n++
		}
	}
	return n >= decree.Majority(len(before))
}

// needsAll reports whether the partition would stop if one more home went.
func (h *handover) needsAll(homes map[string]bool, majority int) bool {
	for home := range homes {
		if h.votes(home) < majority {
			return true
		}
	}
	return false
}

// partitionStand is how one partition stands.
type partitionStand struct {
	votes, majority int // replicas that are up, and how many are needed
	most            int // the most of them in one home
	holding, meant  int // homes that keep the bytes: those that are up, and all
}

func stand(l *layout.Layout, replicas []uint16, present []bool) partitionStand {
	p := partitionStand{majority: decree.Majority(len(replicas))}
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

// voterHomes are the homes with a node that votes somewhere: a witness beside one home, say,
// has nothing to vote on.
func voterHomes(l *layout.Layout) map[string]bool {
	out := map[string]bool{}
	for _, replicas := range l.Assigned {
		for _, r := range replicas {
			out[l.Nodes[r].Zone] = true
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
		case left < decree.Majority(len(replicas)):
			loss.Doubtful++
		}
		if holding == 0 {
			loss.Bytes++
		}
	}
	return loss
}
