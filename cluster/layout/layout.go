package layout

import (
	"encoding/binary"

	"rhizome/base/ident"
	"rhizome/base/short"
)

// DefaultPartitions is the number of partitions of a new rhizome.
const DefaultPartitions = 1024

// Node is one node's place in a layout.
type Node struct {
	ID ident.NodeID `cbor:"1,keyasint" json:"id"`
	// Zone is the home the node stands in.
	Zone string `cbor:"2,keyasint" json:"zone"`
	// Capacity is how many bytes the node offers; 0 is a gateway node, if it is no witness.
	Capacity int64 `cbor:"3,keyasint" json:"capacity"`
	// Witness nodes keep rows and vote, and keep no extents.
	Witness bool `cbor:"4,keyasint,omitempty" json:"witness,omitempty"`
	// Operator is the member who runs the node; zero: the administrators.
	Operator ident.ID `cbor:"5,keyasint,omitempty" json:"operator,omitzero"`
	// Draining nodes get no partition: what they hold moves away.
	Draining bool `cbor:"6,keyasint,omitempty" json:"draining,omitempty"`
}

// Settings are what people choose about a layout.
type Settings struct {
	// Replicas is how many nodes are wanted for each partition: 1, 3, 5 or 7; 3 if zero.
	// Fewer homes than that get one in each.
	Replicas int `cbor:"1,keyasint,omitempty" json:"replicas"`
	// Zones is over how many homes at least they are spread; zero: as many as Replicas.
	Zones int `cbor:"2,keyasint,omitempty" json:"zones"`
}

// Layout is one numbered assignment. A Layout is never changed once made.
type Layout struct {
	// Version grows by one with each layout; the first is 1. One that begins a lineage
	// leaves some out, so that no layout of another lineage has its number.
	Version uint64 `cbor:"1,keyasint" json:"version"`
	// Lineage is drawn anew when a rhizome goes on after losing a majority.
	Lineage ident.ID `cbor:"2,keyasint" json:"lineage"`
	Nodes   []Node   `cbor:"3,keyasint" json:"nodes"`
	// Assigned holds, for each partition, indexes into Nodes.
	Assigned [][]uint16 `cbor:"4,keyasint" json:"-"`
	Settings Settings   `cbor:"5,keyasint,omitempty" json:"settings"`
	// Since holds, for each partition, the version of the first layout since which its
	// replicas have been the same set without a break; nil: all since version 1. It is
	// the version that messages about the partition's rows carry: a layout that does not
	// touch a partition does not disturb it.
	Since []uint64 `cbor:"6,keyasint,omitempty" json:"-"`
	// After is the version of the layout that one which begins a lineage goes on from; 0
	// in all others, which go on from the version before their own.
	After uint64 `cbor:"7,keyasint,omitempty" json:"-"`
}

// Term returns the version since which a partition's replicas are what they are.
func (l *Layout) Term(partition int) uint64 {
	if l.Since == nil {
		return 1
	}
	return l.Since[partition]
}

// Node returns a node's place, nil if it has none.
func (l *Layout) Node(id ident.NodeID) *Node {
	for i := range l.Nodes {
		if l.Nodes[i].ID == id {
			return &l.Nodes[i]
		}
	}
	return nil
}

// Holders returns those of a partition's replicas that keep bytes.
func (l *Layout) Holders(partition int) []ident.NodeID {
	var out []ident.NodeID
	for _, n := range l.Assigned[partition] {
		if !l.Nodes[n].Witness {
			out = append(out, l.Nodes[n].ID)
		}
	}
	return out
}

// IDs returns all nodes.
func (l *Layout) IDs() []ident.NodeID {
	out := make([]ident.NodeID, len(l.Nodes))
	for i := range l.Nodes {
		out[i] = l.Nodes[i].ID
	}
	return out
}

// Single returns the first layout of a rhizome of one node: every partition on it.
func Single(lineage ident.ID, n Node) *Layout {
	l := &Layout{Version: 1, Lineage: lineage, Nodes: []Node{n}, Assigned: make([][]uint16, DefaultPartitions)}
	for i := range l.Assigned {
		l.Assigned[i] = []uint16{0}
	}
	return l
}

// Partition returns the partition of a partition key.
func (l *Layout) Partition(part string) int {
	sum := short.Sum256(part)
	return int(binary.BigEndian.Uint64(sum[:8]) % uint64(len(l.Assigned)))
}

// Replicas returns the nodes that keep the partition.
func (l *Layout) Replicas(partition int) []ident.NodeID {
	out := make([]ident.NodeID, len(l.Assigned[partition]))
	for i, n := range l.Assigned[partition] {
		out[i] = l.Nodes[n].ID
	}
	return out
}

// Copies is how many copies of extents there are, of the partition that has fewest:
// witnesses keep none.
func (l *Layout) Copies() int {
	fewest := 0
	for p, set := range l.Assigned {
		n := 0
		for _, i := range set {
			if !l.Nodes[i].Witness {
				n++
			}
		}
		if p == 0 || n < fewest {
			fewest = n
		}
	}
	return fewest
}
