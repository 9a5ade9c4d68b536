package simtest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	"rhizome/base/vfs"
	"rhizome/cluster/layout"
)

// expect makes a home that is not there yet.
func (w *town) expect() {
	i := len(w.homes)
	w.comer = newHome(w, i, rand.New(rand.NewPCG(w.plan.seed, uint64(1000+i))))
	w.comer.gone.Store(true)
	w.homes = append(w.homes, w.comer)
}

// node is what layouts say of a home with a disk.
func (h *home) node() layout.Node {
	return layout.Node{ID: h.id, Zone: fmt.Sprint(h.number), Capacity: 1 << 30}
}

// join has a newcomer with an empty disk take its share in the next layout; perhaps in the place
// of a home whose disk dies for good before, if others have all that was on it.
func (x *trouble) join() {
	h := x.comer
	if x.came {
		return
	}
	ctx, cancel := context.WithTimeout(x.t.Context(), drainTime)
	defer cancel()
	last := x.latest()
	if x.untouched() && x.leaver == nil && x.rng.IntN(2) == 0 {
		x.mend()
		if !x.whole(ctx) {
			return
		}
		x.leaver = x.member()
		x.leaver.quit()
		x.arrive(h)
		x.counts["disk replaced"]++
		x.follow(append(without(last.Nodes, x.leaver), h.node()), func(_ int, set []*home) []*home {
			if at := slices.Index(set, x.leaver); at >= 0 {
				set[at] = h
			}
			return set
		})
		return
	}
	if !x.ready(last) {
		return
	}
	x.arrive(h)
	x.counts["home joined"]++
	share := x.rng.IntN(3)
	x.follow(append(slices.Clone(last.Nodes), h.node()), func(p int, set []*home) []*home {
		if at := (p + share) % 3; at < len(set) {
			set[at] = h
		}
		return set
	})
}

// arrive starts a newcomer, which was told of the newest layout when it was let in.
func (x *trouble) arrive(h *home) {
	x.came = true
	h.first = int(x.latest().Version)
	h.learn(h.first)
	h.gone.Store(false)
	h.up()
}

// forgets is what must not happen: a home comes back under its old name with an empty disk.
func (h *home) forgets() {
	h.die(true)
	h.fs = vfs.NewCrashable()
	h.up()
}
