package ident

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"

	"rhizome/base/errs"
)

// Secret is a 256-bit key.
type Secret [32]byte

// NewSecret returns a fresh random key.
func NewSecret() Secret {
	var s Secret
	_, _ = rand.Read(s[:])
	return s
}

// Derive returns the key for one purpose: HMAC-SHA-256 of the purpose and the
// context under s. Different purposes and contexts give unrelated keys.
func (s *Secret) Derive(purpose string, context []byte) Secret {
	m := hmac.New(sha256.New, s[:])
	_, _ = m.Write([]byte(purpose))
	_, _ = m.Write([]byte{0})
	_, _ = m.Write(context)
	var out Secret
	m.Sum(out[:0])
	return out
}

// AEAD returns AES-256-GCM under s.
func (s *Secret) AEAD() cipher.AEAD {
	block, err := aes.NewCipher(s[:])
	if err != nil {
		panic(err) // the key has the right length
	}
	g, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // AES has the right block size
	}
	return g
}

// Seal encrypts plain under s with a random nonce, which it puts in front, and
// binds it to context. It adds 28 bytes. One key may seal 2^32 messages.
func (s *Secret) Seal(plain, context []byte) []byte {
	g := s.AEAD()
	out := make([]byte, g.NonceSize(), g.NonceSize()+len(plain)+g.Overhead())
	_, _ = rand.Read(out)
	return g.Seal(out, out, plain, context)
}

// Open undoes Seal; anything but what Seal wrote gives errs.Corrupt.
func (s *Secret) Open(sealed, context []byte) ([]byte, error) {
	g := s.AEAD()
	if len(sealed) < g.NonceSize()+g.Overhead() {
		return nil, errs.New(errs.Corrupt, "a sealed record is too short")
	}
	plain, err := g.Open(nil, sealed[:g.NonceSize()], sealed[g.NonceSize():], context)
	if err != nil {
		return nil, errs.Newf(errs.Corrupt, "a sealed record does not open with this key: %w", err)
	}
	return plain, nil
}
