package object_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"rhizome/cluster/register"
)

// deviation is a choice other than the default, at one step.
type deviation struct{ step, choice int }

// follow plays a scenario by its default schedule but for some deviations.
func (w *world) follow(sc scenario, devs []deviation, broken func(*side) register.Store) *run {
	r := w.newRun(1)
	r.broken = broken
	r.pick = func(step, n int) int {
		for _, d := range devs {
			if d.step == step && d.choice < n {
				return d.choice
			}
		}
		return 0
	}
	r.play1(sc, 0)
	return r
}

// search plays the default schedule, every schedule with one deviation, and of those
// with two as many as fit into most schedules, evenly spread; most 0: all.
func search(t *testing.T, sc scenario, n, most int, broken func(*side) register.Store) (caught string) {
	runs := 0
	play := func(devs ...deviation) (widths []int) {
		inWorld(t, n, func(w *world) {
			r := w.follow(sc, devs, broken)
			runs++
			if widths = r.widths; r.failed == "" {
				return
			}
			caught = fmt.Sprintf("%v: %s", devs, r.failed)
			if broken == nil {
				w.t.Errorf("%s with %d replicas, deviations (step, choice) %v\n%s", sc.name, n, devs, r.report())
			}
		})
		return widths
	}
	var pairs [][2]deviation
	for _, first := range after(play(), 0) {
		if caught != "" {
			return caught
		}
		for _, second := range after(play(first), first.step+1) {
			pairs = append(pairs, [2]deviation{first, second})
		}
	}
	stride := 1
	if most > 0 {
		stride = max(1, len(pairs)/max(1, most-runs))
	}
	for i := 0; i < len(pairs) && caught == ""; i += stride {
		play(pairs[i][:]...)
	}
	if caught == "" {
		t.Logf("%d of %d schedules with up to two deviations", runs, runs+len(pairs)-(len(pairs)+stride-1)/stride)
	}
	return caught
}

// after lists every deviation from a step on.
func after(widths []int, from int) (out []deviation) {
	for step := from; step < len(widths); step++ {
		for c := 1; c < widths[step]; c++ {
			out = append(out, deviation{step, c})
		}
	}
	return out
}

// small scopes for the search: two operations and a collector.
var small = []scenario{
	{"put", func(r *run, a, b *side) map[string]cell {
		r.withObject(b, "big0")
		r.put(a, "k", "big1", input{})
		r.collect(b, "collect")
		return nil
	}},
	{"first put", func(r *run, a, b *side) map[string]cell {
		r.setUp(b)
		r.put(a, "k", "big1", input{})
		r.collect(b, "collect")
		return nil
	}},
	{"copy and replace", func(r *run, a, b *side) map[string]cell {
		r.withObject(b, "big0")
		r.copy(a, "k", "m", []string{"big0", "small1"}, input{})
		r.put(b, "k", "small1", input{})
		r.collect(b, "collect")
		return nil
	}},
	{"complete and part", func(r *run, a, b *side) map[string]cell {
		r.withUpload(b, nil)
		r.complete(a, "complete", "big1")
		r.part(b, 1, "big2")
		r.collect(b, "collect")
		return nil
	}},
	{"part and complete", func(r *run, a, b *side) map[string]cell {
		r.withUpload(b, nil)
		r.part(a, 1, "big2")
		r.complete(b, "complete", "big1")
		r.collect(b, "collect")
		return nil
	}},
	{"complete, replace, complete", func(r *run, a, b *side) map[string]cell {
		r.withUpload(b, func() { r.otherPart(b, 2, "small9") })
		r.complete(a, "complete", "big1")
		r.put(b, "k", "small2", input{})
		r.collect(b, "collect")
		r.complete(b, "complete again", "big1")
		return nil
	}},
	{"put and delete bucket", func(r *run, a, b *side) map[string]cell {
		r.setUp(b)
		r.put(a, "k", "big1", input{})
		r.deleteBucket(b, "k")
		r.collect(b, "collect")
		return nil
	}},
	{"delete bucket and put", func(r *run, a, b *side) map[string]cell {
		r.setUp(b)
		r.deleteBucket(a, "k")
		r.put(b, "k", "big1", input{})
		r.collect(b, "collect")
		return nil
	}},
	{"copy an upload and delete", func(r *run, a, b *side) map[string]cell {
		r.withUpload(b, func() { r.complete(b, "complete", "big1") })
		r.copy(a, "k", "m", []string{"whole:big1"}, input{})
		r.delete(b, "k", input{})
		r.collect(b, "collect")
		return nil
	}},
	{"two copies", func(r *run, a, b *side) map[string]cell {
		r.withObject(b, "big0")
		r.copy(a, "k", "m", []string{"big0"}, input{})
		r.collect(b, "collect")
		r.copy(a, "k", "n", []string{"big0"}, input{})
		return nil
	}},
	{"make bucket", playMakeBucket},
}

// TestSearch goes through small scopes systematically.
func TestSearch(t *testing.T) {
	most := 150 * scale(t)
	for _, sc := range small {
		t.Run(strings.ReplaceAll(sc.name, " ", "_"), func(t *testing.T) { search(t, sc, 1, most, nil) })
	}
}

func scenarioOf(name string) (scenario, bool) {
	for _, sc := range slices.Concat(small, scenarios, versionScenarios, lockScenarios) {
		if sc.name == name {
			return sc, true
		}
	}
	return scenario{}, false
}
