// Package layout says which nodes keep which partition. It is pure: no clock, no
// disk, no network.
//
// A layout is numbered. It maps each of P partitions to the replicas that vote on
// the rows of that partition and keep its bytes. P is 1,024, stands in the layout
// and can double. A row's partition is BLAKE3(partition key) mod P.
package layout

import (
	"encoding/binary"

	"github.com/zeebo/blake3"

	"rhizome/base/errs"
	"rhizome/base/ident"
)

// DefaultPartitions is the number of partitions of a new rhizome.
const DefaultPartitions = 1024

// Node is one node's place in a layout.
type Node struct {
	ID ident.NodeID `cbor:"1,keyasint" json:"id"`
	// Zone is the home the node stands in.
	Zone string `cbor:"2,keyasint" json:"zone"`
	// Capacity is how many bytes the node offers; 0 is a gateway node.
	Capacity int64 `cbor:"3,keyasint" json:"capacity"`
}

// Layout is one numbered assignment. A Layout is never changed once made.
type Layout struct {
	// Version grows by one with each layout; the first is 1.
	Version uint64 `cbor:"1,keyasint" json:"version"`
	// Lineage is drawn anew when a rhizome goes on after losing a majority.
	Lineage ident.ID `cbor:"2,keyasint" json:"lineage"`
	Nodes   []Node   `cbor:"3,keyasint" json:"nodes"`
	// Assigned holds, for each partition, indexes into Nodes.
	Assigned [][]uint16 `cbor:"4,keyasint" json:"-"`
}

// Single returns the first layout of a rhizome of one node: every partition on it.
func Single(lineage ident.ID, n Node) *Layout {
	l := &Layout{Version: 1, Lineage: lineage, Nodes: []Node{n}, Assigned: make([][]uint16, DefaultPartitions)}
	for i := range l.Assigned {
		l.Assigned[i] = []uint16{0}
	}
	return l
}

// Validate checks a layout that was read from disk or network.
func (l *Layout) Validate() error {
	if l.Version == 0 || len(l.Assigned) == 0 {
		return errs.New(errs.Corrupt, "the layout is empty")
	}
	for p, replicas := range l.Assigned {
		if len(replicas) == 0 {
			return errs.Newf(errs.Corrupt, "the layout gives partition %d to nobody", p)
		}
		for _, r := range replicas {
			if int(r) >= len(l.Nodes) {
				return errs.Newf(errs.Corrupt, "the layout gives partition %d to node number %d of %d", p, r, len(l.Nodes))
			}
		}
	}
	return nil
}

// Partition returns the partition of a partition key.
func (l *Layout) Partition(part string) int {
	sum := blake3.Sum256([]byte(part))
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
