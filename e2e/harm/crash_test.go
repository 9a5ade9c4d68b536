package harm

import (
	"os"
	"sync"
	"testing"
	"time"

	"rhizome/bench/wire"
	"rhizome/e2e/harness"
)

const (
	crashes = 25
	writers = 16
	keys    = 8
)

// each calls f for every writer at once, with a client of its own.
func each(t *testing.T, n *harness.Node, all []*writer, f func(*writer, *wire.Client) error) {
	t.Helper()
	var wg sync.WaitGroup
	for _, w := range all {
		wg.Go(func() {
			if err := f(w, &wire.Client{Target: n.Target()}); err != nil {
				t.Errorf("writer %s %v", w.prefix, err)
			}
		})
	}
	wg.Wait()
}

// TestKilled kills the node at random moments while 16 connections write. After each
// restart every acknowledged object is there whole, and one whose answer never came is
// there whole or not at all.
func TestKilled(t *testing.T) {
	t.Parallel()
	rng := seeded(t)
	n := harness.Start(t)
	send(t, client(t, n), "PUT", crashBucket, "", nil)
	var all []*writer
	for i := range writers {
		all = append(all, newWriter(i, keys, rng.Uint64()))
	}
	for round := range often(crashes) {
		alarm := time.AfterFunc(time.Duration(rng.IntN(1200))*time.Millisecond, func() { _ = n.Signal(os.Kill) })
		each(t, n, all, (*writer).run)
		alarm.Stop()
		n.Restart()
		each(t, n, all, (*writer).verify)
		if t.Failed() {
			t.Fatalf("after crash %d", round+1)
		}
	}
	acked := 0
	for _, w := range all {
		acked += w.acked
	}
	t.Logf("%d acknowledged operations", acked)
	if acked < 10*crashes {
		t.Errorf("only %d operations were acknowledged between %d crashes: nothing was shown", acked, crashes)
	}
	must(t, n.Stop())
	n.Start()
	each(t, n, all, (*writer).verify)
	noOrphans(t, n, soon)
}
