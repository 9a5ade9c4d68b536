// Package short computes BLAKE3 (the hash of the BLAKE3 paper, section 2) of short texts:
// names of partitions and rows, which are hashed at every request.
//
// The library's own function keeps ten KiB on the stack, which makes every goroutine that
// calls it first grow one. Sum256 is the same function of the same bytes.
package short

import (
	"encoding/binary"
	"math/bits"

	"github.com/zeebo/blake3"
)

const (
	blockSize = 64
	chunkSize = 1024

	chunkStart = 1
	chunkEnd   = 2
	root       = 8
)

var iv = [8]uint32{0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19}

// order is which words of the block each of the seven rounds mixes in.
var order = [7][16]uint8{
	{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
	{2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8},
	{3, 4, 10, 12, 13, 2, 7, 14, 6, 5, 9, 0, 11, 15, 8, 1},
	{10, 7, 12, 9, 14, 3, 13, 15, 4, 0, 11, 2, 5, 8, 1, 6},
	{12, 13, 9, 11, 15, 10, 14, 8, 7, 2, 5, 3, 0, 1, 6, 4},
	{9, 14, 11, 5, 8, 12, 15, 1, 13, 3, 0, 10, 2, 6, 4, 7},
	{11, 15, 5, 0, 1, 9, 8, 6, 14, 10, 2, 12, 3, 4, 7, 13},
}

// Sum256 returns the BLAKE3-256 of b.
func Sum256[T string | []byte](b T) [32]byte {
	if len(b) > chunkSize {
		return blake3.Sum256([]byte(b))
	}
	chain, flags := iv, uint32(chunkStart)
	for len(b) > blockSize {
		chain = compress(&chain, words(b[:blockSize]), blockSize, flags)
		b, flags = b[blockSize:], 0
	}
	chain = compress(&chain, words(b), uint32(len(b)), flags|chunkEnd|root)
	var sum [32]byte
	for i, w := range chain {
		binary.LittleEndian.PutUint32(sum[4*i:], w)
	}
	return sum
}

// words are those of a block, filled up with zeros.
func words[T string | []byte](b T) *[16]uint32 {
	var block [blockSize]byte
	copy(block[:], b)
	m := new([16]uint32)
	for i := range m {
		m[i] = binary.LittleEndian.Uint32(block[4*i:])
	}
	return m
}

// compress is the compression function for the first chunk; of its result the half that
// is a chaining value.
func compress(h *[8]uint32, m *[16]uint32, size, flags uint32) [8]uint32 {
	v0, v1, v2, v3, v4, v5, v6, v7 := h[0], h[1], h[2], h[3], h[4], h[5], h[6], h[7]
	v8, v9, v10, v11, v12, v13, v14, v15 := iv[0], iv[1], iv[2], iv[3], uint32(0), uint32(0), size, flags
	for i := range order {
		s := &order[i]
		v0, v4, v8, v12 = mix(v0, v4, v8, v12, m[s[0]&15], m[s[1]&15])
		v1, v5, v9, v13 = mix(v1, v5, v9, v13, m[s[2]&15], m[s[3]&15])
		v2, v6, v10, v14 = mix(v2, v6, v10, v14, m[s[4]&15], m[s[5]&15])
		v3, v7, v11, v15 = mix(v3, v7, v11, v15, m[s[6]&15], m[s[7]&15])
		v0, v5, v10, v15 = mix(v0, v5, v10, v15, m[s[8]&15], m[s[9]&15])
		v1, v6, v11, v12 = mix(v1, v6, v11, v12, m[s[10]&15], m[s[11]&15])
		v2, v7, v8, v13 = mix(v2, v7, v8, v13, m[s[12]&15], m[s[13]&15])
		v3, v4, v9, v14 = mix(v3, v4, v9, v14, m[s[14]&15], m[s[15]&15])
	}
	return [8]uint32{v0 ^ v8, v1 ^ v9, v2 ^ v10, v3 ^ v11, v4 ^ v12, v5 ^ v13, v6 ^ v14, v7 ^ v15}
}

func mix(a, b, c, d, x, y uint32) (uint32, uint32, uint32, uint32) {
	a += b + x
	d = bits.RotateLeft32(d^a, -16)
	c += d
	b = bits.RotateLeft32(b^c, -12)
	a += b + y
	d = bits.RotateLeft32(d^a, -8)
	c += d
	b = bits.RotateLeft32(b^c, -7)
	return a, b, c, d
}
