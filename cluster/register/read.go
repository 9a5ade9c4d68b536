package register

import (
	"context"
	"errors"
	"slices"
	"sync"

	"rhizome/base/errs"
	"rhizome/cluster/register/core"
)

// Read is Store's.
func (c *Coordinator) Read(ctx context.Context, row Row) (*Value, Ballot, error) {
	if k := c.again.find(row, c.cfg.Layout()); k != nil {
		return k.value, k.ballot, nil
	}
	rec, err := c.readOrTake(ctx, row)
	if err != nil {
		return nil, Ballot{}, err
	}
	return rec.Value, rec.Ballot, nil
}

// readOrTake takes a read that was begun ahead, or reads.
func (c *Coordinator) readOrTake(ctx context.Context, row Row) (core.Record, error) {
	if b := c.begunRead(ctx, row); b != nil {
		return b.wait(ctx)
	}
	return c.read(ctx, row)
}

// read returns the row's record: in one round trip where a majority hold the same,
// else after writing the highest back.
func (c *Coordinator) read(ctx context.Context, row Row) (core.Record, error) {
	if err := checkRow(row); err != nil {
		return core.Record{}, err
	}
	s := c.standing(row)
	rec, done, err := c.readAt(ctx, row, 0)
	if err == nil && done {
		c.again.keep(row, rec, s)
	}
	if done || err != nil {
		return rec, err
	}
	ctx, cancel := c.bounded(ctx)
	defer cancel()
	for attempt := 1; ; attempt++ {
		if rec, done, err = c.readAt(ctx, row, attempt); done || err != nil {
			return rec, err
		}
	}
}

// readAt reads under the present layout. It is not done if that has to be done again.
func (c *Coordinator) readAt(ctx context.Context, row Row, attempt int) (core.Record, bool, error) {
	at := c.place(row.Part)
	r := core.NewReader(len(at.nodes))
	rec, done, err := c.readOnce(ctx, row, at, &r, attempt)
	if done {
		return rec, true, nil
	}
	if from, ok := r.Single(); ok && !outdated(err) {
		if rec, done = c.readSingle(ctx, row, at, from); done {
			return rec, true, nil
		}
		if !errors.As(err, new(*PlanError)) && c.place(row.Part).term == at.term {
			return rec, false, c.inDoubt(ctx, err, attempt)
		}
	}
	if fence, lag := r.Fence(); lag {
		return rec, false, c.Fence(ctx, row.Table, row.Part, fence)
	}
	if hopeless(err) {
		return rec, false, err
	}
	if !r.Majority() && ctx.Err() == nil && c.replan(ctx, row.Part, at, err, attempt) {
		return rec, false, nil
	}
	if len(at.nodes) == 2 && r.Silent() && attempt < singleTries && c.planPause(ctx, attempt) {
		return rec, false, nil // one that comes back answers for both; settling the row would take both
	}
	rec, err = c.mend(ctx, row, at, &r)
	return rec, err == nil, err
}

func (c *Coordinator) readOnce(ctx context.Context, row Row, at place, r *core.Reader, attempt int) (rec core.Record, done bool, err error) {
	err = ask(ctx, c, at.nodes, func(ctx context.Context, _ int, p Peer) (core.Answer, error) {
		a, err := p.Read(ctx, at.term, row)
		if err == nil && mismatched(a) {
			err = refusedPlan(a.Refusal)
		}
		return a, err
	}, func(from int, a core.Answer) verdict {
		switch rec, done = r.Answer(from, a); {
		case done:
			return enough
		case r.Majority():
			return linger
		case len(at.nodes) == 2:
			return c.await(at.nodes, attempt)
		}
		return wait
	})
	return rec, done, err
}

// mend settles a row on which replicas differ.
func (c *Coordinator) mend(ctx context.Context, row Row, at place, r *core.Reader) (core.Record, error) {
	u := c.update(row, Change{Epoch: EpochSettle, Apply: func(old *Value) (*Value, error) { return old, nil }})
	u.at, u.p = at, core.NewProposer(len(at.nodes), EpochSettle) // what was heard is of that term
	if best, holders := r.Highest(); r.Majority() && !best.Ballot.IsZero() {
		u.p.WriteBack(best, holders)
		if u.p.Phase() == core.Accepting {
			u.accept(ctx)
		}
		if u.p.Phase() == core.Chosen {
			return best, nil
		}
	}
	if _, err := u.run(ctx); err != nil {
		return core.Record{}, err
	}
	if next := u.p.Next(); !next.Ballot.IsZero() {
		return next, nil
	}
	return u.p.Base(), nil
}

// ReadAll is Store's.
func (c *Coordinator) ReadAll(ctx context.Context, rows ...Row) ([]*Value, error) {
	out := make([]*Value, len(rows))
	fail := make([]error, len(rows))
	one := func(i int) { out[i], _, fail[i] = c.Read(ctx, rows[i]) }
	if c.alone() {
		for i := range rows {
			one(i)
		}
	} else {
		var wg sync.WaitGroup
		for i := range rows {
			wg.Go(func() { one(i) })
		}
		wg.Wait()
	}
	if i := slices.IndexFunc(fail, func(err error) bool { return err != nil }); i >= 0 {
		return nil, fail[i]
	}
	return out, nil
}

// alone reports whether this node's own replica is all there is.
func (c *Coordinator) alone() bool { return c.cfg.Local != nil && len(c.cfg.Layout().Nodes) == 1 }

// Fence is Store's.
func (c *Coordinator) Fence(ctx context.Context, t Table, part string, epoch uint64) error {
	c.closing(ctx, t, part)
	_, err := most(ctx, c, part, func(ctx context.Context, term uint64, p Peer) (struct{}, error) {
		return struct{}{}, p.Fence(ctx, term, t, part, epoch)
	})
	return err
}

// most asks the replicas of a partition key and returns what a majority of them say,
// all of one term; beside an error, what there was.
func most[T any](ctx context.Context, c *Coordinator, part string, call func(context.Context, uint64, Peer) (T, error)) ([]T, error) {
	for attempt := 0; ; attempt++ {
		if attempt == 1 {
			var cancel context.CancelFunc
			ctx, cancel = c.bounded(ctx)
			defer cancel()
		}
		at := c.place(part)
		var heard []T
		err := ask(ctx, c, at.nodes, func(ctx context.Context, _ int, p Peer) (T, error) {
			return call(ctx, at.term, p)
		}, func(_ int, a T) verdict {
			if heard = append(heard, a); len(heard) >= core.Majority(len(at.nodes)) {
				return enough
			}
			return wait
		})
		switch {
		case len(heard) >= core.Majority(len(at.nodes)):
			return heard, nil
		case hopeless(err):
			return nil, err
		case !c.replan(ctx, part, at, err, attempt):
			return heard, unavailable(err)
		}
	}
}

// affirmers bounds how many rows one Affirm works on side by side.
const affirmers = 128

// Affirm is Store's. What a single replica accepted is chosen: there, there is
// nothing to do.
func (c *Coordinator) Affirm(ctx context.Context, rows ...Row) error {
	var wg sync.WaitGroup
	failed := make([]error, len(rows))
	turn := make(chan struct{}, affirmers)
	for i, row := range rows {
		if len(c.place(row.Part).nodes) == 1 {
			continue
		}
		turn <- struct{}{}
		wg.Go(func() {
			_, failed[i] = c.Update(ctx, row, Change{Epoch: EpochSettle, AbsentToo: true,
				Apply: func(old *Value) (*Value, error) { return old, nil }})
			<-turn
		})
	}
	wg.Wait()
	return errors.Join(failed...)
}

// Weight is Store's: of what a majority say, or one of two while the other one is away,
// the sums that most of them give, and the largest where they differ.
func (c *Coordinator) Weight(ctx context.Context, t Table, part string) (count, bytes int64, err error) {
	var w sums
	if b := c.begunWeight(ctx, partID{t, part}); b != nil {
		w, err = b.wait(ctx)
	} else {
		w, err = c.weigh(ctx, t, part)
	}
	return w.count, w.bytes, err
}

type sums struct{ count, bytes int64 }

func (c *Coordinator) weigh(ctx context.Context, t Table, part string) (w sums, err error) {
	heard, err := most(ctx, c, part, func(ctx context.Context, term uint64, p Peer) (s sums, err error) {
		s.count, s.bytes, err = p.Weight(ctx, term, t, part)
		return s, err
	})
	if errs.KindOf(err) == errs.Unavailable && len(heard) == 1 && len(c.place(part).nodes) == 2 {
		err = nil // of two, the one that is there says what it last saw
	}
	for _, s := range heard {
		if s.bytes > w.bytes || s.bytes == w.bytes && s.count > w.count {
			w = s
		}
	}
	return w, err
}

// Settle is Store's.
func (c *Coordinator) Settle(row Row, v *Value) {
	if checkRow(row) != nil {
		return
	}
	at, dig := c.place(row.Part), digest(v)
	settle := func(ctx context.Context, _ int, p Peer) (struct{}, error) {
		return struct{}{}, p.Settle(ctx, at.term, row, dig)
	}
	ctx, cancel := c.limited(context.Background())
	defer cancel()
	if c.cfg.Local != nil && slices.Contains(at.nodes, c.cfg.Node) {
		_ = ask(ctx, c, at.nodes, settle, func(int, struct{}) verdict { return enough })
		return
	}
	launch(ctx, c, at.nodes, settle).abandon() // nobody waits a round trip for a hint
}
