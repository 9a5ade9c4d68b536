package layout

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"rhizome/base/ident"
	"rhizome/base/seeds"
)

// pick returns a random change that makes sense beside the layout.
func pick(rng *rand.Rand, l *Layout, fresh int) Change {
	n := l.Nodes[rng.IntN(len(l.Nodes))]
	zone := fmt.Sprintf("h%d", rng.IntN(6))
	switch rng.IntN(11) {
	case 0, 1, 2:
		return Add(node(fresh, zone, (1+rng.Int64N(8))*giga))
	case 3:
		return Add(node(fresh, zone, 0))
	case 4:
		return Add(witness(fresh, zone))
	case 5:
		return Drain(n.ID, !n.Draining)
	case 6:
		return Capacity(n.ID, rng.Int64N(9)*giga)
	case 7:
		return Zone(n.ID, zone)
	case 8:
		return Remove(n.ID)
	case 9:
		return RemoveLost(n.ID)
	}
	s := Settings{Replicas: []int{0, 1, 3, 5, 7}[rng.IntN(5)]}
	s.Zones = rng.IntN(s.replicas() + 1)
	return Set(s)
}

// TestSimulationOfHistories: whatever people do, a layout keeps to its rules, terms are
// true, and no copy moves that could have stayed within the bounds.
func TestSimulationOfHistories(t *testing.T) {
	made, refused := 0, 0
	for seed := range seeds.Of(t, 80, 1000) {
		rng := rand.New(rand.NewPCG(seed, 1))
		l := start([]int{1, 16, 64, 256}[rng.IntN(4)], 4*giga)
		for step := range 20 {
			change := pick(rng, l, int(seed)*100+step+1)
			n, err := Next(l, change)
			if err != nil {
				refused++
				continue
			}
			made++
			if msg := wrong(l, n); msg != "" {
				t.Fatalf("seed %d, step %d: %s\n%+v\n%+v\n%v", seed, step, msg, n.Nodes, n.Settings, n.loads())
			}
			same, err := Next(n)
			if err != nil {
				t.Fatal(err)
			}
			if plan := Compare(n, same, nil); plan.Moves != 0 || len(plan.Changed) != 0 {
				t.Fatalf("seed %d, step %d: nothing was changed, %d copies move", seed, step, plan.Moves)
			}
			l = n
		}
	}
	t.Logf("%d layouts, %d changes refused", made, refused)
	if refused > made {
		t.Error("most changes were refused")
	}
}

// wrong returns what is wrong with a layout that came after another, "" if nothing.
func wrong(prev, l *Layout) string {
	if err := l.Follows(prev); err != nil {
		return err.Error()
	}
	d := l.demand()
	for p, set := range l.Assigned {
		homes, holders, witnesses := map[string]bool{}, 0, 0
		for _, i := range set {
			n := &l.Nodes[i]
			if n.Witness {
				witnesses++
				continue
			}
			holders++
			homes[n.Zone] = true
			if !n.stores() {
				return fmt.Sprintf("partition %d is on node %d, which stores nothing", p, i)
			}
		}
		if holders != d.holders || len(homes) < d.zones || (witnesses == 1) != d.witness || witnesses > 1 {
			return fmt.Sprintf("partition %d has %d holders in %d homes and %d witnesses; %+v is wanted", p, holders, len(homes), witnesses, d)
		}
	}
	if got, most := l.Usable(), brute(l, d); got < most {
		return fmt.Sprintf("%d bytes can be used, %d could be", got, most)
	}
	return ""
}

// brute returns the most bytes that can be used, by trying the sizes of a partition
// that some node's capacity is a whole number of, and flowing: no closed form.
func brute(l *Layout, d demand) (most int64) {
	if len(l.Assigned) > 64 {
		return 0
	}
	for _, i := range d.storage {
		for load := range len(l.Assigned) {
			size := l.Nodes[i].Capacity / int64(load+1)
			if size > 0 && size*int64(len(l.Assigned)) > most && l.fits(d, size) {
				most = size * int64(len(l.Assigned))
			}
		}
	}
	return most
}

// fits reports, by a flow with every partition drawn, whether partitions of this size
// can be placed.
func (l *Layout) fits(d demand, size int64) bool {
	f := newFlow(2, 0)
	seats, homes := map[int]int32{}, map[string][]int{}
	for _, i := range d.storage {
		seats[i] = f.vertex()
		f.pipe(seats[i], 1, int(min(l.Nodes[i].Capacity/size, 1<<20)), 0)
		homes[l.Nodes[i].Zone] = append(homes[l.Nodes[i].Zone], i)
	}
	for range l.Assigned {
		must, may := f.vertex(), f.vertex()
		f.pipe(source, must, d.zones, 0)
		f.pipe(source, may, d.holders-d.zones, 0)
		for _, nodes := range homes {
			at := f.vertex()
			f.pipe(must, at, 1, 0)
			f.pipe(may, at, d.holders-d.zones, 0)
			for _, i := range nodes {
				f.pipe(at, seats[i], 1, 0)
			}
		}
	}
	return f.fill(1) == len(l.Assigned)*d.holders
}

// TestMovesAreLeast: when a flow is done no way round through it would cost less,
// which is what makes it one of least cost. Prices prove it: no open pipe costs less
// than its ends' prices say.
func TestMovesAreLeast(t *testing.T) {
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 2))
		q := &quota{partitions: 1 + rng.IntN(60), homes: 1 + rng.IntN(5)}
		for i := range q.homes * (1 + rng.IntN(3)) {
			q.seats = append(q.seats, seat{i % q.homes, uint64(1+rng.IntN(9)) * giga})
		}
		q.zones = 1 + rng.IntN(min(q.homes, 3))
		q.copies = min(q.zones+rng.IntN(3), len(q.seats))
		bound := must(q.solve())
		kept := make([][]int32, q.partitions)
		for p := range kept {
			kept[p] = order(rng.Uint64(), len(q.seats))[:rng.IntN(q.copies+1)]
		}
		d := newDeal(q, kept)
		if err := d.run(bound); err != nil {
			t.Fatal(seed, err)
		}
		for e := range d.flow.pipes {
			p, from := &d.flow.pipes[e], d.flow.pipes[e^1].to
			if from == d.low || p.to == d.low {
				continue // what flowed there stays
			}
			if p.room > 0 && d.flow.reduced(from, p) < 0 {
				t.Fatalf("seed %d: a cheaper flow is possible", seed)
			}
		}
		loads := make([]int, len(q.seats))
		for _, set := range d.sets() {
			for _, s := range set {
				loads[s]++
			}
		}
		for i, n := range loads {
			if n < bound[i].low || n > bound[i].high {
				t.Fatalf("seed %d: seat %d has %d copies, not %v", seed, i, n, bound[i])
			}
		}
	}
}

// TestSkew: one home far larger, one far smaller than the others.
func TestSkew(t *testing.T) {
	l := start(1024, 1000*giga)
	l = next(t, l, Add(node(1, "h1", 100*giga)), Add(node(2, "h2", 100*giga)), Add(node(3, "h3", 10*giga)))
	plan := Compare(l, l, func(int) int64 { return giga })
	if usable := plan.Usable; usable < 104*giga || usable > 105*giga {
		t.Errorf("%d GiB can be used", usable/giga)
	}
	var idle, tight, over int
	for _, w := range plan.Warnings {
		switch w.Risk {
		case Idle:
			idle++
			if w.Zone != "h0" {
				t.Error(w)
			}
		case Tight:
			tight++
		case Overfull:
			over++
		}
	}
	if idle != 1 || tight != 3 || over != 1 {
		t.Error(plan.Warnings)
	}
}

func TestRecover(t *testing.T) {
	l := start(64, 100*giga)
	l = next(t, l, Add(node(1, "h1", 100*giga)), Add(node(2, "h2", 100*giga)), Add(node(3, "h3", 100*giga)))
	if _, err := Next(l, RemoveLost(id(0), id(1))); err == nil {
		t.Fatal("majorities were lost and nobody said so")
	}
	n := next(t, l, Recover(ident.ID{2}, id(0), id(1)))
	plan := Compare(l, n, nil)
	if n.Lineage != (ident.ID{2}) || plan.Lost.Majorities != 32 || plan.Lost.Rows != 0 || plan.Lost.Bytes != 0 {
		t.Errorf("%+v", plan.Lost)
	}
	if _, err := Next(l, Recover(l.Lineage, id(0))); err == nil {
		t.Error("a recovery under the old lineage")
	}
	for p := range n.Assigned {
		if n.Term(p) != n.Version {
			t.Fatalf("partition %d goes on under term %d", p, n.Term(p))
		}
	}
	if n.After != l.Version || n.Version <= l.Version+1 {
		t.Errorf("layout %d goes on from %d", n.Version, n.After)
	}
	other := next(t, l, Recover(ident.ID{3}, id(2), id(3)))
	if other.Version == n.Version {
		t.Error("two lineages have a layout of one number")
	}
	after := next(t, n, Capacity(id(2), 50*giga))
	c := must(NewChain(l, n, after))
	if c.At(n.Version) != n || c.At(l.Version+1) != nil || c.Prior(n.Version) != l || len(c.Behind(l.Version)) != 2 || !c.Recovered(n.Version) || c.Recovered(after.Version) {
		t.Error("the chain passes over the numbers that were left out")
	}
	if before, replicas, ok := c.Before(5, n.Version); !ok || before != l.Term(5) || !slices.Equal(replicas, l.Replicas(5)) {
		t.Error(before, replicas, ok)
	}
	for name, bad := range map[string]*Layout{
		"a change of the old lineage": next(t, l, Capacity(id(2), 50*giga)),
		"another recovery":            other,
	} {
		if _, err := must(NewChain(l, n)).Append(bad); err == nil {
			t.Errorf("%s follows a recovery", name)
		}
	}
}
