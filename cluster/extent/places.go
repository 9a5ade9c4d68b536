package extent

import (
	"slices"

	"rhizome/base/ident"
)

// Places says which nodes keep an extent's bytes. It is safe for concurrent use and
// answers at once.
type Places interface {
	// Holders are those of the present layout.
	Holders(id ident.ID) []ident.NodeID
	// Former are nodes of earlier layouts that may still have the bytes.
	Former(id ident.ID) []ident.NodeID
}

// Alone reports whether there is no other node in the rhizome.
func (s *Store) Alone() bool {
	return s.links == nil || s.members != nil && len(s.members()) == 1
}

// holders returns the present holders of an extent; in a rhizome of one node it is it.
func (s *Store) holders(id ident.ID) []ident.NodeID {
	if s.places == nil {
		return []ident.NodeID{s.self}
	}
	return s.places.Holders(id)
}

// sole reports whether this node is the only holder of an extent.
func (s *Store) sole(id ident.ID) bool {
	h := s.holders(id)
	return s.disks != nil && len(h) == 1 && h[0] == s.self
}

// alone reports whether this node is the only one that may have an extent's bytes.
func (s *Store) alone(id ident.ID) bool { return s.sole(id) && len(s.others(id)) == 0 }

// mine reports whether this node is a holder of an extent.
func (s *Store) mine(id ident.ID) bool {
	return s.disks != nil && slices.Contains(s.holders(id), s.self)
}

// others returns the other nodes that may have an extent's bytes, the nearest first:
// present holders, then former ones. What has no link comes last in each.
func (s *Store) others(id ident.ID) []ident.NodeID {
	if s.links == nil || s.places == nil {
		return nil
	}
	out := s.byDistance(s.places.Holders(id))
	for _, n := range s.byDistance(s.places.Former(id)) {
		if !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}

// byDistance returns the nodes but this one, the nearest first.
func (s *Store) byDistance(nodes []ident.NodeID) []ident.NodeID {
	var out []ident.NodeID
	for _, n := range nodes {
		if n != s.self {
			out = append(out, n)
		}
	}
	far := func(n ident.NodeID) int64 {
		rtt, up := s.links.Distance(n)
		if !up {
			return 1 << 62
		}
		return int64(rtt)
	}
	slices.SortStableFunc(out, func(a, b ident.NodeID) int {
		x, y := far(a), far(b)
		switch {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	})
	return out
}
