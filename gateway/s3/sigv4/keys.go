package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"strings"
	"sync"
)

// sumHMAC is HMAC-SHA256 of text under key.
func sumHMAC(key []byte, text string) (out [32]byte) {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	h.Sum(out[:0])
	return out
}

// signingKey derives the key of a scope.
func signingKey(secret string, s Scope) [32]byte {
	k := sumHMAC([]byte("AWS4"+secret), s.Date)
	k = sumHMAC(k[:], s.Region)
	k = sumHMAC(k[:], s.Service)
	return sumHMAC(k[:], terminal)
}

// sign returns the signature of text under a signing key, in hexadecimal.
func sign(key *[32]byte, text []byte) (out [64]byte) {
	h := hmac.New(sha256.New, key[:])
	h.Write(text)
	var sum [32]byte
	hex.Encode(out[:], h.Sum(sum[:0]))
	return out
}

// cacheSize is the number of derived keys in one generation of a cache.
const cacheSize = 512

type cacheKey struct{ accessKey, date, region string }

type cached struct {
	secret string // that the key came from: a changed secret is a miss
	key    [32]byte
}

// keyCache holds up to two generations of derived keys; when the young one is full it
// becomes the old one. Only keys that verified a signature enter, so that nobody
// without a secret can push others out.
type keyCache struct {
	mu         sync.Mutex
	young, old map[cacheKey]cached
}

// get returns the signing key of accessKey in scope, and whether it was cached.
func (c *keyCache) get(accessKey, secret string, s Scope) ([32]byte, bool) {
	k := cacheKey{accessKey, s.Date, s.Region}
	c.mu.Lock()
	e, ok := c.young[k]
	if !ok {
		if e, ok = c.old[k]; ok {
			c.insert(k, e)
		}
	}
	c.mu.Unlock()
	if ok && subtle.ConstantTimeCompare([]byte(e.secret), []byte(secret)) == 1 {
		return e.key, true
	}
	return signingKey(secret, s), false
}

func (c *keyCache) put(accessKey, secret string, s Scope, key [32]byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	// Clones, so that the cache does not keep whole requests alive.
	k := cacheKey{strings.Clone(accessKey), strings.Clone(s.Date), strings.Clone(s.Region)}
	c.insert(k, cached{secret, key})
}

func (c *keyCache) insert(k cacheKey, e cached) {
	if c.young == nil || len(c.young) >= cacheSize {
		c.old, c.young = c.young, make(map[cacheKey]cached)
	}
	c.young[k] = e
}
