package register

import (
	"context"

	"rhizome/base/codec"
	"rhizome/base/ident"
	"rhizome/cluster/register/core"
)

func (s *server) export(ctx context.Context, from ident.NodeID, raw []byte) ([]byte, error) {
	q, err := received[ExportQuery, exportMsg](raw)
	if err != nil {
		return nil, err
	}
	e, err := s.r.Export(ctx, q)
	refusal, err := s.refusal(from, q.Term, q.Partition, core.None, err)
	if err != nil || refusal != core.None {
		return codec.Encode(exportedMsg{Refusal: refusal}), err
	}
	return codec.Encode(packExport(e)), nil
}

func (s *server) imported(ctx context.Context, _ ident.NodeID, raw []byte) ([]byte, error) {
	of, err := received[[]Term, termsMsg](raw)
	if err != nil {
		return nil, err
	}
	done, err := s.r.Imported(ctx, of)
	return codec.Encode(importedMsg{done}), err
}

func (s *server) digests(ctx context.Context, _ ident.NodeID, raw []byte) ([]byte, error) {
	of, err := received[[]Term, termsMsg](raw)
	if err != nil {
		return nil, err
	}
	d, err := s.r.Digests(ctx, of)
	return codec.Encode(digestsMsg{d}), err
}

func (s *server) heads(ctx context.Context, from ident.NodeID, raw []byte) ([]byte, error) {
	q, err := received[HeadsQuery, headsMsg](raw)
	if err != nil {
		return nil, err
	}
	h, err := s.r.Heads(ctx, q)
	refusal, err := s.refusal(from, q.Term, q.Partition, core.None, err)
	if err != nil || refusal != core.None {
		return codec.Encode(headsAnswer{Refusal: refusal}), err
	}
	return codec.Encode(packHeads(h)), nil
}
