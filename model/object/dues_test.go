package object_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"rhizome/base/ident"
	"rhizome/model/object"
)

const elsewhere = "off/there"

// replicate has the bucket replicated.
func (f *fixture) replicate(rules ...object.Replicate) {
	f.t.Helper()
	for i := range rules {
		rules[i].ID, rules[i].Remote, rules[i].Bucket = fmt.Sprint("r", i), "off", "there"
	}
	b, err := f.Objects.ChangeSettings(f.ctx, f.b, func(s *object.Settings) error { return s.SetReplicate("role", rules) })
	if err != nil {
		f.t.Fatal(err)
	}
	f.b = b
	if err := f.Objects.StartReplicating(f.ctx, b); err != nil {
		f.t.Fatal(err)
	}
}

// dues settles what is due, and returns the keys.
func (f *fixture) dues(there ...string) (keys []string) {
	f.t.Helper()
	if err := f.Objects.CleanUp(f.ctx); err != nil {
		f.t.Fatal(err)
	}
	list := func(_ context.Context, after string, limit int) (out []string, more bool, err error) {
		for _, k := range there {
			if k > after {
				out = append(out, k)
			}
		}
		return out[:min(limit, len(out))], len(out) > limit, nil
	}
	for more := true; more; {
		var err error
		if more, err = f.Objects.GoThrough(f.ctx, f.b, elsewhere, list); err != nil {
			f.t.Fatal(err)
		}
	}
	rows, _, err := f.Objects.OutgoingDues(f.ctx, nil, 10_000)
	if err != nil {
		f.t.Fatal(err)
	}
	for _, row := range rows {
		if _, _, whole := object.DueDest(row); whole {
			f.t.Fatal("the bucket is still gone through")
		}
		d, err := f.Objects.Due(f.ctx, row)
		if err != nil || d == nil {
			f.t.Fatal(d, err)
		}
		name := d.Key
		if d.Found {
			name += " found"
		}
		keys = append(keys, name)
		if err := f.Objects.SettleDue(f.ctx, d, object.Claim{Run: ident.New()}); err != nil {
			f.t.Fatal(err)
		}
	}
	slices.Sort(keys)
	return keys
}

func (f *fixture) wantDues(got []string, want ...string) {
	f.t.Helper()
	if !slices.Equal(got, want) {
		f.t.Errorf("due are %q, want %q", got, want)
	}
}

// TestDues: each change of a key makes it due, once; what was there before is, if the rule says
// so; no replica and no other key is.
func TestDues(t *testing.T) {
	f := newFixture(t)
	f.put("a/old", random(10))
	f.replicate(object.Replicate{Existing: true, Filter: object.ReplicateFilter{Prefix: "a/"}})
	f.wantDues(f.dues(), "a/old")
	f.put("a/new", random(10))
	f.put("a/new", random(20_000))
	f.put("b", random(10))
	if _, err := f.Objects.SetTags(f.ctx, f.b, "a/old", "", []object.Tag{{Key: "k"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Objects.Put(f.ctx, f.b, object.Put{Key: "a/replica", Attrs: object.Attrs{Replica: true}, Body: body(random(3))}); err != nil {
		t.Fatal(err)
	}
	ctx := f.ctx
	f.ctx = object.WithOrigin(ctx, &object.Origin{Replica: true})
	if _, err := f.Objects.Delete(f.ctx, f.b, "a/replica", object.Conditions{}); err != nil {
		t.Fatal(err)
	}
	f.ctx = ctx
	if _, err := f.Objects.Copy(ctx, f.b, object.Copy{From: f.b, FromKey: "b", Key: "a/copy"}); err != nil {
		t.Fatal(err)
	}
	f.wantDues(f.dues(), "a/copy", "a/new", "a/old")
	if _, err := f.Objects.Delete(ctx, f.b, "a/new", object.Conditions{}); err != nil {
		t.Fatal(err)
	}
	f.wantDues(f.dues(), "a/new")
	f.replicate(object.Replicate{Existing: true, Filter: object.ReplicateFilter{Prefix: "a/"}})
	f.wantDues(f.dues()) // the rule says what it said
	f.replicate(object.Replicate{Existing: true})
	f.wantDues(f.dues(), "a/copy", "a/old", "b")
	f.replicate()
	f.put("a/old", random(3))
	f.wantDues(f.dues())
}

// TestDueChanged: who settles what he read leaves what changed since.
func TestDueChanged(t *testing.T) {
	f := newFixture(t)
	f.replicate(object.Replicate{})
	f.put("k", random(10))
	f.wantDues(nil)
	if err := f.Objects.CleanUp(f.ctx); err != nil {
		t.Fatal(err)
	}
	rows, _, err := f.Objects.OutgoingDues(f.ctx, nil, 10)
	if err != nil || len(rows) != 1 {
		t.Fatal(rows, err)
	}
	d, err := f.Objects.Due(f.ctx, rows[0])
	if err != nil {
		t.Fatal(err)
	}
	f.put("k", random(11))
	if err := f.Objects.CleanUp(f.ctx); err != nil {
		t.Fatal(err)
	}
	if err := f.Objects.SettleDue(f.ctx, d, object.Claim{Run: ident.New()}); err != nil {
		t.Fatal(err)
	}
	f.wantDues(f.dues(), "k")
}

// TestDuesFull: where there is no room for rows the bucket is gone through again, and what is
// there alone is named: nothing is lost.
func TestDuesFull(t *testing.T) {
	f := newFixture(t)
	for i := range 450 {
		f.put(fmt.Sprintf("k%03d", i), random(1))
	}
	f.replicate(object.Replicate{Deletes: true})
	f.Objects.LimitDues(0)
	f.put("k007", random(2))
	if _, err := f.Objects.Delete(f.ctx, f.b, "k300", object.Conditions{}); err != nil {
		t.Fatal(err)
	}
	if err := f.Objects.CleanUp(f.ctx); err != nil {
		t.Fatal(err)
	}
	all, err := f.Objects.Replications(f.ctx, f.b)
	if err != nil || len(all) != 1 || all[0].Done {
		t.Fatalf("it is said %+v, %v", all, err)
	}
	f.Objects.LimitDues(1 << 16)
	got := f.dues("a", "k007", "k300", "z")
	if len(got) != 449+3 || !strings.Contains(strings.Join(got, ","), "k300 found") || got[0] != "a found" || got[len(got)-1] != "z found" || slices.Contains(got, "k007 found") {
		t.Errorf("%d are due: %q", len(got), got[:min(9, len(got))])
	}
	f.wantDues(f.dues("a"))
}
