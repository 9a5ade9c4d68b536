package load

import (
	"fmt"
	"io"
	"strings"
	"time"

	"rhizome/bench/store"
	"rhizome/bench/wire"
)

// Plan says how much is done.
type Plan struct {
	Span time.Duration // of each timed phase
	Keys int           // in the bucket that is listed
	// Versions is how many a key gets that is compared with one of ten.
	Versions int
	Large    int          // size of the largest object uploaded in parts, bytes
	Say      func(Result) // told of each result
}

// Run is what a run on one store showed.
type Run struct {
	Store   string   `json:"store"`
	Results []Result `json:"results"`
	// Idle is the resident memory before any load, and Settled after all of it.
	Idle     int64 `json:"idle_rss"`
	Peak     int64 `json:"peak_rss"`
	Settled  int64 `json:"settled_rss"`
	PerSmall int64 `json:"disk_bytes_per_1_kib_object"`
	// PerByte is what a stored byte of a large object takes on the disk.
	PerByte  float64 `json:"disk_bytes_per_byte"`
	FirstRun float64 `json:"start_to_first_answer_new_s"`
	Restart  float64 `json:"start_to_first_answer_s"`
}

// Result returns the result of a phase; nil if there is none.
func (r *Run) Result(name string) *Result {
	for i := range r.Results {
		if r.Results[i].Name == name {
			return &r.Results[i]
		}
	}
	return nil
}

const bucket = "/bench"

// On runs the plan on a store that is up and has a key.
func On(p *store.Process, name string, plan Plan) (*Run, error) {
	r := &runner{p: p}
	run := &Run{Store: name}
	var err error
	if run.Idle, _, err = store.Memory(p.Pid()); err != nil {
		return nil, err
	}
	if err := r.makeBucket(); err != nil {
		return nil, err
	}
	steps := []func(*runner, *Run, Plan) error{keys, objects, parts, versions}
	for _, step := range steps {
		if err := step(r, run, plan); err != nil {
			return run, err
		}
	}
	run.Settled, _, err = store.Memory(p.Pid())
	return run, err
}

func (run *Run) add(plan Plan, res Result, err error) error {
	if err != nil {
		return err
	}
	run.Results = append(run.Results, res)
	run.Peak = max(run.Peak, res.Peak)
	plan.Say(res)
	return nil
}

// sizes of objects, with the connections that each is moved on.
var sizes = []struct {
	name   string
	size   int
	conns  int
	atMost int
}{
	{"1 KiB", 1 << 10, 16, 1 << 30},
	{"64 KiB", 64 << 10, 16, 1 << 30},
	{"1 MiB", 1 << 20, 16, 4000},
	{"64 MiB", 64 << 20, 1, 40},
}

// objects puts and gets objects of each size, and deletes them.
func objects(r *runner, run *Run, plan Plan) error {
	data := newPool()
	for _, s := range sizes {
		name := func(n int) string { return fmt.Sprintf("%s/%s/%06d", bucket, strings.ReplaceAll(s.name, " ", ""), n) }
		put := func(c *wire.Client, n int) (int64, error) {
			_, err := c.Must(&wire.Request{Method: "PUT", Path: name(n), Body: data.body(n, s.size)})
			return int64(s.size), err
		}
		weighed := s.size == sizes[len(sizes)-1].size
		before, err := int64(0), error(nil)
		if weighed {
			if before, err = r.atRest(); err != nil {
				return err
			}
		}
		res, err := r.spread("PUT "+s.name, s.conns, lasting(plan.Span, s.atMost), put)
		if err := run.add(plan, res, err); err != nil {
			return err
		}
		stored := res.Ops
		if weighed {
			after, err := store.Usage(r.p.Dir)
			if err == nil {
				run.PerByte, err = perByte(before, after, res.Bytes)
			}
			if err != nil {
				return err
			}
		}
		get := func(c *wire.Client, n int) (int64, error) {
			resp, err := c.Must(&wire.Request{Method: "GET", Path: name(n * 7919 % stored), Sink: io.Discard})
			if err == nil && resp.Length != int64(s.size) {
				err = fmt.Errorf("%d bytes came back, want %d", resp.Length, s.size)
			}
			return int64(s.size), err
		}
		res, err = r.spread("GET "+s.name, s.conns, lasting(plan.Span, 1<<30), get)
		if err := run.add(plan, res, err); err != nil {
			return err
		}
		if s.size == 1<<20 {
			if err := signed(r, run, plan, data); err != nil {
				return err
			}
		}
		res, err = r.spread("DELETE "+s.name, s.conns, count(stored), func(c *wire.Client, n int) (int64, error) {
			_, err := c.Must(&wire.Request{Method: "DELETE", Path: name(n)})
			return 0, err
		})
		if err := run.add(plan, res, err); err != nil {
			return err
		}
	}
	return nil
}

// atRest is what the store takes on the disk once that stands still: a store may remove what
// was deleted after it has answered.
func (r *runner) atRest() (int64, error) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	return store.AtRest(func() (int64, error) { return store.Usage(r.p.Dir) }, tick.C)
}

// perByte is what each of so many bytes takes on the disk that cannot be compressed. Below 1 the
// disk was measured while it gave something else back; a hundredth is left to logs that shrink.
func perByte(before, after, bytes int64) (float64, error) {
	x := float64(after-before) / float64(bytes)
	if x < 0.99 {
		return 0, fmt.Errorf("a stored byte takes %.3f bytes on the disk, which cannot be: it was not at rest before", x)
	}
	return x, nil
}

// signed puts objects with signed bodies, as clients do that speak plain HTTP.
func signed(r *runner, run *Run, plan Plan, data *pool) error {
	const bodies, size = 64, 1 << 20
	var sums [bodies]string
	for i := range sums {
		sums[i] = hash(data.body(i, size))
	}
	res, err := r.spread("PUT 1 MiB signed", 16, lasting(plan.Span/2, 2000), func(c *wire.Client, n int) (int64, error) {
		_, err := c.Must(&wire.Request{Method: "PUT", Path: fmt.Sprintf("%s/signed/%04d", bucket, n%bodies),
			Body: data.body(n%bodies, size), PayloadHash: sums[n%bodies]})
		return size, err
	})
	return run.add(plan, res, err)
}
