package object_test

import (
	"context"
	"fmt"
	"testing"

	"rhizome/model/object"
)

// withLock sets the stage of a bucket with object lock; the versions before the newest have
// rows of their own. marked are those of which the marks are read in the end.
func (r *run) withLock(s *side, before bool, marked []string, etags ...string) map[string]cell {
	c := r.withVersions(s, before, etags...)
	r.marked = marked
	r.do(s, "lock", func(ctx context.Context) (err error) {
		r.b, err = s.objects.SetLock(ctx, r.b, object.BucketLock{On: true})
		return err
	})
	r.do(s, "clean up", s.objects.CleanUp)
	return c
}

// lockScenarios are about what is kept of versions beside their bytes.
var lockScenarios = []scenario{
	{"lock, hold and drop", func(r *run, a, b *side) map[string]cell {
		c := r.withLock(b, false, []string{"big0"}, "big0", "small1")
		r.drop(a, "k", "big0")
		r.hold(b, "k", "big0")
		r.collect(b, "collect")
		return c
	}},
	{"lock, drop and hold", func(r *run, a, b *side) map[string]cell {
		c := r.withLock(b, false, []string{"big0"}, "big0", "small1")
		r.hold(a, "k", "big0")
		r.drop(b, "k", "big0")
		r.collect(b, "collect")
		return c
	}},
	{"lock, current", func(r *run, a, b *side) map[string]cell {
		c := r.withLock(b, true, []string{"big0"}, "big0")
		r.hold(a, "k", "big0")
		r.put(b, "k", "small1", input{})
		r.collect(b, "collect")
		r.drop(b, "k", "big0")
		return c
	}},
	{"lock, tag and hold", func(r *run, a, b *side) map[string]cell {
		c := r.withLock(b, false, []string{"big0"}, "big0", "small1")
		r.tag(a, "k", "big0", "x")
		r.hold(b, "k", "big0")
		r.collect(b, "collect")
		return c
	}},
	{"lock, two tags", func(r *run, a, b *side) map[string]cell {
		c := r.withLock(b, false, []string{"small0"}, "small0", "small1")
		r.collect(a, "keep")
		r.tag(b, "k", "small0", "x")
		r.tag(b, "k", "small0", "y")
		r.collect(b, "collect")
		return c
	}},
	{"lock, mirror", func(r *run, a, b *side) map[string]cell {
		c := r.withLock(b, false, []string{"big0"}, "big0", "small1")
		r.drop(a, "k", "small1")
		r.tag(b, "k", "big0", "x")
		r.put(b, "k", "small2", input{})
		r.collect(b, "collect")
		return c
	}},
	{"lock, drop and tag", func(r *run, a, b *side) map[string]cell {
		c := r.withLock(b, false, nil, "big0", "small1", "small2")
		r.tag(a, "k", "big0", "x")
		r.drop(b, "k", "big0")
		r.drop(b, "k", "small2")
		r.collect(b, "collect")
		return c
	}},
}

// TestBrokenLock: a protocol of revisions that lacks any one rule is caught.
func TestBrokenLock(t *testing.T) {
	for _, v := range []struct {
		rule, scenario string
		seed           uint64 // the first that shows it
	}{
		{"blindTurn", "lock, hold and drop", 0},
		{"blindTurn", "lock, drop and tag", 0},
		{"blindStrike", "lock, two tags", 66},
	} {
		t.Run(v.rule+" "+v.scenario, func(t *testing.T) {
			sc, _ := scenarioOf(v.scenario)
			caught := ""
			for seed := v.seed; seed < v.seed+400 && caught == ""; seed++ {
				inWorld(t, 1, func(w *world) {
					w.rule = v.rule
					if r := w.walk(sc, seed, nil); r.failed != "" {
						caught = fmt.Sprintf("seed %d: %s", seed, r.failed)
					}
				})
			}
			if caught == "" {
				t.Error("nothing shows that the rule is missing")
			}
			t.Log(caught)
		})
	}
}
