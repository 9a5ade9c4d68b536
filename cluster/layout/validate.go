package layout

import (
	"slices"
	"unicode/utf8"

	"rhizome/base/errs"
	"rhizome/base/ident"
)

// Limits of a layout.
const (
	MaxNodes      = 1<<16 - 1
	MaxPartitions = 1 << 16
	// MaxReplicas is how many nodes may keep a partition, a witness included.
	MaxReplicas = 7
	// MaxZone is the length of a home's name in characters.
	MaxZone = 64
)

// Validate checks a layout that was read from disk or network. It fails with
// errs.Corrupt.
func (l *Layout) Validate() error {
	switch {
	case l.Version == 0 || len(l.Assigned) == 0 || len(l.Nodes) == 0:
		return errs.New(errs.Corrupt, "the layout is empty")
	case l.Lineage.IsZero(): // every release writes one: without it, histories could not be told apart
		return errs.New(errs.Corrupt, "the layout does not say of which lineage it is")
	case len(l.Nodes) > MaxNodes:
		return errs.Newf(errs.Corrupt, "the layout has %d nodes, %d are possible", len(l.Nodes), MaxNodes)
	case len(l.Assigned) > MaxPartitions:
		return errs.Newf(errs.Corrupt, "the layout has %d partitions, %d are possible", len(l.Assigned), MaxPartitions)
	}
	if err := l.Settings.validate(); err != nil {
		return errs.Newf(errs.Corrupt, "the layout: %w", err)
	}
	if err := l.validateNodes(); err != nil {
		return err
	}
	if err := l.validateAssigned(); err != nil {
		return err
	}
	return l.validateTerms()
}

func (s Settings) validate() error {
	switch s.Replicas {
	case 0, 1, 3, 5, 7:
	default:
		return errs.Newf(errs.Invalid, "%d replicas cannot be had: choose 1, 3, 5 or 7", s.Replicas)
	}
	if s.Zones < 0 || s.Zones > s.replicas() {
		return errs.Newf(errs.Invalid, "%d replicas cannot be spread over %d homes", s.replicas(), s.Zones)
	}
	return nil
}

func (l *Layout) validateNodes() error {
	seen := make(map[ident.NodeID]bool, len(l.Nodes))
	for i := range l.Nodes {
		n := &l.Nodes[i]
		if seen[n.ID] {
			return errs.Newf(errs.Corrupt, "the layout has node %s twice", n.ID)
		}
		seen[n.ID] = true
		if err := n.validate(); err != nil {
			return errs.Newf(errs.Corrupt, "the layout: %w", err)
		}
		if l.Since == nil {
			continue // the first release did not look at the names of homes
		}
		if err := validZone(n.Zone); err != nil {
			return errs.Newf(errs.Corrupt, "the layout: %w", err)
		}
	}
	return nil
}

func (n *Node) validate() error {
	switch {
	case n.Capacity < 0:
		return errs.Newf(errs.Invalid, "node %s offers %d bytes", n.ID, n.Capacity)
	case n.Witness && n.Capacity > 0:
		return errs.Newf(errs.Invalid, "node %s is a witness and offers %d bytes: a witness keeps none", n.ID, n.Capacity)
	}
	return nil
}

func validZone(zone string) error {
	switch {
	case zone == "":
		return errs.New(errs.Invalid, "a home has no name")
	case !utf8.ValidString(zone):
		return errs.Newf(errs.Invalid, "the name %q of a home is not UTF-8", zone)
	case utf8.RuneCountInString(zone) > MaxZone:
		return errs.Newf(errs.Invalid, "the name of a home has %d characters, %d are possible", utf8.RuneCountInString(zone), MaxZone)
	}
	return nil
}

func (l *Layout) validateAssigned() error {
	for p, replicas := range l.Assigned {
		if len(replicas) == 0 {
			return errs.Newf(errs.Corrupt, "the layout gives partition %d to nobody", p)
		}
		if len(replicas) > MaxReplicas {
			return errs.Newf(errs.Corrupt, "the layout gives partition %d to %d nodes, %d are possible", p, len(replicas), MaxReplicas)
		}
		holders := 0
		for i, r := range replicas {
			if int(r) >= len(l.Nodes) {
				return errs.Newf(errs.Corrupt, "the layout gives partition %d to node number %d of %d", p, r, len(l.Nodes))
			}
			if slices.Contains(replicas[:i], r) {
				return errs.Newf(errs.Corrupt, "the layout gives partition %d twice to node number %d", p, r)
			}
			if !l.Nodes[r].Witness {
				holders++
			}
		}
		if holders == 0 {
			return errs.Newf(errs.Corrupt, "the layout gives partition %d to witnesses alone", p)
		}
	}
	return nil
}

func (l *Layout) validateTerms() error {
	if l.Since == nil {
		return nil
	}
	if len(l.Since) != len(l.Assigned) {
		return errs.New(errs.Corrupt, "the layout does not say of every partition since when it is where it is")
	}
	for p, since := range l.Since {
		if since == 0 || since > l.Version {
			return errs.Newf(errs.Corrupt, "layout %d gives partition %d its place since layout %d", l.Version, p, since)
		}
	}
	return nil
}
