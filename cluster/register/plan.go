package register

import (
	"context"
	"errors"
	"time"

	"rhizome/base/ident"
	"rhizome/cluster/register/core"
)

// planSoon and planLate bound the times between two attempts at what was refused because
// of the layout: who is behind catches up in about a round trip.
const (
	planSoon = 2 * time.Millisecond
	planLate = 200 * time.Millisecond
)

// heed passes on that a node knows a newer layout. Ballots of this node go above floors
// that it hears of: else rows that it creates would be taken for forgotten ones, where its
// clock is slow.
func (c *Coordinator) heed(n ident.NodeID, a any, err error) {
	if x, ok := a.(core.Answer); ok {
		c.observe(x.Floor)
	}
	if c.cfg.Behind == nil {
		return
	}
	if x, ok := a.(core.Answer); ok && x.Refusal == core.OldPlan || oldPlan(err) {
		c.cfg.Behind(n)
	}
}

func oldPlan(err error) bool {
	if err == nil {
		return false
	}
	var plan *PlanError
	return errors.As(err, &plan) && plan.Refusal == core.OldPlan
}

// mismatched reports whether a replica that answered goes by another layout.
func mismatched(a core.Answer) bool { return a.Refusal == core.OldPlan || a.Refusal == core.Behind }

// replan waits before another attempt at what came to nothing under a place, if it may
// have been the layout: somebody said so, or it has changed. ctx has a deadline.
func (c *Coordinator) replan(ctx context.Context, part string, at place, err error, attempt int) bool {
	if !errors.As(err, new(*PlanError)) && c.place(part).term == at.term {
		return false
	}
	return c.planPause(ctx, attempt)
}

func (c *Coordinator) planPause(ctx context.Context, attempt int) bool {
	most := min(planSoon<<min(attempt, 10), planLate)
	t := time.NewTimer(most/2 + c.cfg.Jitter(most/2))
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
