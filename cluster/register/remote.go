package register

import (
	"context"
	"errors"

	"rhizome/base/codec"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/register/core"
	"rhizome/net/rpc"
)

// remote is the replica of another node.
type remote struct {
	links rpc.Links
	to    ident.NodeID
}

// Remote returns the replica of another node. It costs nothing until it is asked.
func Remote(links rpc.Links, to ident.NodeID) Source { return &remote{links, to} }

// call asks and reads the answer.
func (r *remote) call(ctx context.Context, class rpc.Class, m rpc.Method, request, answer any) error {
	raw, err := r.links.Call(ctx, r.to, class, m, codec.Encode(request))
	if err != nil {
		return shut(err)
	}
	return decode(raw, answer)
}

// shut says of a node that takes this one for no member that it keeps nothing for it: who
// asks here is denied nothing.
func shut(err error) error {
	if errors.Is(err, errs.Denied) {
		return errs.New(errs.Unavailable, "the nodes that keep this take this one for no member of the rhizome any more")
	}
	return err
}

// ask asks about a row.
func (r *remote) ask(ctx context.Context, m rpc.Method, request *rowMsg) (got answerMsg, err error) {
	raw, err := r.links.Call(ctx, r.to, rpc.ClassOf(ctx, rpc.Urgent), m, request.encode())
	if err == nil {
		err = got.decode(raw)
	}
	return got, shut(err)
}

// answered asks about a row.
func (r *remote) answered(ctx context.Context, m rpc.Method, request rowMsg) (core.Answer, error) {
	got, err := r.ask(ctx, m, &request)
	if err != nil {
		return core.Answer{}, err
	}
	return got.unpack()
}

// told asks for something that can only be refused because of the layout.
func (r *remote) told(ctx context.Context, m rpc.Method, request rowMsg) (answerMsg, error) {
	got, err := r.ask(ctx, m, &request)
	if err == nil && got.Refusal != core.None {
		err = refusedPlan(got.Refusal)
	}
	return got, err
}

func (r *remote) Prepare(ctx context.Context, term uint64, row Row, b Ballot) (core.Answer, error) {
	m := newRowMsg(term, row)
	m.Ballot = packBallot(b)
	return r.answered(ctx, methodPrepare, m)
}

func (r *remote) Accept(ctx context.Context, term uint64, row Row, rec core.Record) (core.Answer, error) {
	m := newRowMsg(term, row)
	m.Head, m.Blob = packCell(&core.Cell{Record: rec, Promised: rec.Ballot})
	return r.answered(ctx, methodAccept, m)
}

func (r *remote) Read(ctx context.Context, term uint64, row Row) (core.Answer, error) {
	return r.answered(ctx, methodRead, newRowMsg(term, row))
}

func (r *remote) ReadAlone(ctx context.Context, term uint64, row Row) (core.Answer, error) {
	m := newRowMsg(term, row)
	m.Alone = true
	return r.answered(ctx, methodRead, m)
}

func (r *remote) Scan(ctx context.Context, s Sweep) (core.Section, error) {
	var got sectionMsg
	if err := r.call(ctx, rpc.ClassOf(ctx, rpc.Urgent), methodScan, packSweep(&s), &got); err != nil {
		return core.Section{}, err
	}
	if got.Refusal != core.None {
		return core.Section{}, refusedPlan(got.Refusal)
	}
	return got.unpack(len(s.Parts))
}

func (r *remote) Fence(ctx context.Context, term uint64, t Table, part string, epoch uint64) error {
	m := newRowMsg(term, Row{Table: t, Part: part})
	m.Epoch = epoch
	_, err := r.told(ctx, methodFence, m)
	return err
}

func (r *remote) Weight(ctx context.Context, term uint64, t Table, part string) (count, bytes int64, err error) {
	got, err := r.told(ctx, methodWeight, newRowMsg(term, Row{Table: t, Part: part}))
	return got.Count, got.Bytes, err
}

func (r *remote) Settle(ctx context.Context, term uint64, row Row, digest uint64) error {
	m := newRowMsg(term, row)
	m.Digest = digest
	_, err := r.told(ctx, methodSettle, m)
	return err
}

func (r *remote) Confirm(ctx context.Context, term uint64, row Row, tombstone Ballot) (core.Confirmation, error) {
	m := newRowMsg(term, row)
	m.Ballot = packBallot(tombstone)
	got, err := r.ask(ctx, methodConfirm, &m)
	return core.Confirmation{Version: got.Version, Holds: got.Holds}, err
}
