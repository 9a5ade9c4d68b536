package register

import (
	"math"

	"rhizome/base/codec"
	"rhizome/cluster/register/core"
)

// The two messages that every request of a client costs several of are written and read
// by hand. Their bytes are those of codec.Encode.

func (m *rowMsg) encode() []byte {
	f := codec.NewFlat(64 + len(m.Part) + len(m.Sort) + len(m.Ballot) + len(m.Head) + len(m.Blob))
	f.Always(1, m.Term)
	f.Always(2, uint64(m.Table))
	f.Bytes(3, m.Part)
	f.Bytes(4, m.Sort)
	f.Bytes(5, m.Ballot)
	f.Bytes(6, m.Head)
	f.Bytes(7, m.Blob)
	f.Uint(8, m.Epoch)
	f.Uint(9, m.Digest)
	f.Bool(10, m.Alone)
	return f.Record()
}

// decode reads a message; what is none is errs.Invalid. It holds on to raw.
func (m *rowMsg) decode(raw []byte) error {
	if m.quick(raw) {
		return nil
	}
	*m = rowMsg{}
	return decode(raw, m)
}

func (m *rowMsg) quick(raw []byte) bool {
	r := codec.ReadFlat(raw)
	for n := r.Next(); n != 0; n = r.Next() {
		switch n {
		case 1:
			m.Term = r.Uint(math.MaxUint64)
		case 2:
			m.Table = Table(r.Uint(math.MaxUint8))
		case 3:
			m.Part = r.Bytes()
		case 4:
			m.Sort = r.Bytes()
		case 5:
			m.Ballot = r.Bytes()
		case 6:
			m.Head = r.Bytes()
		case 7:
			m.Blob = r.Bytes()
		case 8:
			m.Epoch = r.Uint(math.MaxUint64)
		case 9:
			m.Digest = r.Uint(math.MaxUint64)
		case 10:
			m.Alone = r.Bool()
		default:
			r.Unknown()
		}
	}
	return r.Done()
}

func (m *answerMsg) encode() []byte {
	f := codec.NewFlat(128 + len(m.Head) + len(m.Blob))
	f.Uint(1, uint64(m.Refusal))
	f.Bytes(2, m.Ballot)
	f.Bytes(3, m.Beat)
	f.Bool(4, m.Never)
	f.Bytes(5, m.Head)
	f.Bytes(6, m.Blob)
	f.Bytes(7, m.Floor)
	f.Uint(8, m.Fence)
	f.Int(9, m.Count)
	f.Int(10, m.Bytes)
	f.Uint(11, m.Version)
	f.Bool(12, m.Holds)
	f.Bool(13, m.Alone)
	return f.Record()
}

// decode reads a message; what is none is errs.Invalid. It holds on to raw.
func (m *answerMsg) decode(raw []byte) error {
	if m.quick(raw) {
		return nil
	}
	*m = answerMsg{}
	return decode(raw, m)
}

func (m *answerMsg) quick(raw []byte) bool {
	r := codec.ReadFlat(raw)
	for n := r.Next(); n != 0; n = r.Next() {
		switch n {
		case 1:
			m.Refusal = core.Refusal(r.Uint(math.MaxUint8))
		case 2:
			m.Ballot = r.Bytes()
		case 3:
			m.Beat = r.Bytes()
		case 4:
			m.Never = r.Bool()
		case 5:
			m.Head = r.Bytes()
		case 6:
			m.Blob = r.Bytes()
		case 7:
			m.Floor = r.Bytes()
		case 8:
			m.Fence = r.Uint(math.MaxUint64)
		case 9:
			m.Count = r.Int()
		case 10:
			m.Bytes = r.Int()
		case 11:
			m.Version = r.Uint(math.MaxUint64)
		case 12:
			m.Holds = r.Bool()
		case 13:
			m.Alone = r.Bool()
		default:
			r.Unknown()
		}
	}
	return r.Done()
}
