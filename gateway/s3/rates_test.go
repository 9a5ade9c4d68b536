package s3

import (
	"fmt"
	"testing"
	"time"
)

func TestRates(t *testing.T) {
	var r rates
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	served := func(n int) (yes int) {
		for range n {
			if r.take("a", 10, now) {
				yes++
			}
		}
		return yes
	}
	if n := served(50); n != 10 {
		t.Errorf("%d at once, want a second's worth", n)
	}
	now = now.Add(300 * time.Millisecond)
	if n := served(50); n != 3 {
		t.Errorf("%d after a while, want 3", n)
	}
	now = now.Add(-time.Hour)
	if n := served(50); n != 0 {
		t.Errorf("%d when the clock went back", n)
	}
	now = now.Add(time.Hour)
	if n := served(50); n != 10 {
		t.Errorf("%d after an hour, want a second's worth", n)
	}
	if !r.take("b", 1, now) || r.take("b", 1, now) {
		t.Error("another key is not counted for itself")
	}
	for i := range 2 * maxRated {
		r.take(fmt.Sprint(i), 1, now)
	}
	if len(r.keys) > maxRated {
		t.Errorf("%d keys are counted", len(r.keys))
	}
}
