package register

import (
	"context"
	"errors"
	"slices"
	"sync"

	"rhizome/cluster/register/core"
)

// Read is Store's.
func (c *Coordinator) Read(ctx context.Context, row Row) (*Value, Ballot, error) {
	rec, err := c.read(ctx, row)
	if err != nil {
		return nil, Ballot{}, err
	}
	return rec.Value, rec.Ballot, nil
}

// read returns the row's record: in one round trip where a majority hold the same,
// else after writing the highest back.
func (c *Coordinator) read(ctx context.Context, row Row) (core.Record, error) {
	if err := checkRow(row); err != nil {
		return core.Record{}, err
	}
	for {
		at := c.place(row.Part)
		r := core.NewReader(len(at.nodes))
		rec, done, err := c.readOnce(ctx, row, at, &r)
		if done {
			return rec, nil
		}
		if fence, lag := r.Fence(); lag {
			if err := c.Fence(ctx, row.Table, row.Part, fence); err != nil {
				return rec, err
			}
			continue
		}
		if hopeless(err) {
			return rec, err
		}
		return c.mend(ctx, row, at, &r)
	}
}

func (c *Coordinator) readOnce(ctx context.Context, row Row, at place, r *core.Reader) (rec core.Record, done bool, err error) {
	err = ask(ctx, c, at.nodes, func(ctx context.Context, _ int, p Peer) (core.Answer, error) {
		return p.Read(ctx, at.term, row)
	}, func(from int, a core.Answer) verdict {
		switch rec, done = r.Answer(from, a); {
		case done:
			return enough
		case r.Majority():
			return linger
		}
		return wait
	})
	return rec, done, err
}

// mend settles a row on which replicas differ.
func (c *Coordinator) mend(ctx context.Context, row Row, at place, r *core.Reader) (core.Record, error) {
	u := c.update(row, Change{Epoch: EpochSettle, Apply: func(old *Value) (*Value, error) { return old, nil }})
	u.at = at
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
	at := c.place(part)
	yes := 0
	err := ask(ctx, c, at.nodes, func(ctx context.Context, _ int, p Peer) (struct{}, error) {
		return struct{}{}, p.Fence(ctx, at.term, t, part, epoch)
	}, func(int, struct{}) verdict {
		if yes++; yes >= core.Majority(len(at.nodes)) {
			return enough
		}
		return wait
	})
	return c.most(yes, at, err)
}

// affirmers bounds how many rows one Affirm works on side by side.
const affirmers = 16

// Affirm is Store's. What a single replica accepted is chosen: there, there is
// nothing to do.
func (c *Coordinator) Affirm(ctx context.Context, rows ...Row) error {
	var wg sync.WaitGroup
	errs := make([]error, len(rows))
	turn := make(chan struct{}, affirmers)
	for i, row := range rows {
		if len(c.place(row.Part).nodes) == 1 {
			continue
		}
		turn <- struct{}{}
		wg.Go(func() {
			_, errs[i] = c.Update(ctx, row, Change{Epoch: EpochSettle, AbsentToo: true,
				Apply: func(old *Value) (*Value, error) { return old, nil }})
			<-turn
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (c *Coordinator) most(yes int, at place, err error) error {
	switch {
	case yes >= core.Majority(len(at.nodes)):
		return nil
	case hopeless(err):
		return err
	}
	return unavailable(err)
}

// Weight is Store's: of what a majority say, the sums that most of them give, and
// the largest where they differ.
func (c *Coordinator) Weight(ctx context.Context, t Table, part string) (count, bytes int64, err error) {
	type sums struct{ count, bytes int64 }
	at := c.place(part)
	var heard []sums
	err = ask(ctx, c, at.nodes, func(ctx context.Context, _ int, p Peer) (s sums, err error) {
		s.count, s.bytes, err = p.Weight(ctx, at.term, t, part)
		return s, err
	}, func(_ int, s sums) verdict {
		heard = append(heard, s)
		if len(heard) >= core.Majority(len(at.nodes)) {
			return enough
		}
		return wait
	})
	if err := c.most(len(heard), at, err); err != nil {
		return 0, 0, err
	}
	for _, s := range heard {
		if s.bytes > bytes || s.bytes == bytes && s.count > count {
			count, bytes = s.count, s.bytes
		}
	}
	return count, bytes, nil
}

// Settle is Store's.
func (c *Coordinator) Settle(row Row, v *Value) {
	if checkRow(row) != nil {
		return
	}
	at, dig := c.place(row.Part), digest(v)
	ctx, cancel := context.WithTimeout(context.Background(), c.cfg.CallTimeout)
	defer cancel()
	_ = ask(ctx, c, at.nodes, func(ctx context.Context, _ int, p Peer) (struct{}, error) {
		return struct{}{}, p.Settle(ctx, at.term, row, dig)
	}, func(int, struct{}) verdict { return enough })
}
