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
		x.leaver = x.some()
	}
	h := x.leaver
	if h.gone.Load() {
		return
	}
	x.mend()
	last := x.latest()
	if last.Version == 1 && len(last.Assigned[0]) > 1 && x.rng.IntN(2) == 0 && x.whole(ctx) {
		h.quit()
		x.counts["home lost"]++
		x.part(h)
		return
	}
	if last.Node(h.id) != nil && !x.part(h) {
		return
	}
	if x.plan.flaw.hasty || x.whole(ctx) {
		h.quit()
		x.counts["home left"]++
	}
}

// part makes a layout without a home.
func (x *trouble) part(h *home) bool {
	return x.follow(func(p int, set []*home) []*home {
		at := slices.Index(set, h)
		if at < 0 {
			return set
		}
		set = slices.Delete(set, at, at+1)
		rest := slices.DeleteFunc(slices.Clone(x.homes), func(o *home) bool {
			return o == h || slices.Contains(set, o) || x.latest().Node(o.id).Witness
		})
		if len(rest) > 0 {
			set = append(set, rest[p%len(rest)])
		}
		return set
	}, h)
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

// follow makes the next layout: set says which homes have a partition, of those that had it so
// far. It reports false if a majority of some partition's replicas has not come so far yet.
func (w *town) follow(set func(p int, now []*home) []*home, without *home) bool {
	last := w.latest()
	if !w.ready(last) {
		return false
	}
	next := &layout.Layout{Version: last.Version + 1, Lineage: last.Lineage}
	at := map[*home]uint16{}
	for _, n := range last.Nodes {
		if h := w.home(n.ID); h != without {
			at[h] = uint16(len(next.Nodes))
			next.Nodes = append(next.Nodes, n)
		}
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
