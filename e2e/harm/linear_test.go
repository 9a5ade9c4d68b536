package harm

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"rhizome/e2e/harness"
	"rhizome/e2e/wire"
	"rhizome/simtest/history"
)

// TestKilledNodeIsLinearizable: what racing clients see of one node that is killed again
// and again has one order that explains it all, answers that never came included.
func TestKilledNodeIsLinearizable(t *testing.T) {
	t.Parallel()
	rng := seeded(t)
	n := harness.Start(t)
	send(t, client(t, n), "PUT", "/linear", "", nil)
	c := history.Clients{Seed: rng.Uint64(), Ops: 1 << 20, Pause: 2 * time.Millisecond}
	web := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	t.Cleanup(web.CloseIdleConnections)
	store := &counted{Store: wire.NewS3(n.URL(), n.Key.ID, n.Key.Secret, "linear", web)}
	for range 8 {
		c.Stores = append(c.Stores, store)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	seen := make(chan *history.History, 1)
	go func() { seen <- c.Run(ctx) }()
	for lives := 0; lives < often(5) || store.puts.Load() < 30; lives++ {
		<-time.After(time.Duration(rng.IntN(1000)) * time.Millisecond)
		n.Kill()
		must(t, n.UpAt(n.Address))
	}
	stop()
	h := <-seen
	must(t, h.ReadAll(t.Context(), store))
	t.Log("\n" + h.Summary())
	if err := h.Check(time.Minute); err != nil {
		t.Error(err)
	}
}

// counted counts the PUTs that were done: how many come between two kills is chance.
type counted struct {
	history.Store
	puts atomic.Int64
}

func (c *counted) Put(ctx context.Context, key string, body []byte, cond history.Condition) (string, error) {
	etag, err := c.Store.Put(ctx, key, body, cond)
	if err == nil {
		c.puts.Add(1)
	}
	return etag, err
}
