package object_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rhizome/base/seeds"
	"rhizome/cluster/register"
)

// The environment chooses what to explore:
//
//	RHIZOME_PROTOCOL_SCALE   how many times as many schedules; 1, or 20 if it may take long
//	RHIZOME_PROTOCOL_REPLAY  scenario/replicas/seed, as a failure prints it
func scale(t *testing.T) int {
	if v := os.Getenv("RHIZOME_PROTOCOL_SCALE"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if seeds.Long() {
		return 20
	}
	return 1
}

// walk plays one scenario under a random schedule and returns what broke.
func (w *world) walk(sc scenario, seed uint64, broken func(*side) register.Store) *run {
	r := w.newRun(seed)
	r.broken = broken
	rng := rand.New(rand.NewPCG(seed, 1))
	left, length := 1+rng.IntN(6), 30+rng.IntN(90)
	r.pick = func(_, n int) int {
		if left == 0 || rng.IntN(length) >= 6 {
			return 0
		}
		left--
		return rng.IntN(n)
	}
	r.play1(sc, time.Duration(rng.IntN(3)-1)*time.Second)
	return r
}

// play1 plays a scenario from its stage to its end.
func (r *run) play1(sc scenario, skew time.Duration) {
	defer r.end()
	a := r.newSide("a", 1, 0, skew)
	b := r.newSide("b", 2, 0, 0)
	initial := sc.play(r, a, b)
	if r.failed == "" {
		r.finish(initial)
	}
}

func (r *run) report() string {
	var b strings.Builder
	for _, e := range r.hist.events {
		fmt.Fprintln(&b, e)
	}
	return fmt.Sprintf("%s\n%s\n%s", r.failed, strings.Join(r.trace, "\n"), b.String())
}

// TestProtocol plays every scenario under random schedules.
func TestProtocol(t *testing.T) {
	for _, n := range []int{1, 3} {
		for _, sc := range slices.Concat(scenarios, versionScenarios, lockScenarios) {
			t.Run(fmt.Sprintf("%s/%d", strings.ReplaceAll(sc.name, " ", "_"), n), func(t *testing.T) {
				explore(t, sc, n, 45/n*scale(t), nil)
			})
		}
	}
}

// inWorld gives f replicas of its own, where time stands while anybody is at work.
func inWorld(t *testing.T, n int, f func(*world)) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, n)
		defer w.close()
		f(w)
	})
}

// explore plays count random schedules, each from its seed.
func explore(t *testing.T, sc scenario, n, count int, broken func(*side) register.Store) (caught string) {
	steps := 0
	for seed := range count {
		inWorld(t, n, func(w *world) {
			r := w.walk(sc, uint64(seed), broken)
			if steps += r.steps; r.failed == "" {
				return
			}
			caught = fmt.Sprintf("seed %d: %s", seed, r.failed)
			if broken == nil {
				w.t.Errorf("replay with RHIZOME_PROTOCOL_REPLAY=%s/%d/%d\n%s", strings.ReplaceAll(sc.name, " ", "_"), n, seed, r.report())
			}
		})
		if caught != "" {
			return caught
		}
	}
	t.Logf("%d schedules, %d steps", count, steps)
	return ""
}

// TestFound plays the schedules under which the product failed once.
func TestFound(t *testing.T) {
	for _, f := range []struct {
		scenario string
		replicas int
		seed     uint64
	}{
		{"complete", 1, 20}, {"complete", 1, 1180}, {"make bucket", 1, 8}, {"make bucket", 3, 5}, {"swap", 3, 50},
		{"complete", 3, 58}, {"overwrite", 3, 357}, {"delete bucket", 3, 3}, {"delete bucket", 3, 155},
	} {
		sc, _ := scenarioOf(f.scenario)
		inWorld(t, f.replicas, func(w *world) {
			if r := w.walk(sc, f.seed, nil); r.failed != "" {
				w.t.Errorf("%s/%d/%d: %s", f.scenario, f.replicas, f.seed, r.report())
			}
		})
	}
}

// TestReplay plays the one schedule that the environment names.
func TestReplay(t *testing.T) {
	parts := strings.Split(os.Getenv("RHIZOME_PROTOCOL_REPLAY"), "/")
	if len(parts) != 3 {
		return
	}
	n, _ := strconv.Atoi(parts[1])
	seed, _ := strconv.ParseUint(parts[2], 10, 64)
	for _, sc := range slices.Concat(scenarios, versionScenarios, lockScenarios, eventScenarios) {
		if strings.ReplaceAll(sc.name, " ", "_") != parts[0] {
			continue
		}
		inWorld(t, n, func(w *world) {
			r := w.walk(sc, seed, nil)
			w.t.Log(r.report())
			if r.failed != "" {
				w.t.Error(r.failed)
			}
		})
	}
}
