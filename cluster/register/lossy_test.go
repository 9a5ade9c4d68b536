package register

import (
	"context"

	"rhizome/base/errs"
	"rhizome/cluster/register/core"
)

// lossy is a Peer whose answers may get lost after the work was done.
type lossy struct {
	p     Peer
	loss  float64
	draws *draws
}

var errLost = errs.New(errs.Unavailable, "the answer was lost")

func lose[T any](l *lossy, a T, err error) (T, error) {
	if l.draws.chance(l.loss) {
		var none T
		return none, errLost
	}
	return a, err
}

func (l *lossy) Prepare(ctx context.Context, v uint64, row Row, b Ballot) (core.Answer, error) {
	a, err := l.p.Prepare(ctx, v, row, b)
	return lose(l, a, err)
}

func (l *lossy) Accept(ctx context.Context, v uint64, row Row, r core.Record) (core.Answer, error) {
	a, err := l.p.Accept(ctx, v, row, r)
	return lose(l, a, err)
}

func (l *lossy) Read(ctx context.Context, v uint64, row Row) (core.Answer, error) {
	a, err := l.p.Read(ctx, v, row)
	return lose(l, a, err)
}

func (l *lossy) ReadAlone(ctx context.Context, v uint64, row Row) (core.Answer, error) {
	a, err := l.p.ReadAlone(ctx, v, row)
	return lose(l, a, err)
}

func (l *lossy) Vouch(ctx context.Context, of []Vouched) ([]bool, error) {
	a, err := l.p.Vouch(ctx, of)
	return lose(l, a, err)
}

func (l *lossy) Scan(ctx context.Context, s Sweep) (core.Section, error) {
	a, err := l.p.Scan(ctx, s)
	return lose(l, a, err)
}

func (l *lossy) Fence(ctx context.Context, v uint64, t Table, part string, epoch uint64) error {
	_, err := lose(l, 0, l.p.Fence(ctx, v, t, part, epoch))
	return err
}

func (l *lossy) Weight(ctx context.Context, v uint64, t Table, part string) (int64, int64, error) {
	return l.p.Weight(ctx, v, t, part)
}

func (l *lossy) Settle(ctx context.Context, v uint64, row Row, digest uint64) error {
	return l.p.Settle(ctx, v, row, digest)
}

func (l *lossy) Confirm(ctx context.Context, v uint64, row Row, b Ballot) (core.Confirmation, error) {
	a, err := l.p.Confirm(ctx, v, row, b)
	return lose(l, a, err)
}
