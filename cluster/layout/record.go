package layout

import (
	"rhizome/base/codec"
	"rhizome/base/errs"
)

// MaxRecord is how long a layout's record can be, in bytes. One of 1,024 partitions
// on 1,000 nodes has about 100 KiB.
const MaxRecord = 16 << 20

// Encode returns the layout's record (base/codec).
func (l *Layout) Encode() []byte { return codec.Encode(l) }

// Decode reads a record and validates it. It fails with errs.Corrupt. Records of
// the first release, without settings and terms, are read as they are.
func Decode(b []byte) (*Layout, error) {
	if len(b) > MaxRecord {
		return nil, errs.Newf(errs.Corrupt, "a layout's record has %d bytes, %d are possible", len(b), MaxRecord)
	}
	l := new(Layout)
	if err := codec.Decode(b, l); err != nil {
		return nil, errs.Newf(errs.Corrupt, "the layout: %w", err)
	}
	return l, l.Validate()
}
