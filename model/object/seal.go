package object

import (
	"encoding/binary"

	"rhizome/base/errs"
	"rhizome/base/ident"
)

// versionKey is the key that seals what belongs to one version.
func (b *Bucket) versionKey(id ident.ID) ident.Secret {
	return b.key.Derive("object version v1", id[:])
}

// Seals under a version's key or a data key are numbered, so that no nonce repeats:
// a version's key seals inline bytes or the data key, never both kinds under one
// number; a data key seals extent keys with the extent's own ID as nonce.
const (
	sealInline  = 0
	sealDataKey = 1
)

func nonce(n uint64) []byte {
	var b [12]byte
	binary.BigEndian.PutUint64(b[4:], n)
	return b[:]
}

// sealBytes encrypts the bytes of a small object.
func sealBytes(key ident.Secret, plain []byte) []byte {
	return key.AEAD().Seal(nil, nonce(sealInline), plain, nil)
}

func openBytes(key ident.Secret, sealed []byte) ([]byte, error) {
	plain, err := key.AEAD().Open(nil, nonce(sealInline), sealed, nil)
	if err != nil {
		return nil, errs.Newf(errs.Corrupt, "the bytes in the object's row are damaged: %w", err)
	}
	return plain, nil
}

func sealKey(key ident.Secret, data ident.Secret) []byte {
	return key.AEAD().Seal(nil, nonce(sealDataKey), data[:], nil)
}

func openKey(key ident.Secret, sealed []byte) (ident.Secret, error) {
	var out ident.Secret
	plain, err := key.AEAD().Open(nil, nonce(sealDataKey), sealed, nil)
	if err != nil || copy(out[:], plain) != len(out) {
		return out, errs.Newf(errs.Corrupt, "a data key does not open: %w", err)
	}
	return out, nil
}

// sealPieceKey seals an extent's key. The nonce is taken from the extent's ID, which
// is random and sealed once under each data key; the same extent again gives the
// same bytes.
func sealPieceKey(data ident.Secret, extent ident.ID, key []byte) []byte {
	return data.AEAD().Seal(nil, extent[:12], key, extent[:])
}

func openPieceKey(data ident.Secret, p piece) ([]byte, error) {
	key, err := data.AEAD().Open(nil, p.Extent[:12], p.Sealed, p.Extent[:])
	if err != nil {
		return nil, errs.Newf(errs.Corrupt, "the key of extent %s does not open: %w", p.Extent, err)
	}
	return key, nil
}

// dataKey returns the key that seals the version's piece keys.
func (b *Bucket) dataKey(v *version) (ident.Secret, error) {
	k := b.versionKey(v.ID)
	if len(v.Sealed) == 0 {
		return k, nil
	}
	return openKey(k, v.Sealed)
}
