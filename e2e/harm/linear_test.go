package harm

import (
	"context"
	"net/http"
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
	store := wire.NewS3(n.URL(), n.Key.ID, n.Key.Secret, "linear", web)
	for range 8 {
		c.Stores = append(c.Stores, store)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	seen := make(chan *history.History, 1)
	go func() { seen <- c.Run(ctx) }()
	for range often(5) {
		<-time.After(time.Duration(rng.IntN(1000)) * time.Millisecond)
		n.Kill()
		must(t, n.UpAt(n.Address))
	}
	stop()
	h := <-seen
	must(t, h.ReadAll(t.Context(), store))
	t.Log("\n" + h.Summary())
	if done := h.Count(history.Put, history.Done); done < 30 {
		t.Errorf("%d PUTs were done: too few to show anything", done)
	}
	if err := h.Check(time.Minute); err != nil {
		t.Error(err)
	}
}
