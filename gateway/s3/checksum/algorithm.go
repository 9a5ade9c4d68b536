// Package checksum owns the digests of S3 bodies: the additional checksums
// x-amz-checksum-*, Content-MD5 and ETags, of whole objects and of objects in parts.
//
// A sum is raw bytes in network order, as hash.Hash.Sum returns it; its text is standard
// base64. Errors are *s3err.Error. Everything but Body is safe for concurrent use.
//
// Source: "Checking object integrity", Amazon S3 User Guide; CRC parameters from the
// CRC RevEng catalogue (CRC-32/ISO-HDLC, CRC-32/ISCSI, CRC-64/NVME).
package checksum

import (
	"hash"

	"rhizome/gateway/s3/s3err"
)

// Algorithm is one of the additional checksums.
type Algorithm uint8

// The algorithms.
const (
	None Algorithm = iota
	CRC32
	CRC32C
	CRC64NVME
	SHA1
	SHA256
)

// Type says what the checksum of an object in parts is taken over.
type Type uint8

// The types.
const (
	// Unset: the client did not say.
	Unset Type = iota
	// FullObject: over all bytes.
	FullObject
	// Composite: over the sums of the parts.
	Composite
)

// String returns FULL_OBJECT, COMPOSITE or "".
func (t Type) String() string { return "" }

// ParseAlgorithm reads a name such as "crc32c", in any case.
func ParseAlgorithm(name string) (Algorithm, bool) { return None, false }

// ParseType reads FULL_OBJECT or COMPOSITE.
func ParseType(s string) (Type, bool) { return Unset, false }

// String returns the name as in XML and x-amz-checksum-algorithm: "CRC32C"; "" for None.
func (a Algorithm) String() string { return "" }

// Header returns the canonical header name, "X-Amz-Checksum-Crc32c".
func (a Algorithm) Header() string { return "" }

// Size returns the length of a sum.
func (a Algorithm) Size() int { return 0 }

// New returns a hash of a.
func (a Algorithm) New() hash.Hash { return nil }

// Allows reports whether an object in parts may have a checksum of a and type t.
func (a Algorithm) Allows(t Type) bool { return false }

// Default returns the type that an object in parts has when the client names only a:
// FullObject for CRC64NVME, else Composite.
func (a Algorithm) Default() Type { return Unset }

// Encode returns the text of a sum; parts > 0 makes it a composite one, "…-N".
func Encode(sum []byte, parts int) string { return "" }

// Decode reads the text of a sum of a. It accepts no "-N".
func (a Algorithm) Decode(s string) ([]byte, bool) { return nil, false }

// Part is one part's sum and length.
type Part struct {
	Sum  []byte
	Size int64
}

// Join returns the sum of an object made of parts: for FullObject by the mathematics of
// CRCs, for Composite by hashing the sums. It fails with InvalidRequest if a does not
// allow t or a part's sum has the wrong length.
func (a Algorithm) Join(t Type, parts []Part) ([]byte, error) {
	return nil, s3err.New(s3err.NotImplemented)
}

// Combine returns the CRC of the concatenation of two pieces from theirs; size2 is the length of the
// second. It panics for algorithms that are no CRC.
func (a Algorithm) Combine(sum1, sum2 []byte, size2 int64) []byte { return nil }
