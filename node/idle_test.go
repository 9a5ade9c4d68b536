package node

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestIdleAndBusyAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var requests flights
		var mu sync.Mutex
		var told []bool
		ended := make(chan error, 1)
		asked := func() uint64 { all, _ := requests.begun(); return all }
		go func() {
			ended <- watchIdle(ctx, asked, requests.any, func(idle bool) {
				mu.Lock()
				defer mu.Unlock()
				told = append(told, idle)
			})
		}()
		after := func(d time.Duration, when string, want ...bool) {
			t.Helper()
			<-time.NewTimer(d).C
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			if !slices.Equal(told, want) {
				t.Fatalf("%s: told %v, want %v", when, told, want)
			}
			told = nil
		}
		after(idleAfter-lookIdle, "soon after the start")
		after(10*idleAfter, "nobody came", true)
		requests.begin()
		after(10*idleAfter, "in a long request", false)
		requests.end()
		after(3*idleAfter, "after it", true)
		requests.begin()
		requests.end()
		after(idleAfter/2, "at a request", false)
		for range 10 {
			requests.begin()
			requests.end()
			after(idleAfter/2, "with a request every half minute")
		}
		after(3*idleAfter, "after those", true)
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
