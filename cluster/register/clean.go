package register

import (
	"context"
	"time"

	"rhizome/cluster/register/core"
)

const (
	// forgetAge is how old a tombstone is, in rounds, before it is forgotten: changes
	// under way have ballots above it by then and do not meet the floor.
	forgetAge   = 60 * 1_000_000
	forgetBatch = 1000
)

// Run forgets this node's tombstones, a minute or so after there are any, until ctx
// ends. A node without deletions does nothing. It returns nil.
func (c *Coordinator) Run(ctx context.Context) error {
	r := c.cfg.Local
	if r == nil {
		<-ctx.Done()
		return nil
	}
	seen := int64(-1) // whatever the store holds from before
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(forgetAge * time.Microsecond):
		}
		// A deletion is forgotten in the second pass after it at the latest.
		if now := r.tombs.Load(); now != seen {
			left, err := c.Forget(ctx, forgetAge)
			if err == nil && left == 0 {
				seen = now
			}
		}
	}
}

// Forget goes once through the tombstones of this node's replica and drops those
// that are older than age, in rounds, and that all replicas hold. It returns how
// many were left for another time.
func (c *Coordinator) Forget(ctx context.Context, age uint64) (left int, err error) {
	r := c.cfg.Local
	now := c.NewBallot().Round
	var from []byte
	for {
		dead, next, young, err := r.Tombstones(ctx, from, now-min(age, now), forgetBatch)
		if err != nil {
			return left, err
		}
		ready := dead[:0:0]
		for _, d := range dead {
			if c.confirmed(ctx, d) {
				ready = append(ready, d)
			}
		}
		left += young + len(dead) - len(ready)
		if err := r.Forget(ctx, ready); err != nil {
			return left, err
		}
		if next == nil {
			return left, nil
		}
		from = next
	}
}

// confirmed reports whether every replica holds the tombstone.
func (c *Coordinator) confirmed(ctx context.Context, d Tombstone) (ok bool) {
	at := c.place(d.Row.Part)
	if at.term != d.Term {
		return false
	}
	f := core.NewForgetter(len(at.nodes), at.term)
	_ = ask(ctx, c, at.nodes, func(ctx context.Context, _ int, p Peer) (core.Confirmation, error) {
		return p.Confirm(ctx, at.term, d.Row, d.Ballot)
	}, func(from int, a core.Confirmation) verdict {
		if ok = f.Answer(from, a); ok {
			return enough
		}
		return wait
	})
	return ok
}
