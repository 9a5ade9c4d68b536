package layout

import (
	"bytes"
	"reflect"
	"slices"
	"testing"

	"rhizome/base/codec"
	"rhizome/base/errs"
	"rhizome/base/ident"
)

// story returns five layouts: one home, two, three, the first drained, settings anew.
func story(t *testing.T) []*Layout {
	one := start(64, 100*giga)
	two := next(t, one, Add(node(1, "h1", 100*giga)))
	three := next(t, two, Add(node(2, "h2", 100*giga)))
	four := next(t, three, Drain(id(0), true))
	five := next(t, four, RenameZone("h1", "attic"))
	return []*Layout{one, two, three, four, five}
}

func TestChain(t *testing.T) {
	all := story(t)
	c := must(NewChain(all...))
	if c.Latest() != all[4] || c.Oldest() != all[0] || c.At(3) != all[2] || c.At(0) != nil || c.At(6) != nil {
		t.Fatal("the versions are mixed up")
	}
	if got := all[4].Term(5); got != 4 {
		t.Fatalf("the term is %d: a name's change changed it", got)
	}
	for term, want := range map[uint64]uint64{4: 3, 3: 2, 2: 1} {
		before, replicas, ok := c.Before(5, term)
		if !ok || before != want || !slices.Equal(replicas, all[want-1].Replicas(5)) {
			t.Errorf("before %d: %d %v %v", term, before, replicas, ok)
		}
	}
	for _, term := range []uint64{0, 1, 5, 6} {
		if _, _, ok := c.Before(5, term); ok {
			t.Errorf("something came before term %d", term)
		}
	}
	if _, ok := c.Replicas(5, 5); ok {
		t.Error("layout 5 began no term")
	}
	if got, ok := c.Replicas(5, 2); !ok || len(got) != 2 {
		t.Error(got, ok)
	}
	if got := c.Holders(5, 2); len(got) != 3 || !slices.Equal(got[:2], all[4].Holders(5)) || got[2] != id(0) {
		t.Errorf("holders: %v", got)
	}
	if got := c.Holders(5, 4); len(got) != 2 {
		t.Errorf("holders of layout 4 on: %v", got)
	}
}

// TestChainBeginsLate: a node that joined knows nothing of what was before.
func TestChainBeginsLate(t *testing.T) {
	c := must(NewChain(story(t)[4:]...))
	if c.Oldest().Version != 5 || c.At(4) != nil {
		t.Fatal("layouts before 5 are known")
	}
	if got, ok := c.Replicas(5, 4); !ok || len(got) != 2 {
		t.Error("the present term is unknown", got, ok)
	}
	if _, ok := c.Replicas(5, 3); ok {
		t.Error("a term before is known")
	}
	if _, _, ok := c.Before(5, 4); ok {
		t.Error("what was before is known")
	}
}

func TestOnlyWhatFollowsIsAppended(t *testing.T) {
	all := story(t)
	c := must(NewChain(all[:3]...))
	change := func(f func(*Layout)) *Layout {
		l := must(Decode(all[3].Encode()))
		f(l)
		return l
	}
	for name, l := range map[string]*Layout{
		"a gap":             all[4],
		"the same again":    all[2],
		"terms too old":     change(func(l *Layout) { l.Since[7] = 2 }),
		"more partitions":   change(func(l *Layout) { l.Assigned, l.Since = append(l.Assigned, []uint16{1}), append(l.Since, 4) }),
		"terms of its own":  change(func(l *Layout) { l.Since = nil }),
		"sets that changed": change(func(l *Layout) { l.Assigned[3] = []uint16{1}; l.Since[3] = 3 }),
	} {
		if _, err := c.Append(l); errs.KindOf(err) != errs.Corrupt {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := c.Append(all[3]); err != nil {
		t.Error(err)
	}
	if c.Latest().Version != 3 {
		t.Error("Append changed the chain it was called on")
	}
}

// TestTheFirstReleasesRecord: without settings and terms, the home's name unchecked.
func TestTheFirstReleasesRecord(t *testing.T) {
	type first struct {
		Version  uint64     `cbor:"1,keyasint"`
		Lineage  ident.ID   `cbor:"2,keyasint"`
		Nodes    []Node     `cbor:"3,keyasint"`
		Assigned [][]uint16 `cbor:"4,keyasint"`
	}
	old := codec.Encode(first{1, ident.ID{1}, []Node{{ID: id(0), Capacity: giga}}, slices.Repeat([][]uint16{{0}}, 1024)})
	l, err := Decode(old)
	if err != nil || l.Since != nil || l.Term(1023) != 1 || l.Settings != (Settings{}) {
		t.Fatal(l, err)
	}
	if _, err := Next(l, Add(node(1, "h1", giga))); err == nil {
		t.Error("a home without a name was laid out")
	}
	n, err := Next(l, Zone(id(0), "h0"), Add(node(1, "h1", giga)))
	if err != nil || n.Term(0) != 2 {
		t.Fatal(err)
	}
}

func TestRecords(t *testing.T) {
	l := next(t, start(1024, giga), grid(1, 999, 100)...)
	b := l.Encode()
	t.Logf("a layout of 1,024 partitions on 1,000 nodes has %d bytes", len(b))
	if again := must(Decode(b)); !reflect.DeepEqual(again, l) {
		t.Fatal("it did not come back as it was")
	}
	for name, spoil := range map[string]func(*Layout){
		"twice in a set":      func(l *Layout) { l.Assigned[1] = []uint16{1, 1} },
		"an index too high":   func(l *Layout) { l.Assigned[1] = []uint16{1000} },
		"nobody":              func(l *Layout) { l.Assigned[1] = nil },
		"too many":            func(l *Layout) { l.Assigned[1] = []uint16{1, 2, 3, 4, 5, 6, 7, 8} },
		"a term to come":      func(l *Layout) { l.Since[1] = 3 },
		"a term of nothing":   func(l *Layout) { l.Since[1] = 0 },
		"too few terms":       func(l *Layout) { l.Since = l.Since[1:] },
		"a home with no name": func(l *Layout) { l.Nodes[1].Zone = "" },
		"a name too long":     func(l *Layout) { l.Nodes[1].Zone = string(bytes.Repeat([]byte("é"), 65)) },
		"no text":             func(l *Layout) { l.Nodes[1].Zone = "\xff" },
		"a node twice":        func(l *Layout) { l.Nodes[1].ID = l.Nodes[2].ID },
		"less than nothing":   func(l *Layout) { l.Nodes[1].Capacity = -1 },
		"witnesses alone":     func(l *Layout) { l.Nodes[1].Witness, l.Nodes[1].Capacity, l.Assigned[1] = true, 0, []uint16{1} },
		"two replicas wanted": func(l *Layout) { l.Settings.Replicas = 2 },
		"too many homes":      func(l *Layout) { l.Settings.Zones = 4 },
		"version 0":           func(l *Layout) { l.Version = 0 },
	} {
		bad := must(Decode(b))
		spoil(bad)
		if _, err := Decode(bad.Encode()); errs.KindOf(err) != errs.Corrupt {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzDecode: any bytes give a layout that everything can be asked of, or an error.
func FuzzDecode(f *testing.F) {
	l := start(4, giga)
	f.Add(l.Encode())
	l = must(Next(l, Add(node(1, "h1", giga)), Add(witness(2, "h2"))))
	f.Add(l.Encode())
	f.Add(must(Next(l, Set(Settings{Replicas: 5, Zones: 2}), Add(node(3, "h1", 2*giga)))).Encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := Decode(b)
		if err != nil {
			return
		}
		if again, err := Decode(l.Encode()); err != nil || !reflect.DeepEqual(again, l) {
			t.Fatal("it did not come back as it was", err)
		}
		for p := range l.Assigned {
			if l.Term(p) > l.Version || len(l.Replicas(p)) == 0 || len(l.Holders(p)) == 0 {
				t.Fatal("partition", p)
			}
		}
		if len(l.Assigned) > 64 || len(l.Nodes) > 64 {
			return
		}
		n, err := Next(l, Add(node(9, "new", giga)))
		if err != nil {
			return
		}
		if err := n.Follows(l); err != nil {
			t.Fatal(err)
		}
		Compare(l, n, nil)
	})
}
