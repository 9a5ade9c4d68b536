package layout

import (
	"cmp"
	"slices"

	"rhizome/base/errs"
	"rhizome/base/ident"
)

// Chain is the history of layouts that a node keeps, all since it knows of the rhizome:
// each goes on from the one before it, see Follows. A Chain is never changed: Append
// returns another.
type Chain struct {
	layouts []*Layout // oldest first, at least one
}

// NewChain returns the chain of these layouts, oldest first. errs.Corrupt if there is
// none, one is not valid or one does not follow the one before.
func NewChain(layouts ...*Layout) (*Chain, error) {
	if len(layouts) == 0 {
		return nil, errs.New(errs.Corrupt, "there is no layout")
	}
	if err := layouts[0].Validate(); err != nil {
		return nil, err
	}
	c := &Chain{layouts[:1:1]}
	for _, l := range layouts[1:] {
		var err error
		if c, err = c.Append(l); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// Append returns the chain with one more layout. errs.Corrupt if it is not valid or
// does not follow the latest one: see Follows.
func (c *Chain) Append(l *Layout) (*Chain, error) {
	if err := l.Follows(c.Latest()); err != nil {
		return nil, err
	}
	return &Chain{append(slices.Clip(c.layouts), l)}, nil
}

// Follows checks that l is valid and can come right after prev: the next version of its
// lineage, or the first of another that names it; as many partitions, and terms that say
// truly which replica sets changed. It fails with errs.Corrupt.
func (l *Layout) Follows(prev *Layout) error {
	if err := l.Validate(); err != nil {
		return err
	}
	next := l.Lineage == prev.Lineage && l.Version == prev.Version+1 && l.After == 0
	recovered := l.Lineage != prev.Lineage && l.Version > prev.Version && l.After == prev.Version
	if !next && !recovered {
		return errs.Newf(errs.Corrupt, "layout %d does not follow layout %d", l.Version, prev.Version)
	}
	if len(l.Assigned) != len(prev.Assigned) {
		return errs.Newf(errs.Corrupt, "layout %d has %d partitions, the one before %d: their number does not change", l.Version, len(l.Assigned), len(prev.Assigned))
	}
	for p, since := range terms(prev, l) {
		if l.Term(p) != since {
			return errs.Newf(errs.Corrupt, "layout %d says that partition %d is where it is since layout %d, and it is so since layout %d", l.Version, p, l.Term(p), since)
		}
	}
	return nil
}

// Latest returns the latest layout.
func (c *Chain) Latest() *Layout { return c.layouts[len(c.layouts)-1] }

// Oldest returns the oldest layout that is kept.
func (c *Chain) Oldest() *Layout { return c.layouts[0] }

// At returns the layout of a version, nil if it is not kept.
func (c *Chain) At(version uint64) *Layout {
	if i, ok := c.index(version); ok {
		return c.layouts[i]
	}
	return nil
}

// Prior returns the layout that the one of the given version goes on from, nil if either
// is not kept.
func (c *Chain) Prior(version uint64) *Layout {
	if i, ok := c.index(version); ok && i > 0 {
		return c.layouts[i-1]
	}
	return nil
}

// Behind returns the layouts that came after a version, oldest first.
func (c *Chain) Behind(version uint64) []*Layout {
	i, ok := c.index(version)
	if ok {
		i++
	}
	return slices.Clip(c.layouts[i:])
}

// Recovered reports whether a layout that is kept began a lineage after another.
func (c *Chain) Recovered(version uint64) bool {
	l := c.At(version)
	return l != nil && l.After > 0
}

// index returns where a version stands, or would.
func (c *Chain) index(version uint64) (int, bool) {
	return slices.BinarySearchFunc(c.layouts, version, func(l *Layout, v uint64) int { return cmp.Compare(l.Version, v) })
}

// Replicas returns the replicas that a partition had in a term; false if the term
// never was or nothing kept remembers it.
func (c *Chain) Replicas(partition int, term uint64) ([]ident.NodeID, bool) {
	l := c.At(max(term, c.Oldest().Version))
	if l == nil || l.Term(partition) != term {
		return nil, false
	}
	return l.Replicas(partition), true
}

// Before returns the term of a partition that came before the one given, and its
// replicas: from a majority of them the rows of the given term are imported. False
// if there is none, or nothing kept remembers it.
func (c *Chain) Before(partition int, term uint64) (before uint64, replicas []ident.NodeID, ok bool) {
	if term < 2 {
		return 0, nil, false
	}
	if l := c.At(term); l == nil || l.Term(partition) != term {
		return 0, nil, false
	}
	l := c.Prior(term)
	if l == nil {
		return 0, nil, false
	}
	return l.Term(partition), l.Replicas(partition), true
}

// Holders returns every node that a layout since the given version makes a holder of
// the partition, those of the newest layout first: where its bytes may be while they
// move.
func (c *Chain) Holders(partition int, since uint64) []ident.NodeID {
	var out []ident.NodeID
	for _, l := range slices.Backward(c.layouts) {
		if l.Version < since {
			break
		}
		for _, id := range l.Holders(partition) {
			if !slices.Contains(out, id) {
				out = append(out, id)
			}
		}
	}
	return out
}
