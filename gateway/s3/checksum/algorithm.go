// Package checksum owns the digests of S3 bodies: the additional checksums
// x-amz-checksum-*, Content-MD5 and ETags, of whole objects and of objects in parts.
//
// A sum is raw bytes in network order, as hash.Hash.Sum returns it; its text is standard
// base64. Errors are *s3err.Error. Everything but Body is safe for concurrent use.
//
// Source: "Checking object integrity", Amazon S3 User Guide; CRC parameters from the
// CRC RevEng catalogue (CRC-32/ISO-HDLC, CRC-32/ISCSI, CRC-64/NVME);
// the xxHash specification (sums in the canonical, big-endian form).
package checksum

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"hash"
	"hash/crc32"
	"strconv"
	"strings"

	"github.com/cespare/xxhash/v2"
	"github.com/minio/crc64nvme"
	"github.com/zeebo/xxh3"
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
	SHA512
	MD5
	XXHASH64
	XXHASH3
	XXHASH128
	count
)

// facts are what tells the algorithms apart. The table is never changed.
var facts = [count]struct {
	name   string
	header string // canonical
	size   int
}{
	CRC32:     {"CRC32", "X-Amz-Checksum-Crc32", 4},
	CRC32C:    {"CRC32C", "X-Amz-Checksum-Crc32c", 4},
	CRC64NVME: {"CRC64NVME", "X-Amz-Checksum-Crc64nvme", 8},
	SHA1:      {"SHA1", "X-Amz-Checksum-Sha1", sha1.Size},
	SHA256:    {"SHA256", "X-Amz-Checksum-Sha256", sha256.Size},
	SHA512:    {"SHA512", "X-Amz-Checksum-Sha512", sha512.Size},
	MD5:       {"MD5", "X-Amz-Checksum-Md5", md5.Size},
	XXHASH64:  {"XXHASH64", "X-Amz-Checksum-Xxhash64", 8},
	XXHASH3:   {"XXHASH3", "X-Amz-Checksum-Xxhash3", 8},
	XXHASH128: {"XXHASH128", "X-Amz-Checksum-Xxhash128", 16},
}

// ParseAlgorithm reads a name such as "crc32c", in any case.
func ParseAlgorithm(name string) (Algorithm, bool) {
	for a := CRC32; a < count; a++ {
		if strings.EqualFold(name, facts[a].name) {
			return a, true
		}
	}
	return None, false
}

// String returns the name as in XML and x-amz-checksum-algorithm: "CRC32C"; "" for None.
func (a Algorithm) String() string { return facts[a].name }

// Header returns the canonical header name, "X-Amz-Checksum-Crc32c"; "" for None.
func (a Algorithm) Header() string { return facts[a].header }

// Size returns the length of a sum; 0 for None.
func (a Algorithm) Size() int { return facts[a].size }

// New returns a hash of a, nil for None.
func (a Algorithm) New() hash.Hash {
	switch a {
	case CRC32:
		return crc32.NewIEEE()
	case CRC32C:
		return crc32.New(crc32.MakeTable(crc32.Castagnoli))
	case CRC64NVME:
		return crc64nvme.New()
	case SHA1:
		return sha1.New()
	case SHA256:
		return sha256.New()
	case SHA512:
		return sha512.New()
	case MD5:
		return md5.New()
	case XXHASH64:
		return xxhash.New()
	case XXHASH3:
		return xxh3.New()
	case XXHASH128:
		return wide{xxh3.New()}
	}
	return nil
}

// wide is XXH3 with sums of 128 bits.
type wide struct{ *xxh3.Hasher }

// Size implements hash.Hash.
func (wide) Size() int { return 16 }

// Sum implements hash.Hash.
func (w wide) Sum(b []byte) []byte {
	sum := w.Sum128().Bytes()
	return append(b, sum[:]...)
}

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
func (t Type) String() string {
	switch t {
	case FullObject:
		return "FULL_OBJECT"
	case Composite:
		return "COMPOSITE"
	}
	return ""
}

// ParseType reads FULL_OBJECT or COMPOSITE, in any case.
func ParseType(s string) (Type, bool) {
	switch {
	case strings.EqualFold(s, "FULL_OBJECT"):
		return FullObject, true
	case strings.EqualFold(s, "COMPOSITE"):
		return Composite, true
	}
	return Unset, false
}

// Allows reports whether an object in parts may have a checksum of a and type t.
func (a Algorithm) Allows(t Type) bool {
	switch a {
	case CRC32, CRC32C:
		return t == FullObject || t == Composite
	case CRC64NVME:
		return t == FullObject
	case SHA1, SHA256, SHA512, MD5, XXHASH64, XXHASH3, XXHASH128:
		return t == Composite
	}
	return false
}

// Default returns the type that an object in parts has when the client names only a:
// FullObject for CRC64NVME, Unset for None, else Composite.
func (a Algorithm) Default() Type {
	switch a {
	case None:
		return Unset
	case CRC64NVME:
		return FullObject
	}
	return Composite
}

// Encode returns the text of a sum; parts > 0 makes it a composite one, "…-N". No sum is "".
func Encode(sum []byte, parts int) string {
	if len(sum) == 0 {
		return ""
	}
	s := base64.StdEncoding.EncodeToString(sum)
	if parts > 0 {
		s += "-" + strconv.Itoa(parts)
	}
	return s
}

// Decode reads the text of a sum of a. It accepts no "-N".
func (a Algorithm) Decode(s string) ([]byte, bool) {
	if a == None || len(s) != base64.StdEncoding.EncodedLen(a.Size()) {
		return nil, false
	}
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	return b, err == nil && len(b) == a.Size()
}
