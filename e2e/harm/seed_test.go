package harm

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"rhizome/bench/wire"
	"rhizome/e2e/harness"
)

// seeded returns a source of chance, and says how to get the same again.
func seeded(t *testing.T) *rand.Rand {
	t.Helper()
	seed, err := strconv.ParseUint(os.Getenv("RHIZOME_SEED"), 10, 64)
	if err != nil {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("RHIZOME_SEED=%d plays this run again", seed)
	return rand.New(rand.NewPCG(seed, 1))
}

// often returns n, or a multiple of it in a soak run.
func often(n int) int {
	if os.Getenv("RHIZOME_SOAK") != "" {
		return 8 * n
	}
	return n
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// client returns a client of the node that is closed with the test.
func client(t *testing.T, n *harness.Node) *wire.Client {
	c := &wire.Client{Target: n.Target()}
	t.Cleanup(c.Close)
	return c
}

// send sends a request that must be answered with 2xx.
func send(t *testing.T, c *wire.Client, method, path, query string, body []byte) *wire.Response {
	t.Helper()
	resp, err := c.Must(&wire.Request{Method: method, Path: path, Query: query, Body: body})
	if err != nil {
		t.Fatalf("%s %s?%s: %v", method, path, query, err)
	}
	return resp
}
