package register

import (
	"context"
	"slices"
	"sync"
	"time"

	"rhizome/base/ident"
	"rhizome/cluster/register/core"
	"rhizome/net/rpc"
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
	ctx = rpc.Behind(ctx)
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
	away := new(absent)
	var from []byte
	for {
		dead, next, young, err := r.Tombstones(ctx, from, now-min(age, now), forgetBatch)
		if err != nil {
			return left, err
		}
		ready := c.allConfirmed(ctx, dead, away)
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

// absent are the nodes that did not answer while tombstones were looked through: what
// they have to confirm stays for another time.
type absent struct {
	mu    sync.Mutex
	nodes map[ident.NodeID]bool
}

func (a *absent) any(nodes []ident.NodeID) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.ContainsFunc(nodes, func(n ident.NodeID) bool { return a.nodes[n] })
}

func (a *absent) add(n ident.NodeID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.nodes == nil {
		a.nodes = make(map[ident.NodeID]bool)
	}
	a.nodes[n] = true
}

// confirmers bounds how many tombstones are asked about side by side.
const confirmers = 16

// allConfirmed returns those of the tombstones that every replica holds.
func (c *Coordinator) allConfirmed(ctx context.Context, dead []Tombstone, away *absent) (ready []Tombstone) {
	if c.alone() {
		return dead
	}
	ok := make([]bool, len(dead))
	turn := make(chan struct{}, confirmers)
	var wg sync.WaitGroup
	for i, d := range dead {
		turn <- struct{}{}
		wg.Go(func() {
			ok[i] = c.confirmed(ctx, d, away)
			<-turn
		})
	}
	wg.Wait()
	for i, d := range dead {
		if ok[i] {
			ready = append(ready, d)
		}
	}
	return ready
}

// confirmed reports whether every replica holds the tombstone.
func (c *Coordinator) confirmed(ctx context.Context, d Tombstone, away *absent) (ok bool) {
	at := c.place(d.Row.Part)
	if at.term != d.Term || away.any(at.nodes) {
		return false
	}
	f := core.NewForgetter(len(at.nodes), at.term)
	_ = ask(ctx, c, at.nodes, func(ctx context.Context, i int, p Peer) (core.Confirmation, error) {
		a, err := p.Confirm(ctx, at.term, d.Row, d.Ballot)
		if err != nil {
			away.add(at.nodes[i])
		} else if !a.Holds {
			c.missed(at.nodes[i], d.Row.Part)
		}
		return a, err
	}, func(from int, a core.Confirmation) verdict {
		if ok = f.Answer(from, a); ok {
			return enough
		}
		return wait
	})
	return ok
}
