package node

import (
	"testing"
	"time"

	"rhizome/cluster/membership"
)

// TestMoves: the bar begins at nothing, never goes back, and ends; a second move counts
// anew.
func TestMoves(t *testing.T) {
	var m moves
	start := time.Unix(1e9, 0)
	if m.state(membership.Health{}, start) != nil || m.seconds(100) != -1 || m.seconds(0) != 0 {
		t.Fatal("something moves though nothing was begun, or its rate is known")
	}
	m.begin(start, 100, 1e6)
	before := -1.0
	for i, left := range []membership.Health{{Rows: 100}, {Rows: 50, Extents: 3, Bytes: 2e5}, {Extents: 40, Bytes: 4e5, Rate: 1e5}, {Extents: 1, Bytes: 1}} {
		got := m.state(left, start.Add(time.Hour))
		if got == nil || !got.Started.Equal(start) || got.Bytes != 1e6 || got.Partitions != 100 {
			t.Fatalf("%d: %+v", i, got)
		}
		done := 1 - float64(got.BytesLeft)/float64(got.Bytes)
		if done < before || done >= 1 {
			t.Errorf("%d: the bar went from %v to %v", i, before, done)
		}
		before = done
		if i == 2 && got.Seconds != 4 {
			t.Errorf("4e5 bytes at 1e5 a second: %d s", got.Seconds)
		}
	}
	if m.state(membership.Health{}, start) != nil {
		t.Error("it moves though nothing is left")
	}
	later := start.Add(2 * time.Hour)
	if got := m.state(membership.Health{Extents: 2, Bytes: 500}, later); got == nil || !got.Started.Equal(later) || got.Bytes != 500 {
		t.Errorf("a node that mends: %+v", got)
	}
	m.measured(1000)
	m.measured(0)
	if got := m.seconds(60_000); got != 60 {
		t.Errorf("60,000 bytes at 1,000 a second take %d s", got)
	}
}

// TestHistoryHasTimes: layouts that came while a node ran have a time.
func TestHistoryHasTimes(t *testing.T) {
	t.Parallel()
	h := newHomes(t, 0)
	a := h.up("garden")
	h.join(a, "attic")
	h.settled(2)
	history, err := a.History(t.Context())
	if err != nil || len(history) < 3 {
		t.Fatalf("%+v %v", history, err)
	}
	for i, v := range history {
		if v.Time == nil || i > 0 && v.Time.After(*history[i-1].Time) {
			t.Errorf("layout %d came at %v", v.Version, v.Time)
		}
	}
}
