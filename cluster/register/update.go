package register

import (
	"context"
	"errors"
	"time"

	"rhizome/base/errs"
	"rhizome/cluster/register/core"
)

// Update is Store's.
func (c *Coordinator) Update(ctx context.Context, row Row, ch Change) (*Value, error) {
	if err := checkRow(row); err != nil {
		return nil, err
	}
	c.changing(ctx, row)
	defer c.changing(ctx, row)
	if ch.Fresh {
		v, err := ch.Apply(nil)
		if err == nil {
			err = c.create(ctx, row, ch, v)
		}
		return v, err
	}
	queued, cancel := c.soon(ctx, c.place(row.Part), time.Now()) // stopwatch
	p, leave, err := c.turn(queued, row)
	cancel()
	if err != nil {
		return nil, err
	}
	defer leave()
	u := c.update(row, ch)
	if p != nil {
		defer p.calls.abandon()
	}
	if p.fits(&ch, u.at) {
		u.begun, u.at, u.used = p, p.at, true
	}
	return u.run(ctx)
}

// Create is Store's.
func (c *Coordinator) Create(ctx context.Context, row Row, ballot Ballot, v *Value) error {
	if err := checkRow(row); err != nil {
		return err
	}
	c.changing(ctx, row)
	defer c.changing(ctx, row)
	return c.create(ctx, row, Change{Ballot: ballot, Apply: func(*Value) (*Value, error) { return v, nil }}, v)
}

// create makes a first attempt that asks for no promises.
func (c *Coordinator) create(ctx context.Context, row Row, ch Change, v *Value) error {
	if err := checkValue(v); err != nil {
		return err
	}
	b := ch.Ballot
	if b.IsZero() {
		b = c.NewBallot()
	}
	ch.Ballot = Ballot{} // spent
	u := c.update(row, ch)
	u.fresh = true
	u.p.Make(b)
	if !c.lacking(u.at) { // else the others are asked first: what one alone accepts is in doubt
		u.p.Create(b, v)
		u.value = v
		if u.accept(ctx); u.p.Phase() == core.Chosen {
			return nil
		}
	}
	_, err := u.run(ctx)
	return err
}

// update is one Change under way.
type update struct {
	c   *Coordinator
	row Row
	Change
	at   place
	p    core.Proposer
	used bool // Change.Ballot was tried
	// begun are the promises of the first attempt, if they were asked for ahead.
	begun *promises
	// fresh: nobody else may have written the row, not even the tombstone of a collector
	// that took this change's coordinator for dead.
	fresh bool

	value  *Value // the outcome once p is Chosen
	refuse error
	failed error // why the last attempt had no majority
}

func (c *Coordinator) update(row Row, ch Change) *update {
	u := &update{c: c, row: row, Change: ch, at: c.place(row.Part)}
	u.p = core.NewProposer(len(u.at.nodes), ch.Epoch)
	return u
}

// run tries until the change is chosen or refused, or time is up.
func (u *update) run(ctx context.Context) (*Value, error) {
	began, started := u.c.cfg.Clock.Now(), time.Now() // stopwatch
	done, err := u.attemptSoon(ctx, started)
	if done || err != nil {
		return u.value, err
	}
	ctx, cancel := u.c.bounded(ctx)
	defer cancel()
	for attempt := 0; ; attempt++ {
		if time.Since(started) >= awayWait && u.c.deserted(u.at) { // stopwatch
			return nil, unavailable(errors.Join(errAway, u.failed))
		}
		if time.Since(started) > pairWait && len(u.at.nodes) == 2 && u.c.silent.any(u.at.nodes) { // stopwatch
			return nil, unavailable(u.failed)
		}
		if hopeless(u.failed) && !u.p.Sent() {
			return nil, u.failed
		}
		if u.p.Sent() {
			attempt = 0 // the longer it waits, the less is known of what it sent
		}
		if err := u.c.pause(ctx, attempt, u.c.cfg.Clock.Now().Sub(began)); err != nil || hopeless(u.failed) {
			return nil, unavailable(errors.Join(u.failed, err))
		}
		u.failed, began = nil, u.c.cfg.Clock.Now()
		u.move()
		if done, err = u.attemptSoon(ctx, started); done || err != nil {
			return u.value, err
		}
	}
}

// move takes up a layout that changed meanwhile.
func (u *update) move() {
	u.at = u.c.place(u.row.Part)
	u.p.Resize(len(u.at.nodes))
}

// attemptSoon is attempt, but not for long where too few replicas are there.
func (u *update) attemptSoon(ctx context.Context, started time.Time) (bool, error) {
	ctx, cancel := u.c.soon(ctx, u.at, started)
	defer cancel()
	return u.attempt(ctx)
}

// attempt makes one attempt under a new ballot.
func (u *update) attempt(ctx context.Context) (done bool, err error) {
	if u.prepare(ctx); u.p.Phase() != core.Deciding {
		u.c.observe(u.p.Beat())
		return false, nil
	}
	if err := u.decide(ctx); err != nil {
		u.value = nil
		return false, err
	}
	if u.p.Phase() == core.Accepting {
		u.accept(ctx)
	}
	if u.p.Phase() != core.Chosen {
		u.c.observe(u.p.Beat())
		return false, nil
	}
	if u.refuse != nil {
		return false, u.refuse
	}
	return true, nil
}

func (u *update) ballot() Ballot {
	if !u.used {
		u.used = true
		if u.Above.Less(u.Ballot) {
			return u.Ballot
		}
	}
	return u.c.ballotAbove(u.p.Beat().Max(u.Above))
}

// prepare collects promises under a new ballot, or those that were asked for ahead.
func (u *update) prepare(ctx context.Context) {
	var err error
	if p := u.begun; p != nil {
		u.begun = nil
		u.p.Start(p.ballot)
		err = p.calls.collect(ctx, take(core.Preparing, u.p.Promised))
	} else {
		u.p.Start(u.ballot())
		err = ask(ctx, u.c, u.at.nodes, prepare(u.at.term, u.row, u.p.Ballot()), take(core.Preparing, u.p.Promised))
	}
	if u.p.Phase() == core.Preparing {
		u.failed = err
	}
}

func (u *update) accept(ctx context.Context) {
	rec, term := u.p.Next(), u.at.term
	at := u.at.nodes
	err := ask(ctx, u.c, at, func(ctx context.Context, i int, p Peer) (core.Answer, error) {
		a, err := p.Accept(ctx, term, u.row, rec)
		if len(at) > 1 && (err != nil || a.Refusal == core.Stale) {
			u.c.missed(at[i], u.row.Part)
		}
		return a, err
	}, take(core.Accepting, u.p.Accepted))
	switch u.p.Phase() {
	case core.Accepting:
		u.failed = err
	case core.Chosen:
		u.c.chosen(ctx, u.at, u.row, rec.Ballot)
	}
}

// take passes answers on until the phase ends.
func take(phase core.Phase, answer func(int, core.Answer) core.Phase) func(int, core.Answer) verdict {
	return func(from int, a core.Answer) verdict {
		if answer(from, a) == phase {
			return wait
		}
		return enough
	}
}

var errClosed = errs.New(errs.Unavailable, "the rows were closed while a change was under way; its outcome is unknown")

// decide computes what to propose. An error ends the update.
func (u *update) decide(ctx context.Context) error {
	u.value, u.refuse = nil, nil
	switch v, value := u.p.Verdict(); v {
	case core.Applied:
		if u.p.Fenced() {
			return errClosed // who closed the rows may have read them without it
		}
		u.value = value
		u.p.Keep(false)
		return nil
	case core.Unknown:
		return errs.New(errs.Unavailable, "whether the change happened is unknown: too many others came after it; look, and try again")
	}
	if u.p.Fenced() {
		if u.p.Sent() {
			return errClosed
		}
		return u.settle()
	}
	return u.propose(ctx)
}

// settle chooses anew what a row holds that is closed to this change, if that is all the change
// wants, and what it holds came through the fence: else a replica that promised more meanwhile
// would never get it.
func (u *update) settle() error {
	base := u.p.Base()
	if u.Epoch != EpochSettle || !u.p.Passes() {
		return ErrFenced
	}
	next, err := u.Apply(base.Value)
	if err != nil || next != base.Value {
		return ErrFenced
	}
	u.value = next
	u.p.Keep(u.always(&base))
	return nil
}

func (u *update) propose(ctx context.Context) error {
	base := u.p.Base()
	if u.fresh && !base.Ballot.IsZero() {
		u.refuse = errs.New(errs.Exists, "the row was written by somebody else")
		u.p.Keep(false)
		return nil
	}
	next, err := u.Apply(base.Value)
	if err == nil && next == base.Value {
		u.value = next
		u.p.Keep(u.always(&base))
		return nil
	}
	if err == nil {
		err = checkValue(next)
	}
	if err == nil && u.Raise != nil && u.p.Ballot() != u.Ballot {
		err = u.Raise(ctx, u.p.Ballot())
	}
	if err != nil {
		// The refusal rests on the base, and on no earlier attempt having happened.
		u.refuse = err
		u.p.Keep(false)
		return nil
	}
	u.value = next
	u.p.Write(next)
	return nil
}

// always reports whether an identity update has to be written whatever the row's
// state.
func (u *update) always(base *core.Record) bool {
	if base.Ballot.IsZero() {
		return u.AbsentToo
	}
	return u.AbsentToo || !u.Above.IsZero()
}
