package register

import (
	"context"

	"rhizome/base/errs"
	"rhizome/cluster/register/core"
)

// Peer is a replica as a coordinator reaches it: a Replica of this process or a link
// to one elsewhere. An error means that no answer came; what was asked may have been
// done all the same. Methods are safe for concurrent use and end when ctx does.
//
// term is that of the row's partition in the layout that the asker works by: see
// layout.Layout.Term. A replica that goes by another says so: by a Refusal where the
// answer has one, else by a PlanError.
type Peer interface {
	Prepare(ctx context.Context, term uint64, row Row, b Ballot) (core.Answer, error)
	Accept(ctx context.Context, term uint64, row Row, r core.Record) (core.Answer, error)
	Read(ctx context.Context, term uint64, row Row) (core.Answer, error)
	// ReadAlone asks one of two replicas for an answer that holds for both. If it cannot
	// give one, core.Answer.Alone is not set.
	ReadAlone(ctx context.Context, term uint64, row Row) (core.Answer, error)
	Scan(ctx context.Context, s Sweep) (core.Section, error)
	Fence(ctx context.Context, term uint64, t Table, part string, epoch uint64) error
	Weight(ctx context.Context, term uint64, t Table, part string) (count, bytes int64, err error)
	Settle(ctx context.Context, term uint64, row Row, digest uint64) error
	Confirm(ctx context.Context, term uint64, row Row, tombstone Ballot) (core.Confirmation, error)
	// Vouch tells one of two replicas of records that the other one holds, durably, for
	// certain, and under the terms given. It tells which of them it holds too: those are
	// in doubt no more. At most maxVouched.
	Vouch(ctx context.Context, of []Vouched) ([]bool, error)
}

// Sweep is the part of a Scan that one replica answers.
type Sweep struct {
	Table     Table
	Parts     []string // in byte order, without repeats
	Terms     []uint64 // of the partition of each of Parts
	Prefix    string
	After     string
	Limit     int
	Delimiter string
	Fence     uint64
	Hidden    bool // hidden rows are asked for too
	// Alone asks for live rows only, and one item for a whole group: this replica is
	// the only one of all Parts.
	Alone bool
	// Single asks one of two replicas of each of Parts for an answer that holds for both:
	// core.Section.Certain.
	Single bool
}

var _ Peer = (*Replica)(nil)

// PlanError says that asker and replica go by different layouts.
type PlanError struct{ Refusal core.Refusal }

func (e *PlanError) Error() string {
	if e.Refusal == core.OldPlan {
		return "a replica knows a newer layout than the one asked under"
	}
	return "a replica does not serve this layout yet"
}

func (e *PlanError) Unwrap() error { return errs.Unavailable }

// refusedPlan is the error of a call made under another layout than this replica's.
func refusedPlan(refusal core.Refusal) error { return &PlanError{refusal} }

// mute is a replica that does not answer.
type mute struct{}

func (mute) Prepare(context.Context, uint64, Row, Ballot) (core.Answer, error) {
	return core.Answer{}, errMute
}
func (mute) Accept(context.Context, uint64, Row, core.Record) (core.Answer, error) {
	return core.Answer{}, errMute
}
func (mute) Read(context.Context, uint64, Row) (core.Answer, error) {
	return core.Answer{}, errMute
}
func (mute) ReadAlone(context.Context, uint64, Row) (core.Answer, error) {
	return core.Answer{}, errMute
}
func (mute) Vouch(context.Context, []Vouched) ([]bool, error)           { return nil, errMute }
func (mute) Scan(context.Context, Sweep) (core.Section, error)          { return core.Section{}, errMute }
func (mute) Fence(context.Context, uint64, Table, string, uint64) error { return errMute }
func (mute) Settle(context.Context, uint64, Row, uint64) error          { return errMute }
func (mute) Weight(context.Context, uint64, Table, string) (int64, int64, error) {
	return 0, 0, errMute
}
func (mute) Confirm(context.Context, uint64, Row, Ballot) (core.Confirmation, error) {
	return core.Confirmation{}, errMute
}
