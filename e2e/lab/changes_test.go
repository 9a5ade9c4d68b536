package lab

import (
	"slices"
	"testing"
	"time"
)

// TestHomesComeAndGo: what clients at three homes see is linearizable while two homes join,
// everything is kept five times, then three times again, a home is drained, another killed, a
// witness comes, and the drained one is taken out. In the end nothing is left to do, and what was
// written meanwhile is there.
func TestHomesComeAndGo(t *testing.T) {
	t.Parallel()
	g := newGround(t)
	r, first := g.r, g.r.Nodes[0]
	makeBucket(t, first, "mend")
	end := g.work()
	began := time.Now()
	step := func(what string) { t.Logf("%s after %v", what, time.Since(began).Round(time.Millisecond)) }
	must(t, first.putPieces(t.Context(), 0, 3))
	metz, brest := g.join("metz"), g.join("brest")
	step("joined")
	g.change(metz, "layout", "replicas", "5", "--yes")
	must(t, metz.putPieces(t.Context(), 3, 6))
	must(t, r.Settled(2*time.Minute))
	step("five copies of everything")
	g.change(brest, "layout", "replicas", "3", "--yes")
	g.change(first, "node", "drain", brest.Name, "--yes")
	metz.Kill()
	must(t, first.putPieces(t.Context(), 6, 9))
	must(t, metz.Up())
	step("three copies, one drained, one killed")
	g.join("attic", "--witness")
	must(t, metz.putPieces(t.Context(), 9, 12))
	step("a witness")
	// It is not let go while it keeps anything.
	must(t, await(2*time.Minute, "the drained home is taken out", func() error {
		_, err := first.CLI("node", "remove", brest.Name, "--yes")
		return err
	}))
	step("taken out")
	must(t, brest.Stop())
	r.Nodes = slices.DeleteFunc(r.Nodes, func(n *Node) bool { return n == brest })
	g.check(end())
	step("settled and checked")
	for _, n := range r.Nodes {
		must(t, n.getPieces(t.Context(), 0, 12))
	}
}
