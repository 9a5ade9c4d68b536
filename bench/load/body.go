package load

import (
	"crypto/sha256"
	"encoding/hex"
	"math/rand/v2"
)

// pool is random bytes from which bodies are cut.
type pool struct{ bytes []byte }

const poolSize = 80 << 20

func newPool() *pool {
	p := &pool{bytes: make([]byte, poolSize)}
	_, _ = rand.NewChaCha8([32]byte{1}).Read(p.bytes)
	return p
}

// body returns the nth body of a size: a window of the pool that moves with n.
func (p *pool) body(n, size int) []byte {
	at := n * 4099 % (len(p.bytes) - size)
	return p.bytes[at : at+size]
}

// hash returns the hexadecimal SHA-256 of a body, as a signed request names it.
func hash(body []byte) string {
	h := sha256.Sum256(body)
	return hex.EncodeToString(h[:])
}
