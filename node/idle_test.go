package node

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestMemoryGoesBackOncePerBusyTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var requests flights
		var calls atomic.Int32
		ended := make(chan error, 1)
		go func() { ended <- whenIdle(ctx, &requests, func() { calls.Add(1) }) }()
		after := func(d time.Duration, want int32, when string) {
			t.Helper()
			<-time.NewTimer(d).C
			synctest.Wait()
			if got := calls.Load(); got != want {
				t.Fatalf("%s: %d calls, want %d", when, got, want)
			}
		}
		after(10*idleAfter, 0, "before any request")
		requests.begin()
		after(10*idleAfter, 0, "in a long request")
		requests.end()
		after(3*idleAfter, 1, "after it")
		after(10*idleAfter, 1, "much later")
		for range 10 {
			requests.begin()
			requests.end()
			after(idleAfter, 1, "with one request a minute")
		}
		after(3*idleAfter, 2, "after those")
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
