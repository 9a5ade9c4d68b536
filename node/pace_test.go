package node

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// TestWorkGivesWayByItsShare: it waits in proportion to what it took, longer while requests
// are under way, and never so long that it stands still.
func TestWorkGivesWayByItsShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		busy := false
		p := &pace{busy: func() bool { return busy }}
		rested := func(worked time.Duration, late bool) time.Duration {
			<-time.After(worked)
			began := time.Now() // a stopwatch
			if err := p.rest(t.Context(), late); err != nil {
				t.Fatal(err)
			}
			return time.Since(began) // a stopwatch
		}
		if got := rested(time.Millisecond, false); got != longestRest {
			t.Errorf("before its first work it rests %v", got)
		}
		for _, c := range []struct {
			busy, late   bool
			worked, want time.Duration
		}{
			{false, false, 2 * time.Millisecond, 2 * time.Millisecond},
			{true, false, 2 * time.Millisecond, 18 * time.Millisecond},
			{true, false, 20 * time.Millisecond, 180 * time.Millisecond},
			{true, true, 20 * time.Millisecond, 20 * time.Millisecond},
			{true, false, time.Hour, longestRest},
			{false, false, 0, 0},
		} {
			busy = c.busy
			if got := rested(c.worked, c.late); got != c.want {
				t.Errorf("after %v of work it rests %v, want %v (%+v)", c.worked, got, c.want, c)
			}
		}
	})
}

// TestRestEnds: a node that closes does not wait for it.
func TestRestEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := (&pace{busy: func() bool { return true }}).rest(ctx, false); err != context.Canceled {
		t.Error(err)
	}
}
