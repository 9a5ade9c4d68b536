package load

import (
	"fmt"
	"time"

	"rhizome/bench/store"
	"rhizome/bench/wire"
)

// Copying is how much background copying takes from the foreground: a home joins and gets
// its share while objects are put through another.
type Copying struct {
	Bytes   int64   `json:"bytes_stored"` // of objects, before the home joined
	Seconds float64 `json:"copying_s"`    // until all had their share, the load of a minute at most beside it
	Rounds  []Round `json:"rounds"`
}

// Round is one kind of request before the home joined, while its share was copied, and
// after. The layout of the last two is the same.
type Round struct {
	Name   string `json:"name"`
	Before Result `json:"before"`
	During Result `json:"during"`
	After  Result `json:"after"`
}

var besides = []trial{{"PUT 1 KiB", 1 << 10, 16, false}, {"PUT 1 MiB", 1 << 20, 16, false}}

const (
	// besideFor bounds the load beside copying, which gives way to it: the rest is copied
	// without, lest the load fill the disk.
	besideFor   = time.Minute
	longestCopy = 10 * time.Minute
)

// Beside stores some bytes, has a home join and measures beside its copying.
func Beside(h *store.Homes, stored int64, plan HomesPlan) (*Copying, error) {
	data, have := newPool(), map[string][3]int{}
	r := func() *runner { return &runner{p: h.All[0], others: h.All[1:]} }
	fill := func(c *wire.Client, n int) (int64, error) {
		_, err := c.Must(&wire.Request{Method: "PUT", Path: fmt.Sprintf("%s/fill/%06d", bucket, n), Body: data.body(n, 1<<20)})
		return 1 << 20, err
	}
	if err := r().makeBucket(); err != nil {
		return nil, err
	}
	res, err := r().spread("fill", 16, count(int(stored>>20)), fill)
	if err != nil {
		return nil, err
	}
	out := &Copying{Bytes: res.Bytes}
	round := func(plan Plan) (all []Result, err error) {
		for _, t := range besides {
			res, err := t.run(r(), 1, data, have, plan)
			if err != nil {
				return all, err
			}
			plan.Say(res)
			all = append(all, res)
		}
		return all, nil
	}
	before, err := rounds(plan.Rounds, func() ([]Result, error) { return round(plan.Plan) })
	if err != nil {
		return out, err
	}
	began := time.Now()
	if err := h.Join(); err != nil {
		return out, err
	}
	if err := h.Begun(time.Minute); err != nil {
		return out, err
	}
	short := plan.Plan
	short.Span = plan.Span / 4 // so that most of what is measured is beside copying
	var during [][]Result
	for left := "all"; left != ""; {
		all, err := round(short)
		if err != nil {
			return out, err
		}
		if left, err = h.Left(); err != nil {
			return out, err
		}
		if left != "" || len(during) == 0 {
			during = append(during, all)
		}
		if time.Since(began) > besideFor {
			break
		}
	}
	if err := h.Settle(longestCopy); err != nil {
		return out, err
	}
	out.Seconds = time.Since(began).Seconds()
	after, err := rounds(plan.Rounds, func() ([]Result, error) { return round(plan.Plan) })
	if err != nil {
		return out, err
	}
	for i, t := range besides {
		out.Rounds = append(out.Rounds, Round{t.name, median(column(before, i)), median(column(during, i)), median(column(after, i))})
	}
	return out, nil
}

func rounds(n int, round func() ([]Result, error)) (all [][]Result, err error) {
	for range n {
		one, err := round()
		if err != nil {
			return all, err
		}
		all = append(all, one)
	}
	return all, nil
}

func column(all [][]Result, i int) (out []Result) {
	for _, one := range all {
		out = append(out, one[i])
	}
	return out
}
