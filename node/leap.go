package node

import (
	"sync"
	"time"
)

// farAhead is by how much a clock that nobody confirms may have gone on since the last daily
// window before it is doubted, and doubted for how long.
const (
	farAhead = 30 * day
	doubted  = day
)

// leap says until when the clock is doubted.
type leap struct {
	once  sync.Once
	until time.Time // by the machine's own clock; zero: it is not
}

// leapt reports whether the clock was far ahead of the last daily window when the node
// started, which was not long ago. It may be right, after a long time without power: then
// what goes by the time goes a day later. A clock without battery is put right in that time.
func (n *Node) leapt() bool {
	n.leap.once.Do(func() {
		last := n.scrubber.Status().LastWindow
		if !last.IsZero() && n.started.Sub(last) > farAhead {
			n.leap.until = time.Now().Add(doubted) // stopwatch
			n.config.Logger.Warn("the clock is far ahead of the last time that this node knows: for a day no retention ends and no lifecycle rule is carried out", "last", last)
		}
	})
	return time.Now().Before(n.leap.until) // stopwatch
}
