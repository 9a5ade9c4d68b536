package simtest

import (
	"context"
	"math/rand/v2"
	"time"
)

// trouble is what goes wrong while clients work, by a seed's plan.
type trouble struct {
	*town
	rng    *rand.Rand
	counts map[string]int
}

// allTrouble is everything that may happen.
var allTrouble = []string{"kill", "power", "blackout", "isolate", "oneway", "split", "clock", "layout", "forget", "full"}

// varieties are what becomes of some of it.
var varieties = []string{"clock wrong by hours", "clock wrong by days", "clock wrong by years", "clock wrong at the start"}

// partings are the ways in which a home leaves for good.
var partings = []string{"home left", "home lost"}

// arrivals are the ways in which one comes.
var arrivals = []string{"home joined", "disk replaced"}

// run makes trouble until ctx ends, then undoes it.
func (x *trouble) run(ctx context.Context) {
	for x.wait(ctx, x.plan.least, x.plan.most) {
		kind := x.plan.kinds[x.rng.IntN(len(x.plan.kinds))]
		x.counts[kind]++
		x.one(ctx, kind)
		if x.rng.IntN(3) == 0 {
			x.mend()
		}
	}
	x.mend()
}

func (x *trouble) wait(ctx context.Context, least, most time.Duration) bool {
	timer := time.NewTimer(least + time.Duration(x.rng.Int64N(int64(most-least))))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

func (x *trouble) some() *home { return x.homes[x.rng.IntN(len(x.homes))] }

func (x *trouble) one(ctx context.Context, kind string) {
	h := x.some()
	switch kind {
	case "kill", "power": // restarted at once, or when things are mended
		h.die(kind == "power")
		if x.rng.IntN(2) == 0 {
			x.wait(ctx, time.Millisecond, time.Second)
			h.up()
		}
	case "blackout": // all homes lose power at once
		for _, h := range x.homes {
			h.die(true)
		}
		for _, h := range x.homes {
			h.up()
		}
	case "isolate": // its clients stay with it
		for _, o := range x.homes {
			x.cut(h, o)
			x.cut(o, h)
		}
	case "oneway":
		for _, o := range x.homes {
			if x.rng.IntN(2) == 0 {
				x.cut(h, o)
			}
		}
		if o := x.some(); o != h {
			x.cut(o, h)
		}
	case "split":
		side := map[*home]bool{}
		for _, o := range x.homes {
			side[o] = x.rng.IntN(2) == 0
		}
		for _, a := range x.homes {
			for _, b := range x.homes {
				if side[a] != side[b] {
					x.cut(a, b)
				}
			}
		}
	case "clock":
		x.setClock(ctx, h)
	case "layout":
		x.change()
	case "forget":
		for _, h := range x.homes {
			if l := h.present(); l != nil {
				go func() {
					defer l.requests.Done()
					_, _ = l.regs.Forget(l.ctx, 0)
				}()
			}
		}
	case "leave":
		x.leave()
	case "join":
		x.join()
	case "empty": // of a broken rhizome alone
		h.forgets()
	case "full":
		h.ballast.Store(capacity)
	}
}

// farOff is by how much clocks are wrong at most. A clock 40 years behind is one of before 1970.
var farOff = map[string]time.Duration{"hours": 6 * time.Hour, "days": 60 * 24 * time.Hour, "years": 40 * 365 * 24 * time.Hour}

// setClock sets a home's clock wrong, either way; its program is restarted with it, perhaps,
// and knows of nobody then who has another time.
func (x *trouble) setClock(ctx context.Context, h *home) {
	unit := []string{"hours", "days", "years"}[x.rng.IntN(3)]
	x.counts["clock wrong by "+unit]++
	most := farOff[unit]
	off := time.Duration(x.rng.Int64N(int64(most)))
	if x.rng.IntN(2) == 0 {
		off = -off
	}
	h.clock.set(off)
	if x.rng.IntN(2) == 0 {
		x.counts["clock wrong at the start"]++
		h.die(false)
		x.wait(ctx, time.Millisecond, time.Second)
		h.up()
	}
}

func (x *trouble) cut(a, b *home) {
	if a != b {
		x.net.Cut(a.id, b.id)
	}
}

// mend undoes all trouble but clocks and layouts.
func (x *trouble) mend() {
	for _, a := range x.homes {
		a.ballast.Store(0)
		if a.life == nil {
			a.up()
		}
		for _, b := range x.homes {
			x.net.Heal(a.id, b.id)
		}
	}
}
