package register

import (
	"bytes"
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
	// healSoon is how long after a change that a replica missed the partition is
	// compared: what is under way has arrived by then.
	healSoon = time.Second
	// healLate bounds the time between two attempts with a node that does not answer.
	healLate = 5 * time.Minute
	// healRarely is how often everything is compared though nothing was missed.
	healRarely = 6 * time.Hour
	// healBatch is of how many partitions the digests are asked for at once.
	healBatch = 128
	// healNodes is with how many nodes rows are compared at once.
	healNodes = 2
	// healers is how many rows are mended side by side with one of them.
	healers = 8
)

// LinkUp says that a node can be reached again: what it missed meanwhile, and what this
// node did, is made up for by Heal.
func (c *Coordinator) LinkUp(n ident.NodeID) {
	c.silent.note(n, false)
	c.heal.link(n)
}

// missed notes that a replica may not have what was chosen.
func (c *Coordinator) missed(n ident.NodeID, part string) {
	if c.cfg.Local == nil || n == c.cfg.Node {
		return
	}
	c.heal.add(n, c.cfg.Layout().Partition(part))
}

// Heal makes the replicas of a row hold the same, where this node is one of them: after
// a change that a replica did not answer, when a link comes up, and rarely else. It
// compares digests, fetches the heads of buckets that differ, and hands over or takes
// what one of both lacks. It runs until ctx ends and returns nil.
func (c *Coordinator) Heal(ctx context.Context) error {
	ctx = rpc.Behind(ctx) // what is compared and mended gives way to what people wait for, and not to itself
	rarely := time.NewTicker(healRarely)
	defer rarely.Stop()
	var running sync.WaitGroup
	defer running.Wait()
	doubts := time.NewTicker(vouchRetry)
	defer doubts.Stop()
	for {
		wait := c.heal.begin(func(n ident.NodeID, partitions map[int]struct{}) {
			running.Go(func() { c.heal.ended(n, partitions, c.healWith(ctx, n, partitions)) })
		})
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			t.Stop()
			return nil
		case <-rarely.C:
			for _, n := range c.cfg.Layout().Nodes {
				c.heal.add(n.ID)
			}
		case <-doubts.C:
			c.healDoubts(ctx)
		case <-c.heal.wake:
		case <-t.C:
		}
		t.Stop()
	}
}

// CompareDoubts has those partitions compared soon of which one of two replicas cannot
// answer alone yet, or not all, without waiting for the next look at them.
func (c *Coordinator) CompareDoubts(ctx context.Context) { c.healDoubts(ctx) }

// healDoubts has those partitions compared in which there are doubts from a while ago.
// Where nothing changed, it looks at no disk.
func (c *Coordinator) healDoubts(ctx context.Context) {
	if c.cfg.Local == nil {
		return
	}
	l := c.cfg.Layout()
	for _, x := range c.cfg.Local.openDoubts(ctx) {
		for _, n := range l.Replicas(x.Partition) {
			if n != c.cfg.Node && l.Term(x.Partition) == x.Term {
				c.heal.add(n, x.Partition)
			}
		}
	}
}

// healWith compares partitions (nil: all) with another replica of the same term and
// mends what differs.
func (c *Coordinator) healWith(ctx context.Context, n ident.NodeID, partitions map[int]struct{}) error {
	if c.cfg.Local == nil || n == c.cfg.Node || c.cfg.Layout().Node(n) == nil {
		return nil
	}
	of, whole := c.shared(n, partitions)
	if len(of) == 0 {
		return whole
	}
	if bytes.Compare(n[:], c.cfg.Node[:]) < 0 {
		slices.Reverse(of) // the other node begins at the other end: they meet half way
	}
	src, err := c.cfg.Local.options.Source(n)
	if err != nil {
		return err
	}
	for batch := range slices.Chunk(of, healBatch) {
		heard, err := c.compare(ctx, src, batch)
		if ctx.Err() != nil || !heard {
			return errors.Join(ctx.Err(), err)
		}
		whole = errors.Join(whole, err, c.askDoubts(ctx, src, batch)) // one partition holds up no others
	}
	return whole
}

// errNotYet says that partitions are still being imported.
var errNotYet = errs.New(errs.Unavailable, "not all rows are here that are to be compared")

// shared returns the terms of those partitions of which both nodes are replicas, and
// that are here whole; if others are to be, it says so.
func (c *Coordinator) shared(n ident.NodeID, partitions map[int]struct{}) (of []Term, err error) {
	if c.cfg.Local.options.Source == nil {
		return nil, nil
	}
	l := c.cfg.Layout()
	for p := range l.Assigned {
		if _, ok := partitions[p]; partitions != nil && !ok {
			continue
		}
		replicas := l.Replicas(p)
		if !slices.Contains(replicas, n) || !slices.Contains(replicas, c.cfg.Node) {
			continue
		}
		if !c.cfg.Local.Serves(p, l.Term(p)) {
			err = errNotYet
			continue
		}
		of = append(of, Term{Partition: p, Term: l.Term(p)})
	}
	return of, err
}

// compare compares partitions. heard says that the other replica answered.
func (c *Coordinator) compare(ctx context.Context, src Source, of []Term) (heard bool, err error) {
	call, cancel := c.limited(ctx)
	defer cancel()
	theirs, err := src.Digests(call, of)
	if err != nil {
		return false, err
	}
	ours, err := c.cfg.Local.Digests(ctx, of)
	if err != nil {
		return true, err
	}
	var failed error
	var agreed []Term
	for k, x := range of {
		before := failed
		failed = nil
		if len(ours[k]) == 0 || len(theirs[k]) == 0 {
			failed = errNotYet
		}
		if err := c.mendBuckets(ctx, src, x, unlike(ours[k], theirs[k])); err != nil {
			failed = err
		}
		if ctx.Err() != nil {
			return true, ctx.Err()
		}
		if failed == nil {
			agreed = append(agreed, x)
			failed = before
		}
	}
	return true, errors.Join(failed, c.cfg.Local.agreed(agreed))
}

// mendRow hands the higher record of two replicas to the other one, as an Accept that
// comes late. Where that promised more meanwhile, the row is settled anew.
func (c *Coordinator) mendRow(ctx context.Context, src Source, term uint64, our, their Head) error {
	var from, to Peer = c.cfg.Local, src
	high, low := our, their
	if high.Ballot.Less(low.Ballot) || high.Ballot == low.Ballot && high.Soft {
		from, to, high, low = to, from, low, high
	}
	call, cancel := c.limited(ctx)
	defer cancel()
	a, err := from.Read(call, term, high.Row)
	if err != nil || a.Refusal != core.None {
		return errors.Join(err, planError(a.Refusal))
	}
	if a.Record.Ballot.IsZero() {
		return nil // forgotten meanwhile
	}
	if a.Record.Value == nil && low.Ballot.IsZero() {
		held, err := to.Confirm(call, term, high.Row, a.Record.Ballot)
		if err != nil || held.Holds {
			return err // it has forgotten it
		}
	}
	above := a.Record.Ballot
	if !a.Soft {
		took, err := to.Accept(call, term, high.Row, a.Record)
		if err != nil || took.Refusal == core.None || mismatched(took) {
			return errors.Join(err, planError(took.Refusal))
		}
		above = above.Max(took.Beat) // else those who promised less would settle it without it
	}
	_, err = c.Update(ctx, high.Row, Change{Epoch: EpochSettle, Above: above,
		Apply: func(old *Value) (*Value, error) { return old, nil }})
	if errors.Is(err, ErrFenced) || errs.KindOf(err) == errs.Conflict {
		err = c.cfg.Local.doubt(term, high.Row) // closed for ever as it is
	}
	return err
}

func planError(r core.Refusal) error {
	if r == core.OldPlan || r == core.Behind {
		return refusedPlan(r)
	}
	return nil
}
