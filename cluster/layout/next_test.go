package layout

import (
	"encoding/binary"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"rhizome/base/ident"
)

const giga = 1 << 30

func id(n int) (out ident.NodeID) {
	binary.BigEndian.PutUint64(out[:], mix(uint64(n)+1))
	return out
}

func node(n int, zone string, capacity int64) Node {
	return Node{ID: id(n), Zone: zone, Capacity: capacity}
}

func witness(n int, zone string) Node { return Node{ID: id(n), Zone: zone, Witness: true} }

// start returns a first layout of so many partitions on node 0 in home h0.
func start(partitions int, capacity int64) *Layout {
	l := Single(ident.ID{1}, node(0, "h0", capacity))
	l.Assigned = slices.Repeat([][]uint16{{0}}, partitions)
	return l
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err.Error())
	}
	return v
}

// next makes changes and checks all that must hold of what comes out.
func next(t *testing.T, prev *Layout, changes ...Change) *Layout {
	t.Helper()
	l, err := Next(prev, changes...)
	if err != nil {
		t.Fatal(err)
	}
	check(t, prev, l)
	if again := must(Next(prev, changes...)); !reflect.DeepEqual(again, l) {
		t.Fatal("the same changes gave two layouts")
	}
	return l
}

// check looks at a layout that came after another.
func check(t *testing.T, prev, l *Layout) {
	t.Helper()
	if err := l.Follows(prev); err != nil {
		t.Fatal(err)
	}
	d := l.demand()
	for p, set := range l.Assigned {
		homes, holders, witnesses := map[string]bool{}, 0, 0
		for _, n := range set {
			n := &l.Nodes[n]
			switch {
			case n.Draining:
				t.Fatalf("partition %d is on a draining node", p)
			case n.Witness:
				witnesses++
				continue
			case n.Capacity == 0:
				t.Fatalf("partition %d is on a gateway", p)
			}
			holders++
			homes[n.Zone] = true
		}
		if holders != d.holders || len(homes) < d.zones || (witnesses == 1) != d.witness || witnesses > 1 {
			t.Fatalf("partition %d has %d holders in %d homes and %d witnesses; %+v is wanted", p, holders, len(homes), witnesses, d)
		}
	}
	usable, most := l.Usable(), upper(l)
	if float64(usable) < 0.999*float64(most)*float64(largestShare(l)-1)/float64(largestShare(l)) {
		t.Fatalf("%d bytes can be used, %d might", usable, most)
	}
}

// largestShare returns the smallest load of a holder, at least 2: capacity is lost
// to rounding in that measure.
func largestShare(l *Layout) int {
	least := 1 << 30
	for i, load := range l.loads() {
		if l.Nodes[i].stores() && load > 0 {
			least = min(least, load)
		}
	}
	return max(2, least)
}

// upper returns the usable capacity with partitions that could be cut at will and one
// copy in a home at most: the largest x with sum of min(x, home) >= copies * x.
func upper(l *Layout) int64 {
	d := l.demand()
	if d.zones != d.holders {
		return l.Usable()
	}
	homes := map[string]float64{}
	for i := range l.Nodes {
		if n := &l.Nodes[i]; n.stores() {
			homes[n.Zone] += float64(n.Capacity)
		}
	}
	low, high := 0.0, 1e30
	for range 200 {
		mid, sum := (low+high)/2, 0.0
		for _, h := range homes {
			sum += min(mid, h)
		}
		if sum >= mid*float64(d.holders) {
			low = mid
		} else {
			high = mid
		}
	}
	return int64(low)
}

func loadsText(l *Layout) string { return fmt.Sprint(l.loads()) }

func TestHomesComeAndGo(t *testing.T) {
	one := start(1024, 100*giga)
	two := next(t, one, Add(node(1, "h1", 100*giga)))
	three := next(t, two, Add(node(2, "h2", 100*giga)))
	four := next(t, three, Add(node(3, "h3", 100*giga)))
	if got := loadsText(four); got != "[768 768 768 768]" {
		t.Error(got)
	}
	back := next(t, four, Drain(id(3), true))
	gone := next(t, back, Remove(id(3)))
	if gone.Term(0) != back.Term(0) {
		t.Error("removing an empty node changed a term")
	}
	_ = next(t, gone, RemoveLost(id(1)))
}
