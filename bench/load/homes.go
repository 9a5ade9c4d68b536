package load

import (
	"fmt"
	"io"
	"slices"

	"rhizome/bench/store"
	"rhizome/bench/wire"
)

// Compared is one phase on one home and on several, measured in turn.
type Compared struct {
	Name string `json:"name"`
	// One is the home that is alone; Via the several homes, asked through the first of
	// them; All the same, asked through each in turn.
	One Result `json:"one_home"`
	Via Result `json:"homes_through_one"`
	All Result `json:"homes_through_all"`
}

// HomesPlan says what is compared.
type HomesPlan struct {
	Plan
	Rounds int // how often each phase is measured on each side
}

// trial is a phase of the comparison.
type trial struct {
	name        string
	size, conns int
	get         bool
}

var trials = []trial{
	{"PUT 1 KiB", 1 << 10, 16, false}, {"GET 1 KiB", 1 << 10, 16, true},
	{"PUT 64 KiB", 64 << 10, 16, false},
	{"PUT 1 MiB", 1 << 20, 16, false}, {"GET 1 MiB", 1 << 20, 16, true},
	{"PUT 16 MiB", 16 << 20, 4, false},
}

// Homes compares a store of one home with one of several. Sides take turns, so that what
// else the machine does falls on all of them; what counts is the median of the rounds.
func Homes(one *store.Process, several []*store.Process, plan HomesPlan) ([]Compared, error) {
	sides := []*runner{{p: one}, {p: several[0], others: several[1:]}, {p: several[0], others: several[1:], all: true}}
	for _, r := range sides[:2] {
		if err := r.makeBucket(); err != nil {
			return nil, err
		}
	}
	var out []Compared
	data := newPool()
	stored := map[string][3]int{}
	for _, t := range trials {
		c, err := t.compare(sides, data, stored, plan)
		if err != nil {
			return out, err
		}
		out = append(out, c)
	}
	return out, nil
}

func (t trial) compare(sides []*runner, data *pool, stored map[string][3]int, plan HomesPlan) (Compared, error) {
	mid, err := inTurns(plan.Rounds, len(sides), func(i int) (Result, error) {
		res, err := t.run(sides[i], i, data, stored, plan.Plan)
		if err == nil {
			plan.Say(res)
		}
		return res, err
	})
	if err != nil {
		return Compared{}, err
	}
	return Compared{Name: t.name, One: mid[0], Via: mid[1], All: mid[2]}, nil
}

// inTurns measures each side so many times, in turns, and returns the median of each.
func inTurns(n, sides int, run func(side int) (Result, error)) (mid []Result, err error) {
	all, err := rounds(n, func() (one []Result, err error) {
		for i := range sides {
			res, err := run(i)
			if err != nil {
				return one, err
			}
			one = append(one, res)
		}
		return one, nil
	})
	if err != nil {
		return nil, err
	}
	for i := range sides {
		mid = append(mid, median(column(all, i)))
	}
	return mid, nil
}

// run does one round. What was put under a size before is what is got.
func (t trial) run(r *runner, side int, data *pool, stored map[string][3]int, plan Plan) (Result, error) {
	size := fmt.Sprint(t.size)
	have := stored[size]
	first := have[side]
	name := func(n int) string { return fmt.Sprintf("%s/%s/%d/%06d", bucket, size, side, n) }
	label := fmt.Sprintf("%s, %s", t.name, []string{"one home", "via one", "via all"}[side])
	if t.get {
		return r.spread(label, t.conns, lasting(plan.Span, 1<<30), func(c *wire.Client, n int) (int64, error) {
			resp, err := c.Must(&wire.Request{Method: "GET", Path: name(n * 7919 % first), Sink: io.Discard})
			if err == nil && resp.Length != int64(t.size) {
				err = fmt.Errorf("%d bytes came back, want %d", resp.Length, t.size)
			}
			return int64(t.size), err
		})
	}
	res, err := r.spread(label, t.conns, lasting(plan.Span, 1<<30), func(c *wire.Client, n int) (int64, error) {
		_, err := c.Must(&wire.Request{Method: "PUT", Path: name(first + n), Body: data.body(first+n, t.size)})
		return int64(t.size), err
	})
	have[side] = first + res.Ops
	stored[size] = have
	return res, err
}

// median is the result of middling rate; its processor time is that of all rounds.
func median(all []Result) Result {
	var cpu float64
	var ops int
	for _, r := range all {
		cpu, ops = cpu+r.CPU, ops+r.Ops
	}
	slices.SortFunc(all, func(a, b Result) int {
		if a.Rate < b.Rate {
			return -1
		}
		return 1
	})
	mid := all[len(all)/2]
	mid.CPU = cpu / float64(ops) * float64(mid.Ops)
	return mid
}

// makeBucket makes the bucket, which may be there.
func (r *runner) makeBucket() error {
	c := &wire.Client{Target: r.p.Target()}
	defer c.Close()
	resp, err := c.Do(&wire.Request{Method: "PUT", Path: bucket})
	if err == nil && resp.Status == 409 { // another key's, of a time before
		_, err = r.p.CLI("bucket", "allow", bucket[1:], "--key", r.p.Key.ID, "--read", "--write")
		return err
	}
	if err != nil {
		return err
	}
	return resp.Err()
}
