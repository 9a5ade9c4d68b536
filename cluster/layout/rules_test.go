package layout

import (
	"fmt"
	"slices"
	"testing"

	"rhizome/base/errs"
	"rhizome/base/ident"
)

// homes returns nodes 1 to n, one in each home h1 to hn, beside the first in h0.
func homes(n int) (out []Change) {
	for i := 1; i <= n; i++ {
		out = append(out, Add(node(i, fmt.Sprintf("h%d", i), 100*giga)))
	}
	return out
}

// TestHowManyReplicas: the table of the package's words.
func TestHowManyReplicas(t *testing.T) {
	w := Add(witness(90, "elsewhere"))
	for _, c := range []struct {
		name     string
		more     []Change
		holders  int
		replicas int
		risks    []Risk
	}{
		{"one home", nil, 1, 1, []Risk{OneHome}},
		{"one home and a witness", []Change{w}, 1, 1, []Risk{OneHome}},
		{"two homes", homes(1), 2, 2, []Risk{NoThird, FewHomes}},
		{"two homes and a witness", append(homes(1), w), 2, 3, nil},
		{"two homes, a witness in one of them", append(homes(1), Add(witness(90, "h1"))), 2, 2, []Risk{NoThird, FewHomes}},
		{"two homes, a gateway elsewhere", append(homes(1), Add(node(90, "elsewhere", 0))), 2, 2, []Risk{NoThird, FewHomes}},
		{"three homes", homes(2), 3, 3, nil},
		{"three homes and a witness", append(homes(2), w), 3, 3, nil},
		{"four homes", homes(3), 3, 3, nil},
		{"four homes, five wanted", append(homes(3), Set(Settings{Replicas: 5})), 3, 3, []Risk{FewHomes}},
		{"four homes and a witness, five wanted", append(homes(3), w, Set(Settings{Replicas: 5})), 4, 5, nil},
		{"five homes, five wanted", append(homes(4), Set(Settings{Replicas: 5})), 5, 5, nil},
		{"three homes, one wanted", append(homes(2), Set(Settings{Replicas: 1})), 1, 1, nil},
		{"three homes, one draining", append(homes(2), Drain(id(2), true)), 2, 2, []Risk{NoThird, FewHomes}},
		{"three homes, two of them enough", append(homes(2), Set(Settings{Replicas: 3, Zones: 2})), 3, 3, nil},
		{"one home of three nodes, one home enough", []Change{Add(node(1, "h0", 100*giga)), Add(node(2, "h0", 100*giga)), Set(Settings{Zones: 1})}, 3, 3, []Risk{OneHome}},
	} {
		prev := start(256, 100*giga)
		l := next(t, prev, c.more...)
		plan := Compare(prev, l, nil)
		var risks []Risk
		for _, w := range plan.Warnings {
			risks = append(risks, w.Risk)
		}
		if plan.Holders != c.holders || plan.Replicas != c.replicas || !slices.Equal(risks, c.risks) {
			t.Errorf("%s: %d holders, %d replicas, %v", c.name, plan.Holders, plan.Replicas, plan.Warnings)
		}
	}
}

// TestWitnessesShare: several witnesses take the same part each, and step back when
// a third home comes.
func TestWitnessesShare(t *testing.T) {
	l := next(t, start(1024, 100*giga), append(homes(1), Add(witness(90, "w0")), Add(witness(91, "w1")))...)
	if got := l.loads(); !slices.Equal(got, []int{1024, 1024, 512, 512}) {
		t.Error(got)
	}
	n := next(t, l, Add(node(2, "h2", 100*giga)))
	if got := n.loads(); !slices.Equal(got, []int{1024, 1024, 0, 0, 1024}) {
		t.Error(got)
	}
	if plan := Compare(l, n, nil); plan.Moves != 1024 {
		t.Error(plan.Moves)
	}
	if l.Copies() != 2 || n.Copies() != 3 {
		t.Errorf("%d copies of extents with witnesses, %d without", l.Copies(), n.Copies())
	}
}

// TestTermsFollowTheSet: 1, 2, 3, 5 and 3 replicas again.
func TestTermsFollowTheSet(t *testing.T) {
	l := start(256, 100*giga)
	l = next(t, l, homes(1)...)
	l = next(t, l, Add(node(2, "h2", 100*giga)))
	l = next(t, l, Add(node(3, "h3", 100*giga)), Add(node(4, "h4", 100*giga)))
	five := next(t, l, Set(Settings{Replicas: 5}))
	three := next(t, five, Set(Settings{Replicas: 3}))
	if plan := Compare(five, three, nil); plan.Moves != 0 || len(plan.Changed) != 256 {
		t.Errorf("%d copies move back from five replicas to three", plan.Moves)
	}
	moved := next(t, three, Add(node(5, "h5", 100*giga)))
	changed := Compare(three, moved, nil).Changed
	for p := range moved.Assigned {
		want := three.Term(p)
		if slices.Contains(changed, p) {
			want = moved.Version
		}
		if moved.Term(p) != want {
			t.Fatalf("partition %d has term %d, not %d", p, moved.Term(p), want)
		}
	}
	if len(changed) == 0 || len(changed) > 150 {
		t.Errorf("%d partitions changed", len(changed))
	}
	if same := next(t, moved, Operator(id(5), ident.ID{7}), Capacity(id(5), 101*giga)); same.Nodes[5].Operator != (ident.ID{7}) {
		t.Error("the operator is lost")
	}
}

// TestPlainErrors: what cannot be done is refused, with its kind.
func TestPlainErrors(t *testing.T) {
	l := next(t, start(16, 100*giga), homes(2)...)
	for _, c := range []struct {
		name   string
		change Change
		kind   errs.Kind
	}{
		{"a node that is there", Add(node(1, "h9", giga)), errs.Exists},
		{"a home without a name", Add(node(9, "", giga)), errs.Invalid},
		{"a witness with space", Add(Node{ID: id(9), Zone: "h9", Witness: true, Capacity: 1}), errs.Invalid},
		{"a node that holds something", Remove(id(1)), errs.Conflict},
		{"a node that is not there", Remove(id(9)), errs.NotFound},
		{"losing most", RemoveLost(id(1), id(2)), errs.Conflict},
		{"losing the unknown", RemoveLost(id(9)), errs.NotFound},
		{"less than nothing", Capacity(id(1), -1), errs.Invalid},
		{"a witness that stores", Witness(id(1), true), errs.Conflict},
		{"two replicas", Set(Settings{Replicas: 2}), errs.Invalid},
		{"more homes than replicas", Set(Settings{Replicas: 3, Zones: 4}), errs.Invalid},
		{"a name that is taken", RenameZone("h1", "h2"), errs.Exists},
		{"a home that is not there", RenameZone("h9", "h10"), errs.NotFound},
		{"a recovery without a lineage", Recover(ident.ID{}, id(1)), errs.Invalid},
		{"all of it", Recover(ident.ID{9}, id(0), id(1), id(2)), errs.Conflict},
	} {
		if _, err := Next(l, c.change); errs.KindOf(err) != c.kind || err == nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if _, err := Next(l, Drain(id(0), true), Drain(id(1), true), Drain(id(2), true)); errs.KindOf(err) != errs.Conflict {
		t.Error("all nodes drain:", err)
	}
}

// TestPlanCounts: copies, bytes and nodes of a plan.
func TestPlanCounts(t *testing.T) {
	prev := start(64, 100*giga)
	l := next(t, prev, homes(1)...)
	plan := Compare(prev, l, func(p int) int64 { return int64(p) })
	if plan.Moves != 64 || plan.Bytes != 63*64/2 || plan.Fraction != 0.5 || len(plan.Changed) != 64 || plan.Usable != 100*giga || plan.UsableBefore != 100*giga {
		t.Errorf("%+v", plan)
	}
	if n := plan.Nodes[1]; n.Before != 0 || n.After != 64 || n.Incoming != 64 || n.Fetch != plan.Bytes {
		t.Errorf("%+v", n)
	}
}

// TestWitnessBecomesHolder: it has the rows and votes on, and has no bytes yet.
func TestWitnessBecomesHolder(t *testing.T) {
	l := next(t, start(64, 100*giga), append(homes(1), Add(witness(90, "w")))...)
	n := next(t, l, Witness(id(90), false), Capacity(id(90), 100*giga))
	plan := Compare(l, n, func(int) int64 { return 5 })
	if plan.Moves != 64 || plan.Bytes != 5*64 || len(plan.Changed) != 0 || plan.Nodes[2].Incoming != 0 || n.Term(3) != l.Version {
		t.Errorf("%+v", plan)
	}
}
