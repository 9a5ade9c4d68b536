package node

import (
	"context"
	"time"
)

// idleAfter is how long no request may have come before the memory of those that did is
// given back to the system.
const idleAfter = time.Minute

// whenIdle calls do once each time that requests came and then none for idleAfter, give
// or take as much, until ctx ends. Garbage is collected rarely, so that what a busy hour
// took would else be kept through a quiet night.
func whenIdle(ctx context.Context, requests *flights, do func()) error {
	tick := time.NewTicker(idleAfter)
	defer tick.Stop()
	var seen, done uint64
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		now, under := requests.begun()
		if now == seen && now != done && under == 0 {
			do()
			done = now
		}
		seen = now
	}
}
