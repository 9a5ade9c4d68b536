package kv

import (
	"runtime"
	"sync"
	"testing"
)

// TestBarrierBesideCommits: a Barrier that meets the first commits of a store waits
// for those before it, and for no later one.
func TestBarrierBesideCommits(t *testing.T) {
	for range 20000 {
		b := newBarrier()
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				for range 10 {
					b.end(b.begin())
				}
			})
		}
		wg.Go(func() { runtime.Gosched(); b.wait() })
		wg.Wait()
	}
}

func TestBarrierWaitsForWhatBeganBefore(t *testing.T) {
	b := newBarrier()
	first := b.begin()
	closed := b.close()
	second := b.begin()
	if closed != first || second == first {
		t.Fatal("a commit that began later is in the generation waited for")
	}
	third := b.close()
	b.end(second)
	select {
	case <-third.ended:
		t.Fatal("a generation ended before the one that began first")
	default:
	}
	b.end(first)
	<-closed.ended
	<-third.ended
	if b.close() != nil {
		t.Error("nothing is under way, and there is something to wait for")
	}
	if n := testing.AllocsPerRun(100, b.wait); n != 0 {
		t.Errorf("%v allocations when nothing is under way", n)
	}
}
