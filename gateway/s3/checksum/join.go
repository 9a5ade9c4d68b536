package checksum

import (
	"encoding/binary"
	"hash/crc32"
	"strings"

	"rhizome/gateway/s3/s3err"
)

// Part is one part's sum and length.
type Part struct {
	Sum  []byte
	Size int64
}

// Join returns the sum of an object made of parts: for FullObject by the mathematics of
// CRCs, for Composite by hashing the sums. It fails with InvalidRequest if a does not
// allow t or a part's sum has the wrong length, or there is no part.
func (a Algorithm) Join(t Type, parts []Part) ([]byte, error) {
	if !a.Allows(t) {
		return nil, errPair(a, t)
	}
	if len(parts) == 0 {
		return nil, s3err.Newf(s3err.InvalidRequest, "An object needs at least one part.")
	}
	for i, p := range parts {
		if len(p.Sum) != a.Size() {
			return nil, s3err.Newf(s3err.InvalidRequest,
				"The upload was created using the %s checksum mode. The complete request must include "+
					"the checksum for each part. It was missing for part %d in the request.", strings.ToLower(a.String()), i+1)
		}
	}
	if t == FullObject {
		return a.joinCRC(parts), nil
	}
	h := a.New()
	for _, p := range parts {
		h.Write(p.Sum)
	}
	return h.Sum(nil), nil
}

func errPair(a Algorithm, t Type) error {
	return s3err.Newf(s3err.InvalidRequest, "The %s checksum type cannot be used with the %s checksum algorithm.",
		t, strings.ToLower(a.String()))
}

func (a Algorithm) joinCRC(parts []Part) []byte {
	g := a.field()
	sum := fromBytes(parts[0].Sum)
	size, shift := int64(-1), uint64(0) // parts are mostly of one size: keep its shift
	for _, p := range parts[1:] {
		if p.Size != size {
			size, shift = p.Size, g.shift(p.Size)
		}
		sum = g.multiply(shift, sum) ^ fromBytes(p.Sum)
	}
	return a.toBytes(sum)
}

// field is the ring of polynomials modulo a CRC's, coefficients reflected: the top bit
// is x^0. As a CRC with all-ones start and end is affine, appending n bytes multiplies
// the sum of what came before by x^8n, and the constants cancel.
type field struct {
	poly uint64
	top  uint64
}

func (a Algorithm) field() field {
	switch a {
	case CRC32:
		return field{crc32.IEEE, 1 << 31}
	case CRC32C:
		return field{crc32.Castagnoli, 1 << 31}
	}
	return field{0x9a6c9329ac4bc9b5, 1 << 63}
}

// multiply returns a·b.
func (f field) multiply(a, b uint64) (p uint64) {
	for m := f.top; a != 0; m >>= 1 {
		if a&m != 0 {
			p ^= b
			a ^= m
		}
		b = f.timesX(b)
	}
	return p
}

func (f field) timesX(b uint64) uint64 {
	if b&1 != 0 {
		return b>>1 ^ f.poly
	}
	return b >> 1
}

// shift returns x^8n.
func (f field) shift(n int64) uint64 {
	p, square := f.top, f.top>>8
	for ; n > 0; n >>= 1 {
		if n&1 != 0 {
			p = f.multiply(square, p)
		}
		square = f.multiply(square, square)
	}
	return p
}

func fromBytes(sum []byte) uint64 {
	if len(sum) == 4 {
		return uint64(binary.BigEndian.Uint32(sum))
	}
	return binary.BigEndian.Uint64(sum)
}

func (a Algorithm) toBytes(v uint64) []byte {
	if a.Size() == 4 {
		return binary.BigEndian.AppendUint32(nil, uint32(v))
	}
	return binary.BigEndian.AppendUint64(nil, v)
}
