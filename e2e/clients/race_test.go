package clients

import (
	"fmt"
	"strconv"
	"sync"
	"testing"

	"rhizome/bench/wire"
	"rhizome/e2e/harness"
)

const racers = 50

// together runs f once per racer, each with a connection of its own, all let go at once.
func together(t *testing.T, n *harness.Node, f func(i int, c *wire.Client) error) {
	t.Helper()
	var ready, done sync.WaitGroup
	start := make(chan struct{})
	for i := range racers {
		ready.Add(1)
		done.Go(func() {
			c := &wire.Client{Target: n.Target()}
			defer c.Close()
			_, err := c.Must(&wire.Request{Method: "GET", Path: "/"})
			ready.Done()
			if err != nil {
				t.Error(err)
				return
			}
			<-start
			if err := f(i, c); err != nil {
				t.Errorf("racer %d: %v", i, err)
			}
		})
	}
	ready.Wait()
	close(start)
	done.Wait()
}

// do sends one request on a connection of its own and wants a 2xx answer.
func do(t *testing.T, n *harness.Node, r *wire.Request) *wire.Response {
	t.Helper()
	c := wire.Client{Target: n.Target()}
	defer c.Close()
	resp, err := c.Must(r)
	must(t, err)
	return resp
}

func TestOneCreatorWins(t *testing.T) {
	t.Parallel()
	n := harness.Start(t)
	do(t, n, &wire.Request{Method: "PUT", Path: "/race"})
	for round, size := range []int{10, 10, 40_000, 2 << 20} {
		path := fmt.Sprint("/race/key", round)
		var mu sync.Mutex
		answers := map[int]int{}
		winner := -1
		together(t, n, func(i int, c *wire.Client) error {
			resp, err := c.Do(&wire.Request{Method: "PUT", Path: path, Body: harness.Random(uint64(i), size), Headers: []wire.Header{{Name: "If-None-Match", Value: "*"}}})
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			answers[resp.Status]++
			if resp.Status == 200 {
				winner = i
			}
			return nil
		})
		if answers[200] != 1 || answers[412] != racers-1 {
			t.Fatalf("%d bytes: answers %v, want one 200 and %d times 412", size, answers, racers-1)
		}
		if got := do(t, n, &wire.Request{Method: "GET", Path: path}); string(got.Body) != string(harness.Random(uint64(winner), size)) {
			t.Errorf("%d bytes: the object is not what the winner sent", size)
		}
	}
}

func TestNoIncrementIsLost(t *testing.T) {
	t.Parallel()
	n := harness.Start(t)
	do(t, n, &wire.Request{Method: "PUT", Path: "/race"})
	do(t, n, &wire.Request{Method: "PUT", Path: "/race/counter", Body: []byte("0")})
	together(t, n, func(_ int, c *wire.Client) error {
		for {
			done, err := increment(c)
			if done || err != nil {
				return err
			}
		}
	})
	if got := do(t, n, &wire.Request{Method: "GET", Path: "/race/counter"}); string(got.Body) != strconv.Itoa(racers) {
		t.Errorf("the counter stands at %s after %d increments", got.Body, racers)
	}
}

// increment tries once to add one to the counter; it reports whether it did.
func increment(c *wire.Client) (bool, error) {
	got, err := c.Must(&wire.Request{Method: "GET", Path: "/race/counter"})
	if err != nil {
		return false, err
	}
	count, err := strconv.Atoi(string(got.Body))
	if err != nil {
		return false, err
	}
	put, err := c.Do(&wire.Request{Method: "PUT", Path: "/race/counter", Body: []byte(strconv.Itoa(count + 1)),
		Headers: []wire.Header{{Name: "If-Match", Value: got.Header("etag")}}})
	if err != nil {
		return false, err
	}
	if put.Status == 412 || put.Status == 409 {
		return false, nil
	}
	return true, put.Err()
}
