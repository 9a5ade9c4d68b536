package load

import (
	"encoding/json"
	"fmt"
	"syscall"
	"time"

	"rhizome/bench/store"
	"rhizome/bench/wire"
)

// Expiring is how fast a store is that deletes nothing, and one whose lifecycle rules have objects
// go meanwhile.
type Expiring struct {
	Expired int      `json:"objects_due"`
	Quiet   []Result `json:"quiet"`
	Sweep   []Result `json:"sweeping"`
	// Gone is how many objects a second went in each phase, and with no requests at all.
	Gone []float64 `json:"gone_per_s"`
	Idle float64   `json:"gone_idle_per_s"`
}

// dueBuckets is over how many buckets what is due is spread: each part of each has an hour of
// the day in which it goes, and what is measured is the first hour after a start.
const dueBuckets = 60

// expirePhases are what is measured.
var expirePhases = []struct {
	name string
	do   func(*grower, *wire.Client, int) (int64, error)
}{
	{"PUT", (*grower).another}, {"GET", (*grower).any},
}

// Expire measures two stores in turns, one of which has so many objects that are due. While the
// other is measured it is stopped.
func Expire(quiet, sweeping *store.Process, due int, plan HomesPlan) (*Expiring, error) {
	out := &Expiring{Expired: due}
	var sides [2]*grower
	for i, p := range []*store.Process{quiet, sweeping} {
		sides[i] = &grower{runner: &runner{p: p}, name: []string{"quiet", "sweeping"}[i], data: newPool(), plan: plan.Plan}
		if err := sides[i].makeBucket(); err != nil {
			return out, err
		}
		if _, err := sides[i].fill(plan.Keys); err != nil {
			return out, err
		}
	}
	s := &sweeper{sides[1]}
	if err := s.makeDue(due); err != nil {
		return out, err
	}
	for i := range expirePhases {
		var gone Result // of all rounds
		mid, err := inTurns(plan.Rounds, len(sides), func(side int) (Result, error) {
			if side == 0 {
				return sides[0].expirePhase(i)
			}
			return s.watched(&gone, func() (Result, error) { return sides[1].expirePhase(i) })
		})
		if err != nil {
			return out, err
		}
		out.Quiet, out.Sweep = append(out.Quiet, mid[0]), append(out.Sweep, mid[1])
		out.Gone = append(out.Gone, gone.Rate)
	}
	var gone Result
	_, err := s.watched(&gone, func() (Result, error) {
		<-time.After(plan.Span)
		return Result{Seconds: plan.Span.Seconds()}, nil
	})
	out.Idle = gone.Rate
	return out, err
}

func (g *grower) expirePhase(i int) (Result, error) {
	p := expirePhases[i]
	res, err := g.spread(p.name+" 1 KiB, "+g.name, 16, lasting(g.plan.Span, 1<<30), func(c *wire.Client, n int) (int64, error) { return p.do(g, c, n) })
	g.told(res, err)
	if p.name == "PUT" {
		g.fresh += res.Ops
	}
	return res, err
}

// sweeper is the store with what is due.
type sweeper struct{ *grower }

// makeDue puts objects and rules that have them go, starts the store again, so that it looks at
// the first hour of the day before, and stops it.
func (s *sweeper) makeDue(due int) error {
	c := &wire.Client{Target: s.p.Target()}
	defer c.Close()
	for b := range dueBuckets {
		if _, err := c.Must(&wire.Request{Method: "PUT", Path: dueBucket(b)}); err != nil {
			return err
		}
	}
	res, err := s.spread("PUT 1 KiB, to go", 16, count(due), func(c *wire.Client, n int) (int64, error) {
		_, err := c.Must(&wire.Request{Method: "PUT", Path: fmt.Sprintf("%s/%08d", dueBucket(n), n), Body: s.data.body(n, grownSize)})
		return grownSize, err
	})
	if s.told(res, err); err != nil {
		return err
	}
	for b := range dueBuckets {
		rule := []byte("<LifecycleConfiguration><Rule><ID>past</ID><Filter/><Status>Enabled</Status><Expiration><Date>2020-01-01T00:00:00Z</Date></Expiration></Rule></LifecycleConfiguration>")
		if _, err := c.Must(&wire.Request{Method: "PUT", Path: dueBucket(b), Query: "lifecycle=", Body: rule, PayloadHash: hash(rule)}); err != nil {
			return err
		}
	}
	if err := s.p.Stop(); err != nil {
		return err
	}
	if err := s.p.Up(); err != nil {
		return err
	}
	return s.p.Signal(syscall.SIGSTOP)
}

func dueBucket(n int) string { return fmt.Sprintf("/due-%02d", n%dueBuckets) }

// watched lets the store go on for as long as do takes, and adds to gone what it deletes.
func (s *sweeper) watched(gone *Result, do func() (Result, error)) (Result, error) {
	if err := s.p.Signal(syscall.SIGCONT); err != nil {
		return Result{}, err
	}
	before, _, err := s.gone()
	if err != nil {
		return Result{}, err
	}
	res, err := do()
	if err != nil {
		return res, err
	}
	after, left, err := s.gone()
	if err == nil && left == 0 {
		err = fmt.Errorf("all that is due in the first hour is gone: have more objects expire")
	}
	gone.Ops, gone.Seconds = gone.Ops+after-before, gone.Seconds+res.Seconds
	gone.Rate = float64(gone.Ops) / max(gone.Seconds, 1e-9)
	if serr := s.p.Signal(syscall.SIGSTOP); err == nil {
		err = serr
	}
	return res, err
}

// gone is how many objects went since the start, and how many parts are left.
func (s *sweeper) gone() (n, left int, err error) {
	var r struct {
		Lifecycle struct {
			Expired int `json:"expired"`
			Left    int `json:"left"`
		} `json:"lifecycle"`
	}
	out, err := s.p.CLI("repair", "status", "--json")
	if err == nil {
		err = json.Unmarshal([]byte(out), &r)
	}
	return r.Lifecycle.Expired, r.Lifecycle.Left, err
}
