// Package codec encodes every stored or sent record: deterministic CBOR (RFC 8949,
// section 4.2.1) behind one version byte.
//
// Records are structs with `cbor:"N,keyasint"` tags. A field number is never
// reused; a reader ignores numbers it does not know and leaves missing ones zero,
// so neighbouring releases read each other's records. Where that is not enough, because a
// program that does not know a field and writes the record anew would lose what must not be
// lost, the record carries the generation that knows it as its version byte: older programs
// refuse it. Who writes it asks before that all nodes know that generation. Decoding has limits on depth and size, so hostile
// bytes cost no more than their length. Whoever takes text from outside checks that it
// is UTF-8; text that is not is read as it was written, so that its record can be
// replaced and deleted.
package codec

import (
	"github.com/fxamacker/cbor/v2"

	"rhizome/base/errs"
)

// Version is the version byte that Encode writes: of records that every release knows.
// Generation is the highest that this program knows: 2 came with versions, locks and the
// settings of buckets.
const (
	Version    = 1
	Generation = 2 + laterGeneration
)

var (
	enc = must(cbor.CoreDetEncOptions().EncMode())
	dec = must(cbor.DecOptions{
		DupMapKey:        cbor.DupMapKeyEnforcedAPF,
		IndefLength:      cbor.IndefLengthForbidden,
		TagsMd:           cbor.TagsForbidden,
		MaxNestedLevels:  16,
		MaxArrayElements: 1 << 20,
		MaxMapPairs:      1 << 20,
		UTF8:             cbor.UTF8DecodeInvalid, // Encode does not look either: what it wrote must come back
	}.DecMode())
)

func must[M any](m M, err error) M {
	if err != nil {
		panic(err) // the options above are constants
	}
	return m
}

// ErrNewer is what Decode wraps for a record of a generation that this program does not know.
var ErrNewer = errs.New(errs.Corrupt, "it may be of a newer release")

// Encode returns v's record. It panics on a type that CBOR cannot hold, which is a
// bug in the caller.
func Encode(v any) []byte { return EncodeAs(Version, v) }

// EncodeAs is Encode for a record that programs older than a generation are to refuse.
func EncodeAs(generation byte, v any) []byte {
	b, err := enc.Marshal(v)
	if err != nil {
		panic("codec: " + err.Error())
	}
	return append([]byte{generation}, later(b)...)
}

// Newer reports whether a record is of a generation that this program does not know.
func Newer(b []byte) bool { return len(b) > 0 && b[0] > Generation }

// Decode reads a record into v, a pointer. Bytes that are no record, or one of a
// version this program does not know, give errs.Corrupt.
func Decode(b []byte, v any) error {
	if len(b) == 0 {
		return errs.New(errs.Corrupt, "a stored record is empty")
	}
	if b[0] < Version || b[0] > Generation {
		return errs.Newf(errs.Corrupt, "a stored record has format version %d, this program reads versions up to %d: %w", b[0], Generation, ErrNewer)
	}
	if err := dec.Unmarshal(b[1:], v); err != nil {
		return errs.Newf(errs.Corrupt, "a stored record cannot be read: %w", err)
	}
	return nil
}
