package register

import (
	"testing"
	"time"
)

// TestPauseAfterTheClockWasSet: a machine that started in 1970 and hears the time during a
// change tries again within a second, as any.
func TestPauseAfterTheClockWasSet(t *testing.T) {
	const year = 365 * 24 * time.Hour
	for _, took := range []time.Duration{-56 * year, 0, time.Second, 40 * year, 56 * year} {
		for attempt := range 5 {
			c := &Coordinator{cfg: Config{Jitter: func(most time.Duration) time.Duration {
				if most <= 0 || most > time.Second {
					t.Errorf("after %v, attempt %d: up to %v", took, attempt, most)
				}
				return 0
			}}}
			if err := c.pause(t.Context(), attempt, took); err != nil {
				t.Error(err)
			}
		}
	}
}
