package object_test

import (
	"context"
	"fmt"

	"rhizome/base/errs"
	"rhizome/cluster/register"
	"rhizome/cluster/register/core"
)

// message is one call to a replica. Its caller waits until the schedule decides.
type message struct {
	op    *op // nil: of no operation's context, such as a Settle
	side  *side
	to    int
	kind  string
	row   register.Row
	exec  func() (any, error)
	reply chan reply
	step  int // of the schedule, when it was sent
}

type reply struct {
	value any
	err   error
}

var (
	errLost = errs.New(errs.Unavailable, "the message was lost")
	// errDead ends every call of a side that crashed, when its schedule is over.
	errDead = errs.New(errs.Internal, "this side is dead")
)

func (m *message) String() string {
	who := "-"
	if m.op != nil {
		who = m.op.name
	}
	return fmt.Sprintf("%s/%s %s %s", m.side.name, who, m.kind, rowName(m.row))
}

var tableNames = map[register.Table]string{1: "key", 3: "bucket", 4: "alias", 5: "object", 6: "upload", 7: "part", 8: "extent", 11: "version", 15: "outbox"}

func rowName(r register.Row) string {
	part, sort := r.Part, r.Sort
	if len(part) > 3 && r.Table != 4 {
		part = fmt.Sprintf("%x", part[:3])
	}
	if len(sort) > 2 && r.Table != 5 && r.Table != 6 {
		sort = fmt.Sprintf("%x", sort[:2])
	}
	if len(sort) > 8 {
		sort = sort[:8]
	}
	return fmt.Sprintf("%s %q %q", tableNames[r.Table], part, sort)
}

// link is a replica as one side reaches it: every call is a scheduling point.
type link struct {
	side *side
	to   int
	rep  *register.Replica
}

func call[T any](ctx context.Context, l *link, kind string, row register.Row, f func(context.Context) (T, error)) (T, error) {
	var none T
	if l.side.over.Load() {
		return none, errDead
	}
	o, _ := ctx.Value(opKey{}).(*op)
	m := &message{op: o, side: l.side, to: l.to, kind: fmt.Sprintf("%s>%d", kind, l.to), row: row, reply: make(chan reply, 1),
		exec: func() (any, error) { return f(context.Background()) }}
	l.side.run.post(m)
	select {
	case r := <-m.reply:
		if r.err != nil {
			return none, r.err
		}
		return r.value.(T), nil
	case <-ctx.Done():
		l.side.run.abandon(m)
		return none, errs.Newf(errs.Unavailable, "the caller gave up: %w", ctx.Err())
	case <-l.side.ended:
		return none, errDead
	}
}

func (l *link) Prepare(ctx context.Context, v uint64, row register.Row, b register.Ballot) (core.Answer, error) {
	return call(ctx, l, "Prepare", row, func(ctx context.Context) (core.Answer, error) { return l.rep.Prepare(ctx, v, row, b) })
}

func (l *link) Accept(ctx context.Context, v uint64, row register.Row, r core.Record) (core.Answer, error) {
	return call(ctx, l, "Accept", row, func(ctx context.Context) (core.Answer, error) { return l.rep.Accept(ctx, v, row, r) })
}

func (l *link) Read(ctx context.Context, v uint64, row register.Row) (core.Answer, error) {
	return call(ctx, l, "Read", row, func(ctx context.Context) (core.Answer, error) { return l.rep.Read(ctx, v, row) })
}

func (l *link) ReadAlone(ctx context.Context, v uint64, row register.Row) (core.Answer, error) {
	return call(ctx, l, "ReadAlone", row, func(ctx context.Context) (core.Answer, error) { return l.rep.ReadAlone(ctx, v, row) })
}

func (l *link) Vouch(ctx context.Context, of []register.Vouched) ([]bool, error) {
	return call(ctx, l, "Vouch", register.Row{}, func(ctx context.Context) ([]bool, error) { return l.rep.Vouch(ctx, of) })
}

func (l *link) Scan(ctx context.Context, s register.Sweep) (core.Section, error) {
	return call(ctx, l, "Scan", register.Row{Table: s.Table}, func(ctx context.Context) (core.Section, error) { return l.rep.Scan(ctx, s) })
}

func (l *link) Fence(ctx context.Context, v uint64, t register.Table, part string, epoch uint64) error {
	_, err := call(ctx, l, "Fence", register.Row{Table: t, Part: part}, func(ctx context.Context) (int, error) { return 0, l.rep.Fence(ctx, v, t, part, epoch) })
	return err
}

func (l *link) Weight(ctx context.Context, v uint64, t register.Table, part string) (int64, int64, error) {
	return l.rep.Weight(ctx, v, t, part)
}

func (l *link) Settle(ctx context.Context, v uint64, row register.Row, digest uint64) error {
	_, err := call(ctx, l, "Settle", row, func(ctx context.Context) (int, error) { return 0, l.rep.Settle(ctx, v, row, digest) })
	return err
}

func (l *link) Confirm(ctx context.Context, v uint64, row register.Row, b register.Ballot) (core.Confirmation, error) {
	return call(ctx, l, "Confirm", row, func(ctx context.Context) (core.Confirmation, error) { return l.rep.Confirm(ctx, v, row, b) })
}
