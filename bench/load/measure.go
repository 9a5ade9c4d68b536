package load

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"rhizome/bench/store"
	"rhizome/bench/wire"
)

// Result is what one phase showed.
type Result struct {
	Name    string  `json:"name"`
	Conns   int     `json:"connections"`
	Ops     int     `json:"operations"`
	Bytes   int64   `json:"bytes"`
	Seconds float64 `json:"seconds"`
	Rate    float64 `json:"operations_s"`
	MBs     float64 `json:"mb_s"`
	P50     float64 `json:"p50_ms"`
	P99     float64 `json:"p99_ms"`
	First   float64 `json:"first_ms"`
	Last    float64 `json:"last_ms"`
	CPU     float64 `json:"server_cpu_s"`
	CPUGiB  float64 `json:"server_cpu_s_per_gib"`
	Peak    int64   `json:"server_peak_rss"`
}

// runner runs phases against one store.
type runner struct {
	p      *store.Process   // gets the requests
	others []*store.Process // further homes of the store: their processor time and memory count too
	all    bool             // the others get requests as well, in turn
}

// target is where the ith connection goes.
func (r *runner) target(i int) wire.Target {
	if n := i % (len(r.others) + 1); r.all && n > 0 {
		return r.others[n-1].Target()
	}
	return r.p.Target()
}

// cpu is the processor time of all homes so far, in seconds.
func (r *runner) cpu() (float64, error) {
	sum, err := store.CPU(r.p.Pid())
	for _, p := range r.others {
		more, merr := store.CPU(p.Pid())
		sum, err = sum+more, errors.Join(err, merr)
	}
	return sum, err
}

// op does the nth operation of a phase on a client and returns the bytes that it moved.
type op func(c *wire.Client, n int) (int64, error)

// tally is what one connection saw.
type tally struct {
	times []float64
	bytes int64
	err   error
}

// spread runs an operation on conns connections until stop says of the next number that
// it is not to be done, and measures it.
func (r *runner) spread(name string, conns int, stop func(n int) bool, do op) (Result, error) {
	next := counter(stop)
	tallies := make([]tally, conns)
	before, err := r.cpu()
	if err != nil {
		return Result{}, err
	}
	_ = store.ResetPeak(r.p.Pid()) // without the right to, the peak is that of all phases
	var wg sync.WaitGroup
	began := time.Now()
	for i := range tallies {
		wg.Go(func() { tallies[i].work(&wire.Client{Target: r.target(i)}, next, do) })
	}
	wg.Wait()
	res := Result{Name: name, Conns: conns, Seconds: time.Since(began).Seconds()}
	after, err := r.cpu()
	if err != nil {
		return res, fmt.Errorf("%s: the store is gone: %w\n%s", name, err, r.p.LogTail(2000))
	}
	res.CPU = after - before
	if _, res.Peak, err = store.Memory(r.p.Pid()); err != nil {
		return res, err
	}
	return res, res.sum(tallies)
}

// counter hands out numbers from 0 on until stop says no.
func counter(stop func(int) bool) func() (int, bool) {
	var mu sync.Mutex
	n, ended := 0, false
	return func() (int, bool) {
		mu.Lock()
		defer mu.Unlock()
		if ended = ended || stop(n); ended {
			return 0, false
		}
		n++
		return n - 1, true
	}
}

func (t *tally) work(c *wire.Client, next func() (int, bool), do op) {
	defer c.Close()
	for {
		n, ok := next()
		if !ok || t.err != nil {
			return
		}
		began := time.Now()
		bytes, err := do(c, n)
		t.times = append(t.times, time.Since(began).Seconds()*1000)
		t.bytes += bytes
		t.err = err
	}
}

// sum fills in what the connections saw together.
func (res *Result) sum(tallies []tally) error {
	var times []float64
	var errs []error
	for _, t := range tallies {
		times = append(times, t.times...)
		res.Bytes += t.bytes
		errs = append(errs, t.err)
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("%s: %w", res.Name, err)
	}
	if len(times) == 0 {
		return fmt.Errorf("%s: nothing was done", res.Name)
	}
	res.Ops, res.First, res.Last = len(times), times[0], times[len(times)-1]
	slices.Sort(times)
	res.P50, res.P99 = times[len(times)/2], times[len(times)*99/100]
	res.Rate = float64(res.Ops) / res.Seconds
	res.MBs = float64(res.Bytes) / 1e6 / res.Seconds
	if res.Bytes > 0 {
		res.CPUGiB = res.CPU / (float64(res.Bytes) / (1 << 30))
	}
	return nil
}

// count stops after n operations, lasting after a span of time.
func count(n int) func(int) bool { return func(i int) bool { return i >= n } }

func lasting(span time.Duration, atMost int) func(int) bool {
	var began time.Time
	return func(i int) bool {
		if i == 0 {
			began = time.Now()
		}
		return i >= atMost || i > 0 && time.Since(began) > span
	}
}
