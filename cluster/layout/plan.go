package layout

import (
	"math"
	"math/bits"

	"rhizome/base/ident"
)

// Plan says what going from one layout to the next one means.
type Plan struct {
	From uint64 `json:"from"`
	To   uint64 `json:"to"`
	// Nodes has those of both layouts, the next one's first, in its order.
	Nodes []NodePlan `json:"nodes"`
	// Changed are the partitions whose set of replicas changes.
	Changed []int `json:"changed"`
	// Moves is how many copies of a partition holders have yet to fetch, Bytes how many
	// bytes that is, Fraction Moves divided by all copies that holders will have.
	Moves    int     `json:"moves"`
	Bytes    int64   `json:"bytes"`
	Fraction float64 `json:"fraction"`
	// Holders is how many holders each partition will have at least, Replicas how many
	// replicas, a witness included.
	Holders  int `json:"holders"`
	Replicas int `json:"replicas"`
	// Usable is how many bytes fit, each counted once; UsableBefore is that of From.
	Usable       int64 `json:"usable"`
	UsableBefore int64 `json:"usable_before"`
	// Lost is what is lost if the nodes that are missing in the next layout are gone.
	Lost     Lost      `json:"lost"`
	Warnings []Warning `json:"warnings"`
}

// NodePlan is one node's part in a Plan.
type NodePlan struct {
	ID   ident.NodeID `json:"id"`
	Zone string       `json:"zone"`
	// Before and After count the partitions it is a replica of, Incoming those of After
	// that are not of Before. Fetch is the bytes of those it becomes a holder of.
	Before   int   `json:"before"`
	After    int   `json:"after"`
	Incoming int   `json:"incoming"`
	Fetch    int64 `json:"fetch"`
}

// Compare returns what going from prev to next means. size gives a partition's bytes,
// counted once; nil: nothing is stored yet.
func Compare(prev, next *Layout, size func(partition int) int64) *Plan {
	if size == nil {
		size = func(int) int64 { return 0 }
	}
	p := &Plan{From: prev.Version, To: next.Version, Usable: next.Usable(), UsableBefore: prev.Usable()}
	p.Nodes = make([]NodePlan, len(next.Nodes))
	for i, n := range next.Nodes {
		p.Nodes[i] = NodePlan{ID: n.ID, Zone: n.Zone}
	}
	now := places(prev, next)
	gone := p.before(prev, now)
	used := p.after(next, prev, now, size)
	p.Lost = prev.lost(gone)
	p.Warnings = next.warnings(used)
	return p
}

// before counts what nodes have now and returns those that the next layout lacks.
func (p *Plan) before(prev *Layout, now []int) (gone []ident.NodeID) {
	for i, n := range prev.Nodes {
		if now[i] < 0 {
			now[i] = len(p.Nodes)
			p.Nodes = append(p.Nodes, NodePlan{ID: n.ID, Zone: n.Zone})
			gone = append(gone, n.ID)
		}
	}
	for _, set := range prev.Assigned {
		for _, n := range set {
			p.Nodes[now[n]].Before++
		}
	}
	return gone
}

// after counts what nodes will have and returns how many bytes are stored.
func (p *Plan) after(next, prev *Layout, now []int, size func(int) int64) (used int64) {
	p.Holders, p.Replicas = MaxReplicas, MaxReplicas
	copies := 0
	// 1 + the last partition that the node was a replica and a holder of
	voted, held := make([]int, len(p.Nodes)), make([]int, len(p.Nodes))
	for part, set := range next.Assigned {
		for _, n := range prev.Assigned[part] {
			voted[now[n]] = part + 1
			if !prev.Nodes[n].Witness {
				held[now[n]] = part + 1
			}
		}
		bytes, holders, fresh := max(0, size(part)), 0, 0
		used += bytes
		for _, n := range set {
			p.Nodes[n].After++
			if voted[n] != part+1 {
				fresh++
				p.Nodes[n].Incoming++
			}
			if next.Nodes[n].Witness {
				continue
			}
			holders++
			if held[n] != part+1 {
				p.Moves++
				p.Bytes += bytes
				p.Nodes[n].Fetch += bytes
			}
		}
		copies += holders
		p.Holders, p.Replicas = min(p.Holders, holders), min(p.Replicas, len(set))
		if fresh > 0 || len(set) != len(prev.Assigned[part]) {
			p.Changed = append(p.Changed, part)
		}
	}
	p.Fraction = float64(p.Moves) / float64(max(1, copies))
	return used
}

// loads counts the partitions that each node is a replica of.
func (l *Layout) loads() []int {
	out := make([]int, len(l.Nodes))
	for _, set := range l.Assigned {
		for _, n := range set {
			out[n]++
		}
	}
	return out
}

// Usable returns how many bytes fit into the layout, each counted once, if all
// partitions grow alike.
func (l *Layout) Usable() int64 {
	least := int64(math.MaxInt64)
	for i, load := range l.loads() {
		if load > 0 && !l.Nodes[i].Witness {
			least = min(least, l.Nodes[i].Capacity/int64(load))
		}
	}
	high, low := bits.Mul64(uint64(least), uint64(len(l.Assigned)))
	if high > 0 || low > math.MaxInt64 {
		return math.MaxInt64
	}
	return int64(low)
}
