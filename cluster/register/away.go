package register

import (
	"context"
	"time"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/register/core"
)

const (
	// awayLong is from when on an absence is taken for no restart and no short cut of the
	// line any more.
	awayLong = pairWait
	// awayWait is how long a change waits then for replicas that are away.
	awayWait = time.Second
)

var errAway = errs.New(errs.Unavailable, "too few of the nodes that keep this are there")

// deserted reports whether so many of a place's replicas have been away for long that no
// majority is left. That one is away is no proof: such a change is tried all the same, but
// not for as long. One that answered here meanwhile, however slowly, is not away.
func (c *Coordinator) deserted(at place) bool {
	after := c.cfg.Clock.Now().Add(-awayLong)
	return c.without(at, func(n ident.NodeID) bool { return c.cfg.Away(n) >= awayLong && !c.silent.answered(n, after) })
}

// lacking is deserted, for replicas that have been away for however short.
func (c *Coordinator) lacking(at place) bool {
	return c.without(at, func(n ident.NodeID) bool { return c.cfg.Away(n) > 0 })
}

// without reports whether no majority of a place's replicas is left without those away.
func (c *Coordinator) without(at place, away func(ident.NodeID) bool) bool {
	if c.cfg.Away == nil {
		return false
	}
	there := 0
	for _, n := range at.nodes {
		if n == c.cfg.Node || !away(n) {
			there++
		}
	}
	return there < core.Majority(len(at.nodes))
}

// soon bounds an attempt at what a deserted place is to do.
func (c *Coordinator) soon(ctx context.Context, at place, began time.Time) (context.Context, context.CancelFunc) {
	if !c.deserted(at) {
		return ctx, func() {}
	}
	return context.WithDeadline(ctx, began.Add(awayWait)) // a stopwatch
}
