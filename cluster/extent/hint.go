package extent

import (
	"context"

	"rhizome/base/errs"
	"rhizome/base/ident"
)

// What is here only saves work: that a writer's attempt is not undone under its hands,
// and that not every replica looks at the same extent. Safety does not depend on it.

const (
	// passesEach is how many more passes each further replica waits before it collects
	// what those before it should have.
	passesEach = 2
	// passesMute is after how many passes a reference is looked at whose writer's node
	// cannot be asked.
	passesMute = 6
)

// errAtWork says that a reference's writer may yet commit.
var errAtWork = errs.New(errs.Conflict, "the writer of a reference is still at work")

// rank returns how many of the extent's holders come before this node and can be
// reached: they collect first.
func (s *Store) rank(id ident.ID) (n int) {
	if s.links == nil {
		return 0
	}
	for _, h := range s.holders(id) {
		if h == s.self {
			return n
		}
		if _, up := s.links.Distance(h); up {
			n++
		}
	}
	return n
}

// atWork asks the node whose writer made a reference whether it still holds the extent.
func (s *Store) atWork(ctx context.Context, id ident.ID, ref Ref) bool {
	if s.links == nil || s.members == nil || ref.Ballot.Node == s.self.Short() {
		return false
	}
	for _, n := range s.members() {
		if n.Short() != ref.Ballot.Node {
			continue
		}
		held, err := s.askHeld(ctx, n, id)
		if err == nil {
			return held
		}
		return s.passes(id) < passesMute
	}
	return false // it is no node of this rhizome any more
}
