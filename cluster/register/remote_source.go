package register

import (
	"context"

	"rhizome/cluster/register/core"
	"rhizome/net/rpc"
)

func (r *remote) Export(ctx context.Context, q ExportQuery) (*Export, error) {
	class := rpc.Background
	if q.Touch {
		class = rpc.ClassOf(ctx, rpc.Urgent)
	}
	m := exportMsg{Partition: q.Partition, Term: q.Term, From: q.From, Begin: q.Begin, End: q.End, Limit: q.Limit, Fences: q.Fences}
	var got exportedMsg
	if err := r.call(ctx, class, methodExport, m, &got); err != nil {
		return nil, err
	}
	if got.Refusal != core.None {
		return nil, refusedPlan(got.Refusal)
	}
	return got.unpack(&q)
}

func (r *remote) Imported(ctx context.Context, of []Term) ([]bool, error) {
	var got importedMsg
	if err := r.call(ctx, rpc.Control, methodImported, termsMsg{of}, &got); err != nil {
		return nil, err
	}
	if len(got.Done) != len(of) {
		return nil, errMessage("partitions that were not asked for")
	}
	return got.Done, nil
}

func (r *remote) Digests(ctx context.Context, of []Term) ([][]uint64, error) {
	var got digestsMsg
	if err := r.call(ctx, rpc.Background, methodDigests, termsMsg{of}, &got); err != nil {
		return nil, err
	}
	return got.unpack(len(of))
}

func (r *remote) Heads(ctx context.Context, q HeadsQuery) (*Heads, error) {
	m := headsMsg(q)
	var got headsAnswer
	if err := r.call(ctx, rpc.Background, methodHeads, m, &got); err != nil {
		return nil, err
	}
	if got.Refusal != core.None {
		return nil, refusedPlan(got.Refusal)
	}
	return got.unpack(&q)
}
