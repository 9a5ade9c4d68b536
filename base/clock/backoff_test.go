package clock

import (
	"testing"
	"time"
)

func TestBackoff(t *testing.T) {
	for failures, middle := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 4: 8 * time.Second, 5: 10 * time.Second, 1000: 10 * time.Second} {
		for range 100 {
			if d := Backoff(time.Second, 10*time.Second, failures); d < middle*3/4 || d > middle*5/4 {
				t.Errorf("after %d failures: %v", failures, d)
			}
		}
	}
}
