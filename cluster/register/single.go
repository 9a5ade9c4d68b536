package register

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/register/core"
	"rhizome/net/rpc"
)

const (
	// singleAfter is how long the second of two replicas may take, after the first has
	// answered, before that one is asked to answer a read alone. Of a replica that failed
	// to answer the last time nothing is awaited.
	singleAfter = 500 * time.Millisecond
	// singleTries is how often a row in doubt is asked for again, some seconds in all: the
	// other replica may come back, or its word be under way.
	singleTries = 16
	// pairWait is how long a change waits for the one of two replicas that does not answer:
	// a restart or a short cut of the line is ridden out, and no more.
	pairWait = 10 * time.Second
)

var errDoubt = errs.New(errs.Unavailable, "one of the row's two replicas is away, and the other one alone cannot tell what the row holds")

// silence is who could not be reached the last time.
type silence struct {
	mu  sync.Mutex
	of  map[ident.NodeID]struct{}
	all map[ident.NodeID]answers
}

// answers is how often a node answered, and when it did so last.
type answers struct {
	count uint64
	last  time.Time
}

func (s *silence) note(n ident.NodeID, silent bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.set(n, silent)
}

// set is note; mu is held.
func (s *silence) set(n ident.NodeID, silent bool) {
	if !silent {
		delete(s.of, n)
		return
	}
	if s.of == nil {
		s.of = make(map[ident.NodeID]struct{})
	}
	s.of[n] = struct{}{}
}

// heard returns how often a node answered so far.
func (s *silence) heard(n ident.NodeID) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all[n].count
}

// ended notes how a call to another node ended, before which heard said so much. An answer
// of any kind says that the node is there, a link that there is not or that broke that it is
// away; so does that nothing came of it, to this call or another, in all the time that a call has. That the
// caller gave up or had less time says neither.
func (s *silence) ended(ctx context.Context, n ident.NodeID, heard uint64, now time.Time, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err == nil || ctx.Err() == nil && !errors.Is(err, rpc.ErrNoAnswer):
		if s.all == nil {
			s.all = make(map[ident.NodeID]answers)
		}
		s.all[n] = answers{s.all[n].count + 1, now}
		s.set(n, false)
	case ctx.Err() == nil, context.Cause(ctx) == errSlow && s.all[n].count == heard:
		s.set(n, true)
	}
}

// answered reports whether a node answered after a time.
func (s *silence) answered(n ident.NodeID, after time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all[n].last.After(after)
}

func (s *silence) any(nodes []ident.NodeID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(nodes, func(n ident.NodeID) bool { _, ok := s.of[n]; return ok })
}

// outdated reports whether some replica goes by a newer layout than this node: then none
// answers for two, for the other one may have been given up.
func outdated(err error) bool {
	var plan *PlanError
	return errors.As(err, &plan) && plan.Refusal == core.OldPlan
}

// await says how long to wait for the second of two replicas: in later attempts, when
// the first one could not answer alone, as long as it takes.
func (c *Coordinator) await(nodes []ident.NodeID, attempt int) verdict {
	switch {
	case c.silent.any(nodes):
		return enough
	case attempt > 0:
		return wait
	}
	return tarry
}

// readSingle asks the one of two replicas that answered, numbered from among the nodes
// of a place, for an answer that holds for both.
func (c *Coordinator) readSingle(ctx context.Context, row Row, at place, from int) (rec core.Record, done bool) {
	ctx, cancel := c.limited(ctx)
	defer cancel()
	a, err := askOne(ctx, c, at.nodes[from], from, func(ctx context.Context, _ int, p Peer) (core.Answer, error) {
		return p.ReadAlone(ctx, at.term, row)
	})
	if err != nil || a.Refusal != core.None || !a.Alone {
		return rec, false
	}
	return a.Record, true
}

// inDoubt waits before another attempt at what one of two replicas alone cannot answer,
// or fails if there were enough.
func (c *Coordinator) inDoubt(ctx context.Context, err error, attempt int) error {
	if attempt < singleTries && c.planPause(ctx, attempt) {
		return nil
	}
	return unavailable(errors.Join(errDoubt, err))
}

// sweepSingle asks those replicas that answered, each for the parts of which it is the
// only one that did, for an answer that holds for both of two. It fails if some part has
// another number of replicas: asked is false, or if anything is in doubt.
func (l *lister) sweepSingle(ctx context.Context, answered []bool, after string, limit int) (s *core.Scanner, asked, ok bool) {
	if !slices.Contains(answered, false) || l.Fence != 0 || slices.ContainsFunc(l.size, func(n int) bool { return n != 2 }) {
		return nil, false, false
	}
	one := *l
	one.nodes, one.covers, one.single = nil, nil, true
	left := make(map[int]bool, len(l.parts))
	for i := range l.parts {
		left[i] = true
	}
	for k, n := range l.nodes {
		var mine []int
		for _, i := range l.covers[k] {
			if answered[k] && left[i] {
				mine = append(mine, i)
				delete(left, i)
			}
		}
		if len(mine) > 0 {
			one.nodes, one.covers = append(one.nodes, n), append(one.covers, mine)
		}
	}
	if len(left) > 0 {
		return nil, false, false
	}
	one.size = slices.Repeat([]int{1}, len(l.parts))
	one.alone = len(one.nodes) == 1
	s, ok, _, _ = one.ask(ctx, after, limit)
	l.short = l.short || one.short
	return s, true, ok && !one.doubt
}
