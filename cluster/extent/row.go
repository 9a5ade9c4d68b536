package extent

import (
	"slices"

	"rhizome/base/codec"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/register"
)

// Extents is the table of this package.
const Extents register.Table = 8

// Row names the extent's row.
func Row(id ident.ID) register.Row { return register.Row{Table: Extents, Part: id.Key()} }

// Ref is one reference to an extent.
type Ref struct {
	// ID is random and used once.
	ID ident.ID
	// Row uses the extent, if it does.
	Row register.Row
	// Ballot is the highest at which the writer may Accept Row.
	Ballot register.Ballot
	// Dying: a collector is deciding about it.
	Dying bool
}

// Piece is what whoever references an extent keeps of it.
type Piece struct {
	Extent ident.ID
	Key    []byte // KeySize bytes, to be wrapped before it is stored
	Length int64  // plain bytes
}

// rowRecord is an extent row's Data.
type rowRecord struct {
	Length int64       `cbor:"1,keyasint"` // plain bytes
	Stored int64       `cbor:"2,keyasint"` // stored bytes of all frames
	Frames int         `cbor:"3,keyasint"`
	Digest []byte      `cbor:"4,keyasint"` // of the frames' lengths and checksums
	Refs   []refRecord `cbor:"5,keyasint"`
}

type refRecord struct {
	ID     []byte          `cbor:"1,keyasint"`
	Table  register.Table  `cbor:"2,keyasint"`
	Part   []byte          `cbor:"3,keyasint"`
	Sort   []byte          `cbor:"4,keyasint,omitempty"`
	Ballot register.Ballot `cbor:"5,keyasint"`
	Dying  bool            `cbor:"6,keyasint,omitempty"`
}

// maxRow keeps a row below what a register may hold; an extent with more references
// is copied instead.
const maxRow = 200 << 10

func (r *refRecord) ref() Ref {
	return Ref{ID: ident.ID(r.ID), Row: register.Row{Table: r.Table, Part: string(r.Part), Sort: string(r.Sort)},
		Ballot: r.Ballot, Dying: r.Dying}
}

func record(r Ref) refRecord {
	return refRecord{r.ID[:], r.Row.Table, []byte(r.Row.Part), []byte(r.Row.Sort), r.Ballot, r.Dying}
}

func (r *rowRecord) value(pending bool) *register.Value {
	return &register.Value{Data: codec.Encode(r), Pending: pending, Count: 1, Bytes: r.Stored}
}

func decodeRow(v *register.Value) (*rowRecord, error) {
	var r rowRecord
	if err := codec.Decode(v.Data, &r); err != nil {
		return nil, err
	}
	if r.Length < 0 || r.Length > MaxLength || r.Stored < 0 {
		return nil, errs.New(errs.Corrupt, "an extent's row is out of bounds")
	}
	for i := range r.Refs {
		if len(r.Refs[i].ID) != len(ident.ID{}) {
			return nil, errs.New(errs.Corrupt, "an extent's row names a reference without identity")
		}
	}
	return &r, nil
}

// find returns the index of a reference, -1 if it is not there.
func (r *rowRecord) find(id ident.ID) int {
	return slices.IndexFunc(r.Refs, func(x refRecord) bool { return ident.ID(x.ID) == id })
}

// edit decodes a copy of the row for Apply to change; nil for an absent row.
func edit(v *register.Value) (*rowRecord, error) {
	if v == nil {
		return nil, nil
	}
	return decodeRow(v)
}
