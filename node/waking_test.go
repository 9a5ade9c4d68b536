package node

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
)

// TestWorkThatCanWaitWaitsForADisk: it goes on while the node is busy, and while it is idle
// in the daily window alone.
func TestWorkThatCanWaitWaitsForADisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w waking
		ctx, cancel := context.WithCancel(t.Context())
		wait := func() chan error {
			done := make(chan error, 1)
			go func() { done <- w.wait(ctx) }()
			synctest.Wait()
			return done
		}
		if err := <-wait(); err != nil {
			t.Error(err)
		}
		w.set(true)
		asleep := wait()
		if len(asleep) > 0 {
			t.Error("an idle node's disks are woken")
		}
		w.window()
		if err := <-asleep; err != nil {
			t.Error(err)
		}
		asleep = wait()
		if len(asleep) > 0 {
			t.Error("the window is over")
		}
		w.set(false)
		if err := <-asleep; err != nil {
			t.Error(err)
		}
		w.set(true)
		asleep = wait()
		cancel()
		if err := <-asleep; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}
