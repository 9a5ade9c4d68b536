package decree

import (
	"rhizome/base/codec"
	"rhizome/base/errs"
)

// MaxValue is how long a value can be, in bytes.
const MaxValue = 16 << 20

// Encode returns the Acceptor's record (base/codec).
func (a *Acceptor) Encode() []byte { return codec.Encode(a) }

// DecodeAcceptor reads a record. It fails with errs.Corrupt.
func DecodeAcceptor(b []byte) (*Acceptor, error) {
	a := new(Acceptor)
	if err := codec.Decode(b, a); err != nil {
		return nil, errs.Newf(errs.Corrupt, "a vote: %w", err)
	}
	if a.Promised.Less(a.Accepted) || a.Accepted.IsZero() != (len(a.Value) == 0) || len(a.Value) > MaxValue {
		return nil, errs.New(errs.Corrupt, "a vote contradicts itself")
	}
	return a, nil
}
