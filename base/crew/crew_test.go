package crew

import (
	"sync"
	"sync/atomic"
	"testing"
)

func TestAllWorkIsDone(t *testing.T) {
	var c Crew
	var done atomic.Int64
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			for range 200 {
				c.Go(func() { done.Add(1) })
			}
		})
	}
	wg.Wait()
	c.Close()
	if done.Load() != 4000 {
		t.Errorf("%d pieces of work were done", done.Load())
	}
}

// TestSideBySide: no piece of work waits for another.
func TestSideBySide(t *testing.T) {
	var c Crew
	meet := make(chan struct{})
	for range 3 * kept {
		c.Go(func() { <-meet })
	}
	for range 3 * kept {
		meet <- struct{}{}
	}
	c.Close()
	if len(c.idle) != 0 {
		t.Errorf("%d wait for work after Close", len(c.idle))
	}
}
