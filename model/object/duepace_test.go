package object_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"rhizome/base/errs"
	"rhizome/model/object"
)

// TestCompareInSteps: a bucket there that holds far more than the one here is compared in steps, each
// of which lists once and is gone on from; nothing is passed over.
func TestCompareInSteps(t *testing.T) {
	f := newFixture(t)
	for i := range 10 {
		f.put(fmt.Sprintf("k%d", i), random(1))
	}
	f.replicate(object.Replicate{Deletes: true})
	f.Objects.LimitDues(0)
	f.put("k7", random(2))
	if err := f.Objects.CleanUp(f.ctx); err != nil {
		t.Fatal(err)
	}
	f.Objects.LimitDues(1 << 16)
	var there []string
	for i := range 700 {
		there = append(there, fmt.Sprintf("j%04d", i), fmt.Sprintf("k5/%04d", i))
	}
	slices.Sort(there)
	asked := 0
	list := func(_ context.Context, after string, limit int) ([]string, bool, error) {
		asked++
		at, found := slices.BinarySearch(there, after)
		if found {
			at++
		}
		end := min(at+limit, len(there))
		return there[at:end], end < len(there), nil
	}
	steps := 0
	for more := true; more && steps < 50; steps++ {
		before := asked
		var err error
		if more, err = f.Objects.GoThrough(f.ctx, f.b, elsewhere, list); err != nil {
			t.Fatal(err)
		}
		if asked > before+1 {
			t.Fatalf("a step lists %d times", asked-before)
		}
	}
	got := f.dues()
	if len(got) != 10+len(there) || steps < 5 {
		t.Errorf("%d are due, want %d, after %d steps", len(got), 10+len(there), steps)
	}
	f.Objects.LimitDues(0)
	f.put("k7", random(2))
	if err := f.Objects.CleanUp(f.ctx); err != nil {
		t.Fatal(err)
	}
	stuck := func(context.Context, string, int) ([]string, bool, error) { return there[:1], true, nil }
	var err error
	for range 5 {
		if _, err = f.Objects.GoThrough(f.ctx, f.b, elsewhere, stuck); err != nil {
			break
		}
	}
	if !errors.Is(err, errs.Unavailable) {
		t.Errorf("a list that does not go on: %v", err)
	}
	if more, err := f.Objects.GoThrough(f.ctx, f.b, elsewhere, stuck); more || err != nil {
		t.Errorf("it is not over then: %v %v", more, err)
	}
}
