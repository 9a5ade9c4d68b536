package simtest

import (
	"context"
	"slices"
	"time"

	"rhizome/cluster/layout"
)

// leave takes one home out of the rhizome for good: a layout without it is made, and it ends when
// all others have what they are to have. Or it is lost with its disk before that layout, if others
// have all that it has.
func (x *trouble) leave() {
	ctx, cancel := context.WithTimeout(x.t.Context(), drainTime)
	defer cancel()
	if x.leaver == nil {
		x.leaver = x.member()
	}
	h := x.leaver
	if h.gone.Load() {
		return
	}
	x.mend()
	if x.untouched() && x.rng.IntN(2) == 0 && x.whole(ctx) {
		h.quit()
		x.counts["home lost"]++
		x.part(h)
		return
	}
	if x.latest().Node(h.id) != nil && !x.part(h) {
		return
	}
	if x.plan.flaw.hasty || x.whole(ctx) {
		h.quit()
		x.counts["home left"]++
	}
}

// part makes a layout without a home.
func (x *trouble) part(h *home) bool {
	last := x.latest()
	rest := slices.DeleteFunc(x.members(), func(o *home) bool { return o == h || last.Node(o.id).Witness })
	return x.follow(without(last.Nodes, h), func(p int, set []*home) []*home {
		at := slices.Index(set, h)
		if at < 0 {
			return set
		}
		set = slices.Delete(set, at, at+1)
		others := slices.DeleteFunc(slices.Clone(rest), func(o *home) bool { return slices.Contains(set, o) })
		if len(others) > 0 {
			set = append(set, others[p%len(others)])
		}
		return set
	})
}

// member is some home of the newest layout.
func (x *trouble) member() *home {
	all := x.members()
	return all[x.rng.IntN(len(all))]
}

func without(nodes []layout.Node, h *home) []layout.Node {
	return slices.DeleteFunc(slices.Clone(nodes), func(n layout.Node) bool { return n.ID == h.id })
}

// whole waits until no home has anything left to do, while clients go on.
func (x *trouble) whole(ctx context.Context) bool {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for quiet := 0; quiet < 2; quiet++ {
		if x.left() != nil {
			quiet = -1
		}
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
	return true
}

// quit ends a home's program and forgets its disk.
func (h *home) quit() {
	h.gone.Store(true)
	h.die(true)
}

// follow makes the next layout, of these nodes: set says which homes have a partition that now
// is at some. It reports false if a majority of some partition's replicas has not come so far yet.
func (w *town) follow(nodes []layout.Node, set func(p int, now []*home) []*home) bool {
	last := w.latest()
	if !w.ready(last) {
		return false
	}
	next := &layout.Layout{Version: last.Version + 1, Lineage: last.Lineage, Nodes: nodes}
	at := map[*home]uint16{}
	for i, n := range nodes {
		at[w.home(n.ID)] = uint16(i)
	}
	for p := range last.Assigned {
		var now []*home
		for _, id := range last.Replicas(p) {
			now = append(now, w.home(id))
		}
		homes := set(p, slices.Clone(now))
		var numbers []uint16
		for _, h := range homes {
			numbers = append(numbers, at[h])
		}
		next.Assigned = append(next.Assigned, numbers)
		term := last.Term(p)
		if !sameHomes(now, homes) {
			term = next.Version
		}
		next.Since = append(next.Since, term)
	}
	must(w.t, next.Validate())
	w.mu.Lock()
	w.chain = append(w.chain, next)
	w.mu.Unlock()
	for {
		if h := w.homes[w.rng.IntN(len(w.homes))]; next.Node(h.id) != nil {
			h.hear(int(next.Version))
			return true
		}
	}
}

func sameHomes(a, b []*home) bool {
	if len(a) != len(b) {
		return false
	}
	for _, h := range a {
		if !slices.Contains(b, h) {
			return false
		}
	}
	return true
}
