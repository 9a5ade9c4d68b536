package node

import (
	"testing"
	"time"

	"rhizome/base/clock"
)

// TestADoubtedClockStaysDoubted: a clock that leapt ends no retention until it ran for a day,
// whatever restarts and windows come meanwhile; one that is put right is believed at once.
func TestADoubtedClockStaysDoubted(t *testing.T) {
	c := config(t)
	now := clock.NewManual(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	c.Clock = now
	var n *Node
	open := func() {
		t.Helper()
		var err error
		if n, err = Open(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	closed := func() {
		t.Helper()
		if err := n.Close(); err != nil {
			t.Fatal(err)
		}
	}
	window := func() { // what a daily window does of it
		t.Helper()
		n.noteTime()
		if err := n.scrubber.Window(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	open()
	defer func() { closed() }()
	if n.leapt() {
		t.Error("a first start doubts its clock")
	}
	window()
	closed()
	now.Advance(29 * day)
	open()
	if n.leapt() {
		t.Error("a month without power makes a doubt")
	}
	window()
	closed()

	now.Advance(1000 * day)
	for range 3 {
		open()
		if !n.leapt() || n.agreed() {
			t.Fatal("a restart ends the doubt")
		}
		window()
		closed()
		now.Advance(time.Hour)
	}

	// What is left of it is noted.
	open()
	n.leap.until = time.Now().Add(time.Minute) // stopwatch
	closed()
	open()
	if left := time.Until(n.leap.until); !n.leapt() || left <= 0 || left > time.Minute { // stopwatch
		t.Errorf("%v are left", left)
	}

	closed()
	now.Advance(-1000 * day)
	open()
	if n.leapt() {
		t.Error("a clock that was put right is doubted")
	}
	closed()
	now.Advance(1000 * day)
	open()
	if !n.leapt() {
		t.Error("the second leap is not seen")
	}
	n.leap.until = time.Now() // stopwatch
	if n.leapt() {
		t.Error("the doubt does not end")
	}
	closed()
	open()
	if n.leapt() {
		t.Error("what was believed is doubted after a restart")
	}
	now.Advance(31 * day)
	if !n.leapt() {
		t.Error("a leap while the node runs is not seen")
	}
}
