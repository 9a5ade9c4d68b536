package register

import (
	"context"

	"rhizome/base/codec"
	"rhizome/base/ident"
	"rhizome/net/rpc"
)

// maxVouched bounds the records of one Vouch.
const maxVouched = 1024

// vouchMsg tells of records that the other replica holds, vouchedMsg answers it.
type vouchMsg struct {
	Of []vouchedRow `cbor:"1,keyasint"`
}

type vouchedRow struct {
	_      struct{} `cbor:",toarray"`
	Row    []byte   // ROW
	Term   uint64
	Ballot []byte
}

type vouchedMsg struct {
	Held []bool `cbor:"1,keyasint,omitempty"`
}

func packVouch(of []Vouched) (m vouchMsg) {
	for _, v := range of {
		m.Of = append(m.Of, vouchedRow{Row: rowKey(headKey, v.Row)[1:], Term: v.Term, Ballot: packBallot(v.Ballot)})
	}
	return m
}

func (m *vouchMsg) unpack() (of []Vouched, err error) {
	if len(m.Of) > maxVouched {
		return nil, errMessage("more records than are vouched for at once")
	}
	for _, x := range m.Of {
		row, err := DecodeKey(append([]byte{headKey}, x.Row...))
		if err != nil {
			return nil, errMessage("a row that is vouched for")
		}
		b, err := unpackBallot(x.Ballot)
		if err != nil || b.IsZero() {
			return nil, errMessage("a ballot that is vouched for")
		}
		of = append(of, Vouched{Row: row, Term: x.Term, Ballot: b})
	}
	return of, nil
}

func (s *server) vouch(ctx context.Context, _ ident.NodeID, raw []byte) ([]byte, error) {
	var m vouchMsg
	if err := decode(raw, &m); err != nil {
		return nil, err
	}
	of, err := m.unpack()
	if err != nil {
		return nil, err
	}
	held, err := s.r.Vouch(ctx, of)
	return codec.Encode(vouchedMsg{held}), err
}

func (r *remote) Vouch(ctx context.Context, of []Vouched) ([]bool, error) {
	var got vouchedMsg
	if err := r.call(ctx, rpc.ClassOf(ctx, rpc.Urgent), methodVouch, packVouch(of), &got); err != nil {
		return nil, err
	}
	if len(got.Held) != len(of) {
		return nil, errMessage("records that were not vouched for")
	}
	return got.Held, nil
}
