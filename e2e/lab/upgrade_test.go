package lab

import (
	"testing"
	"time"

	"rhizome/e2e/harness"
)

// TestHomesAreUpgradedOneByOne: three homes go over to a later release one after another,
// under load at the other two; a fourth joins while both releases are there; one goes
// back. No request of a client with the usual retries fails, nor does an upload in parts
// that is under way, and what the one release wrote the other reads.
func TestHomesAreUpgradedOneByOne(t *testing.T) {
	later := harness.Later(t)
	l := New(t, Options{})
	r := l.Rhizome(l.Home("lyon"), l.Home("paris"), l.Home("lille"))
	now := r.Nodes[0].Bin
	makeBucket(t, r.Nodes[0], "family")
	l.SetAll(Path{Delay: 5 * time.Millisecond})
	figures := &Figures{Title: "requests at the other homes during an upgrade"}
	change := func(i int, bin, what string) {
		t.Helper()
		n, others := r.Nodes[i], []*Node{r.Nodes[(i+1)%3], r.Nodes[(i+2)%3]}
		load, up := startLoad(t, others, figures, what), newUpload(t, others[0])
		up.part(t, figures, what, 1)
		must(t, n.Stop())
		up.part(t, figures, what, 2)
		n.Bin = bin
		must(t, n.Up())
		must(t, r.Settled(2*time.Minute))
		up.part(t, figures, what, 3)
		up.complete(t)
		load.stop(t)
	}
	change(0, later, "upgrade")
	n, err := r.Join(l.Home("brest"))
	must(t, err)
	must(t, r.Settled(2*time.Minute))
	change(1, later, "upgrade")
	change(2, later, "upgrade")
	for _, command := range [][]string{{"status"}, {"node", "list"}, {"layout", "history"}, {"invite", "list"}} {
		var v any
		must(t, n.JSON(&v, command...)) // the release of before, of what later ones wrote
	}
	change(0, now, "back")
	t.Log("\n" + figures.String())
}
