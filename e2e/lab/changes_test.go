package lab

import (
	"slices"
	"testing"
	"time"
)

// join adds a home on a small disk.
func (g *ground) join(name string, flags ...string) *Node {
	g.Helper()
	n, err := g.r.Join(g.home(name), flags...)
	must(g.T, err)
	return n
}

// TestHomesComeAndGo: what clients at three homes see is linearizable while two homes join,
// everything is kept five times, one is killed, all is kept three times again, a witness
// comes, and a home is drained and taken out. In the end nothing is left to do, and what was
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
	metz.Kill()
	must(t, first.putPieces(t.Context(), 6, 9))
	must(t, metz.Up())
	step("one was killed")
	g.change(brest, "layout", "replicas", "3", "--yes")
	g.join("attic", "--witness")
	step("three copies and a witness")
	g.change(first, "node", "drain", brest.Name, "--yes")
	must(t, metz.putPieces(t.Context(), 9, 12))
	g.change(first, "node", "remove", brest.Name, "--yes")
	step("drained and taken out")
	must(t, brest.Stop())
	r.Nodes = slices.DeleteFunc(r.Nodes, func(n *Node) bool { return n == brest })
	g.check(end())
	step("settled and checked")
	for _, n := range r.Nodes {
		must(t, n.getPieces(t.Context(), 0, 12))
	}
}
