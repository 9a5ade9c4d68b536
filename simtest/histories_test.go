package simtest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"rhizome/base/seeds"
	"rhizome/net/rpc"
	"rhizome/simtest/history"
)

// plan is what a seed draws for a history.
type plan struct {
	seed        uint64
	homes       int
	way         rpc.Way
	ops         int
	least, most time.Duration // between two troubles
	kinds       []string
	heals       bool // replicas compare what they hold
	flaw        flaw
}

// newPlan draws a history: short ones mostly, each with few troubles, and some long ones.
func newPlan(seed uint64) plan {
	rng := rand.New(rand.NewPCG(seed, 1))
	p := plan{seed: seed, homes: 3, ops: 8, least: 300 * time.Millisecond, most: 4 * time.Second}
	if rng.IntN(4) == 0 {
		p.homes = 5
	}
	if rng.IntN(20) == 0 {
		p.ops = 30
	}
	for _, i := range rng.Perm(len(allTrouble))[:2+rng.IntN(3)] {
		p.kinds = append(p.kinds, allTrouble[i])
	}
	p.heals = rng.IntN(3) == 0
	p.way.Delay = time.Duration(20+rng.IntN(380)) * time.Millisecond / 2
	p.way.Jitter = time.Duration(rng.Int64N(int64(p.way.Delay)))
	if rng.IntN(2) == 0 {
		p.way.Loss = 0.01 * float64(1+rng.IntN(10))
	}
	if rng.IntN(8) == 0 { // a home leaves: all that it has is handed on
		p.kinds = append(p.kinds, "leave")
	}
	if rng.IntN(8) == 0 { // one comes, perhaps in the place of one whose disk dies
		p.kinds = append(p.kinds, "join")
	}
	return p
}

// result is what came of a history.
type result struct {
	*history.History
	troubles map[string]int
	lasted   time.Duration // of virtual time
	unread   error         // keys that cannot be read after all was mended
}

// play plays a history in virtual time.
func (p plan) play(t *testing.T) (r result) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		w := newTown(t, p)
		defer w.close()
		c := history.Clients{Seed: p.seed, Ops: p.ops, Keys: 2, PerKey: 1 << 20, Pause: 300 * time.Millisecond, Timeout: 6 * time.Second,
			Sizes: []int{10, 1000, 20_000}, Parts: []int{17_000}}
		for i := range 4 {
			c.Stores = append(c.Stores, &visitor{w, rand.New(rand.NewPCG(p.seed, uint64(10+i)))})
		}
		x := &trouble{town: w, rng: rand.New(rand.NewPCG(p.seed, 2)), counts: map[string]int{}}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			x.run(ctx)
		}()
		r = result{History: c.Run(t.Context()), troubles: x.counts}
		stop()
		<-ended
		ctx, stop = context.WithTimeout(t.Context(), 10*time.Minute)
		defer stop()
		if r.unread = r.ReadAll(ctx, &visitor{w, x.rng}); r.unread != nil && p.flaw.name == "" {
			t.Errorf("seed %d: after all was mended: %v", p.seed, r.unread)
		}
		w.keeps(ctx)
		w.drains(t.Context())
		r.lasted = time.Since(began)
	})
	return r
}

// tally sums up many histories. It is safe for concurrent use.
type tally struct {
	mu       sync.Mutex
	played   int
	known    int
	unknown  int
	lasted   time.Duration
	troubles map[string]int
}

func (a *tally) add(r result) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.played++
	a.lasted += r.lasted
	for _, o := range r.Ops() {
		if o.Outcome == history.Unknown {
			a.unknown++
		} else {
			a.known++
		}
	}
	for k, n := range r.troubles {
		a.troubles[k] += n
	}
}

func (a *tally) String() string {
	return fmt.Sprintf("%d histories, %v of virtual time, %d operations and %d of unknown outcome, troubles %v", a.played,
		a.lasted.Round(time.Second), a.known, a.unknown, a.troubles)
}

// TestSimulatedHistories plays seeded histories of real homes under every trouble, and checks that
// what clients saw is linearizable. RHIZOME_SOAK plays five times as many.
func TestSimulatedHistories(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	all := &tally{troubles: map[string]int{}}
	t.Run("all", func(t *testing.T) {
		for seed := range seeds.Of(t, 2000, 10_000) {
			t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
				t.Parallel()
				r := newPlan(seed).play(t)
				all.add(r)
				if err := r.Check(time.Minute); err != nil {
					t.Errorf("%v\n%+v\n%s\n%s\nRHIZOME_SEED=%d plays that plan again", err, r.troubles, r.Summary(), list(r.Ops()), seed)
				}
			})
		}
	})
	t.Log(all)
	if all.played > 100 {
		all.shows(t)
	}
}

// shows fails unless the histories met everything that they are to be judged by.
func (a *tally) shows(t *testing.T) {
	for _, k := range allTrouble {
		if a.troubles[k] < a.played/20 {
			t.Errorf("only %d times there was %s", a.troubles[k], k)
		}
	}
	for _, k := range varieties {
		if a.troubles[k] < a.played/50 {
			t.Errorf("only %d times there was a %s", a.troubles[k], k)
		}
	}
	if a.unknown > a.known/3 || a.known < 15*a.played {
		t.Errorf("%d operations of known and %d of unknown outcome: that shows little", a.known, a.unknown)
	}
	for _, k := range partings {
		if a.troubles[k] < a.played/100 {
			t.Errorf("only %d times a %s for good", a.troubles[k], k)
		}
	}
	for _, k := range arrivals {
		if a.troubles[k] < a.played/100 {
			t.Errorf("only %d times a %s", a.troubles[k], k)
		}
	}
}

func list(ops []history.Op) string {
	var b strings.Builder
	for _, o := range ops {
		fmt.Fprintln(&b, o)
	}
	return b.String()
}
