package register

import (
	"context"
	"errors"

	"rhizome/base/codec"
	"rhizome/base/ident"
	"rhizome/cluster/register/core"
	"rhizome/net/rpc"
)

// Serve lets the members of the rhizome ask a replica. Call it before the links are
// opened.
func Serve(links rpc.Links, r *Replica) {
	s := server{r}
	for m, h := range map[rpc.Method]func(context.Context, Row, *rowMsg) (answerMsg, error){
		methodPrepare: s.prepare, methodAccept: s.accept, methodRead: s.read, methodFence: s.fence,
		methodWeight: s.weight, methodSettle: s.settle, methodConfirm: s.confirm,
	} {
		links.Handle(m, rpc.Members, func(ctx context.Context, from ident.NodeID, raw []byte) ([]byte, error) {
			return s.serveRow(ctx, from, raw, h)
		})
	}
	for m, h := range map[rpc.Method]rpc.Handler{
		methodScan: s.scan, methodExport: s.export, methodImported: s.imported, methodDigests: s.digests, methodHeads: s.heads,
	} {
		links.Handle(m, rpc.Members, h)
	}
}

// server answers the calls of other nodes.
type server struct{ r *Replica }

func (s *server) serveRow(ctx context.Context, from ident.NodeID, raw []byte, h func(context.Context, Row, *rowMsg) (answerMsg, error)) ([]byte, error) {
	var m rowMsg
	if err := decode(raw, &m); err != nil {
		return nil, err
	}
	row, err := m.row()
	if err != nil {
		return nil, err
	}
	a, err := h(ctx, row, &m)
	if a.Refusal, err = s.refusal(from, m.Term, partitionOf(groupOf(slotOf(row.Part))), a.Refusal, err); err != nil {
		return nil, err
	}
	return codec.Encode(a), nil
}

// refusal turns a PlanError into what the answer says. An asker that goes by a newer
// layout is one to learn that from.
func (s *server) refusal(from ident.NodeID, term uint64, partition int, known core.Refusal, err error) (core.Refusal, error) {
	var plan *PlanError
	if errors.As(err, &plan) {
		known, err = plan.Refusal, nil
	}
	if known == core.Behind && s.r.options.Plans != nil && s.r.tenures[groupIn(partition)].Load().Known < term {
		s.r.options.Plans.Behind(from)
	}
	return known, err
}

func (s *server) prepare(ctx context.Context, row Row, m *rowMsg) (answerMsg, error) {
	b, err := unpackBallot(m.Ballot)
	if err != nil {
		return answerMsg{}, err
	}
	a, err := s.r.Prepare(ctx, m.Term, row, b)
	return packAnswer(a), err
}

func (s *server) accept(ctx context.Context, row Row, m *rowMsg) (answerMsg, error) {
	c, err := unpackCell(m.Head, m.Blob, true)
	if err != nil {
		return answerMsg{}, err
	}
	if c.Ballot.IsZero() || c.Soft {
		return answerMsg{}, errMessage("a record to accept")
	}
	a, err := s.r.Accept(ctx, m.Term, row, c.Record)
	return packAnswer(a), err
}

func (s *server) read(ctx context.Context, row Row, m *rowMsg) (answerMsg, error) {
	a, err := s.r.Read(ctx, m.Term, row)
	return packAnswer(a), err
}

func (s *server) fence(ctx context.Context, row Row, m *rowMsg) (answerMsg, error) {
	return answerMsg{}, s.r.Fence(ctx, m.Term, row.Table, row.Part, m.Epoch)
}

func (s *server) weight(ctx context.Context, row Row, m *rowMsg) (a answerMsg, err error) {
	a.Count, a.Bytes, err = s.r.Weight(ctx, m.Term, row.Table, row.Part)
	return a, err
}

func (s *server) settle(ctx context.Context, row Row, m *rowMsg) (answerMsg, error) {
	return answerMsg{}, s.r.Settle(ctx, m.Term, row, m.Digest)
}

func (s *server) confirm(ctx context.Context, row Row, m *rowMsg) (answerMsg, error) {
	b, err := unpackBallot(m.Ballot)
	if err != nil {
		return answerMsg{}, err
	}
	c, err := s.r.Confirm(ctx, m.Term, row, b)
	return answerMsg{Version: c.Version, Holds: c.Holds}, err
}

func (s *server) scan(ctx context.Context, from ident.NodeID, raw []byte) ([]byte, error) {
	sweep, err := received[Sweep, sweepMsg](raw)
	if err != nil {
		return nil, err
	}
	sec, err := s.r.Scan(ctx, sweep)
	refusal := core.None
	for i, part := range sweep.Parts {
		var failed error
		if refusal, failed = s.refusal(from, sweep.Terms[i], partitionOf(groupOf(slotOf(part))), core.None, err); failed != nil {
			return nil, failed
		}
	}
	out := packSection(&sec)
	out.Refusal = refusal
	return codec.Encode(out), nil
}
