package store

import (
	"testing"
	"time"
)

// TestAtRest waits while files go that were deleted, be it with pauses, and not for ever.
func TestAtRest(t *testing.T) {
	ticks := make(chan time.Time)
	close(ticks)
	looks := 0
	falling := func() (int64, error) {
		looks++
		return 1<<30 - int64(min(looks/5, 20))<<25, nil
	}
	if got, err := AtRest(falling, ticks); err != nil || got != 1<<30-20<<25 {
		t.Errorf("at rest at %d bytes: %v", got, err)
	}
	always := func() (int64, error) {
		looks++
		return int64(looks) << 20, nil
	}
	if _, err := AtRest(always, ticks); err == nil {
		t.Error("what changes for ever is at rest")
	}
}
