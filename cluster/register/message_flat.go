package register

import "rhizome/base/codec"

// The two messages that every request of a client costs several of name their fields by
// hand. Their bytes are those of codec.Encode.

type flat interface{ flat(*codec.Flat) }

func (m *rowMsg) flat(f *codec.Flat) {
	codec.FlatAlways(f, 1, &m.Term)
	codec.FlatAlways(f, 2, &m.Table)
	f.Bytes(3, &m.Part)
	f.Bytes(4, &m.Sort)
	f.Bytes(5, &m.Ballot)
	f.Bytes(6, &m.Head)
	f.Bytes(7, &m.Blob)
	codec.FlatUint(f, 8, &m.Epoch)
	codec.FlatUint(f, 9, &m.Digest)
	f.Bool(10, &m.Alone)
}

func (m *answerMsg) flat(f *codec.Flat) {
	codec.FlatUint(f, 1, &m.Refusal)
	f.Bytes(2, &m.Ballot)
	f.Bytes(3, &m.Beat)
	f.Bool(4, &m.Never)
	f.Bytes(5, &m.Head)
	f.Bytes(6, &m.Blob)
	f.Bytes(7, &m.Floor)
	codec.FlatUint(f, 8, &m.Fence)
	f.Int(9, &m.Count)
	f.Int(10, &m.Bytes)
	codec.FlatUint(f, 11, &m.Version)
	f.Bool(12, &m.Holds)
	f.Bool(13, &m.Alone)
}

func (m *rowMsg) encode() []byte {
	return encodeFlat(m, 64+len(m.Part)+len(m.Sort)+len(m.Ballot)+len(m.Head)+len(m.Blob))
}

func (m *answerMsg) encode() []byte { return encodeFlat(m, 128+len(m.Head)+len(m.Blob)) }

// decode reads a message; what is none is errs.Invalid. It holds on to raw.
func (m *rowMsg) decode(raw []byte) error {
	if quick(raw, m) {
		return nil
	}
	*m = rowMsg{}
	return decode(raw, m)
}

// decode reads a message; what is none is errs.Invalid. It holds on to raw.
func (m *answerMsg) decode(raw []byte) error {
	if quick(raw, m) {
		return nil
	}
	*m = answerMsg{}
	return decode(raw, m)
}

func encodeFlat(m flat, room int) []byte {
	f := codec.WriteFlat(room)
	m.flat(&f)
	return f.Record()
}

// quick reads a message of the usual form into a zero one, and reports whether it was one.
func quick(raw []byte, m flat) bool {
	f := codec.ReadFlat(raw)
	m.flat(&f)
	return f.Done()
}
