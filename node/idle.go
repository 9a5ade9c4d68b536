package node

import (
	"context"
	"time"
)

// idleAfter is how long nothing may have been asked for before a node counts as idle, and
// lookIdle how often that is looked at.
const (
	idleAfter = time.Minute
	lookIdle  = 2 * time.Second
)

// watchIdle calls tell whenever the node becomes idle or busy, give or take lookIdle,
// until ctx ends; it begins busy. activity grows whenever something was asked for, and
// under reports whether something is under way.
//
// While requests come, garbage is collected rarely, because that is fast; what that takes
// would else be kept through a quiet night.
func watchIdle(ctx context.Context, activity func() uint64, under func() bool, tell func(idle bool)) error {
	tick := time.NewTicker(lookIdle)
	defer tick.Stop()
	seen, quiet, idle := activity(), time.Duration(0), false
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		now := activity()
		if now != seen || under() {
			seen, quiet = now, 0
		} else {
			quiet += lookIdle
		}
		if next := quiet >= idleAfter; next != idle {
			idle = next
			tell(idle)
		}
	}
}

// rest gives memory back when the node becomes idle.
func (n *Node) rest(idle bool) {
	n.waking.set(idle)
	if idle {
		n.rows.Rest()
		n.regs.Rest()
		if w := n.webRest.Load(); w != nil {
			(*w).Rest()
		}
	}
	n.config.Idle(idle)
}

// asked counts what was asked of this node: requests, and rows that others changed.
func (n *Node) asked() uint64 {
	all, _ := n.requests.begun()
	return all + n.rows.Changes(rowHeads)
}

// rowHeads is the first byte of the keys whose change says that somebody wrote.
const rowHeads = 'r'
