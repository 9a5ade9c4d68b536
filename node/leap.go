package node

import (
	"context"
	"os"
	"sync"
	"time"

	"rhizome/base/codec"
)

const (
	// farAhead is by how much a clock that nobody confirms may have gone on since the last
	// time that was believed before it is doubted, and doubted for how long.
	farAhead = 30 * day
	doubted  = day
	// timeFile holds a timeRecord. It is no row, for a rebuild of the rows would lose it.
	timeFile = "time"
	// noteDoubt is how often it is noted how much of a doubt is left.
	noteDoubt = time.Hour
)

// timeRecord is what is known of the time over restarts.
type timeRecord struct {
	Sure int64 `cbor:"1,keyasint"`           // Unix seconds: the latest time noted that was believed
	Left int64 `cbor:"2,keyasint,omitempty"` // seconds of running for which the clock is doubted still
}

// leap says until when the clock is doubted.
type leap struct {
	mu    sync.Mutex
	sure  time.Time // zero: no time was believed yet
	until time.Time // by the machine's monotonic clock; zero: no doubt
}

// openTime goes on with what was known of the time before the start, which is at least the
// last daily window.
func (n *Node) openTime() {
	n.onClose(n.closeTime)
	l := &n.leap
	l.sure = n.scrubber.Status().LastWindow
	raw, err := os.ReadFile(n.folder.at(timeFile))
	if os.IsNotExist(err) {
		return
	}
	var r timeRecord
	if err == nil {
		err = codec.Decode(raw, &r)
	}
	if err != nil {
		n.config.Logger.Warn("what was known of the time cannot be read", "error", err)
		return
	}
	l.sure = time.Unix(r.Sure, 0)
	if r.Left > 0 {
		l.until = time.Now().Add(time.Duration(r.Left) * time.Second) // stopwatch
	}
}

// leapt reports whether the clock is far ahead of the last time that was believed. It may be
// right, after a long time without power: after a day of running it is believed, so what goes
// by the time goes a day later. A clock without battery is put right in that time, which ends
// the doubt. A restart does not.
func (n *Node) leapt() bool {
	l := &n.leap
	l.mu.Lock()
	defer l.mu.Unlock()
	now := n.members.Clock().Now()
	switch doubt := !l.until.IsZero(); {
	case l.sure.IsZero() || now.Sub(l.sure) <= farAhead:
		l.until = time.Time{}
		if doubt {
			n.keepTime()
		}
	case !doubt:
		n.config.Logger.Warn("the clock is far ahead of the last time that this node knows: for a day no retention ends and no lifecycle rule is carried out", "last", l.sure)
		l.until = time.Now().Add(doubted) // stopwatch
		n.keepTime()
	case !time.Now().Before(l.until): // stopwatch
		l.sure, l.until = now, time.Time{}
		n.keepTime()
	}
	return !l.until.IsZero()
}

// noteTime notes the time durably if it is believed, else how much is left of the doubt.
func (n *Node) noteTime() {
	sure := n.agreed()
	l := &n.leap
	l.mu.Lock()
	defer l.mu.Unlock()
	if sure {
		l.sure = n.members.Clock().Now()
	}
	n.keepTime()
}

// closeTime notes how much is left of a doubt, so that one ends on a machine, too, that never runs for
// an hour.
func (n *Node) closeTime() error {
	n.leap.mu.Lock()
	defer n.leap.mu.Unlock()
	if !n.leap.until.IsZero() {
		n.keepTime()
	}
	return nil
}

// keepTime writes what is known of the time, durably. If it cannot, a restart knows what was
// written before: an earlier time, or more of the doubt.
func (n *Node) keepTime() {
	l := &n.leap
	if l.sure.IsZero() {
		return
	}
	r := timeRecord{Sure: l.sure.Unix()}
	if !l.until.IsZero() {
		r.Left = max(1, int64(time.Until(l.until)/time.Second)) // stopwatch
	}
	if err := writeDurably(n.folder.at(timeFile), codec.Encode(r)); err != nil {
		n.config.Logger.Warn("the time cannot be noted", "error", err)
	}
}

// watchTime notes while the clock is doubted how much of that is left. Else the daily window
// notes the time, and this wakes no disk.
func (n *Node) watchTime(ctx context.Context) error {
	tick := time.NewTicker(noteDoubt)
	defer tick.Stop()
	for {
		if n.extents.Alone() && n.leapt() {
			n.noteTime()
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
