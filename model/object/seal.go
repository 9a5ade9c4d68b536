package object

import (
	"bytes"
	"encoding/binary"

	"rhizome/base/codec"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/extent"
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

// sealInner seals a data key, or the envelope that it is in.
func sealInner(key ident.Secret, inner []byte) []byte {
	return key.AEAD().Seal(nil, nonce(sealDataKey), inner, nil)
}

func openInner(key ident.Secret, sealed []byte) ([]byte, error) {
	inner, err := key.AEAD().Open(nil, nonce(sealDataKey), sealed, nil)
	if err != nil {
		return nil, errs.Newf(errs.Corrupt, "a data key does not open: %w", err)
	}
	return inner, checkInner(inner)
}

// checkInner refuses what is neither a data key nor an envelope that this release knows.
func checkInner(inner []byte) error {
	if len(inner) != len(ident.Secret{}) && enveloped(inner) == nil {
		return errs.New(errs.Corrupt, "a data key has a form that this release does not know")
	}
	return nil
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

// innerKey returns the version's data key, or the envelope that it is in.
func (b *Bucket) innerKey(v *version) ([]byte, error) {
	k := b.versionKey(v.ID)
	if len(v.Sealed) == 0 {
		return k[:], nil
	}
	return openInner(k, v.Sealed)
}

// uploadInner is innerKey of an upload.
func (b *Bucket) uploadInner(r *uploadRecord) ([]byte, error) {
	inner, err := b.key.Open(r.Sealed, r.ID[:])
	if err == nil {
		err = checkInner(inner)
	}
	if err != nil {
		return nil, errs.Newf(errs.Corrupt, "the key of upload %s: %w", r.ID, err)
	}
	return inner, nil
}

// openData returns the data key that is, or is in, inner.
func openData(inner []byte, k *CustomerKey) (ident.Secret, error) {
	if e := enveloped(inner); e != nil {
		return e.open(k)
	}
	return ident.Secret(inner), nil
}

// listKey is the key that seals the key of an extent with a list in it. A list names extents
// and has their keys as they are sealed, as rows have them in clear: of what is encrypted with
// a customer's key the data key is not at hand when lists are made and read, so the version's
// takes its place.
func (b *Bucket) listKey(inner []byte, id ident.ID) ident.Secret {
	if enveloped(inner) != nil {
		return b.versionKey(id)
	}
	return ident.Secret(inner)
}

// secrets are the keys that one version's bytes are sealed under while it is written.
type secrets struct {
	inner []byte       // the data key, or the envelope that it is in
	list  ident.Secret // see listKey
	data  ident.Secret // seals inline bytes and the keys of pieces
	blind bool         // data is not known: keys of pieces come sealed
}

// secretsOf are those of a new version, which is given an envelope if there is a customer's
// key.
func (b *Bucket) secretsOf(v *version, k *CustomerKey) *secrets {
	own := b.versionKey(v.ID)
	if k == nil {
		return &secrets{inner: own[:], list: own, data: own}
	}
	data := ident.NewSecret()
	e := k.wrap(data)
	v.Sealed = sealInner(own, e)
	return &secrets{inner: e, list: own, data: data}
}

// partSecrets are those of a part of an upload whose data key, or envelope, is given.
func (b *Bucket) partSecrets(inner []byte, part ident.ID, k *CustomerKey) (*secrets, error) {
	data, err := openData(inner, k)
	return &secrets{inner: inner, list: b.listKey(inner, part), data: data}, err
}

// blindSecrets are for who makes rows anew without a customer's key.
func (b *Bucket) blindSecrets(inner []byte, id ident.ID) *secrets {
	s := &secrets{inner: inner, list: b.listKey(inner, id)}
	if s.blind = s.customers(); !s.blind {
		s.data = ident.Secret(inner)
	}
	return s
}

// customers reports whether the data key is in an envelope.
func (s *secrets) customers() bool { return enveloped(s.inner) != nil }

// piece is the piece that an extent becomes.
func (s *secrets) piece(p extent.Piece) piece {
	out := piece{Extent: p.Extent, Sealed: p.Key, Total: p.Length, Length: p.Length}
	if !s.blind {
		out.Sealed = sealPieceKey(s.data, p.Extent, p.Key)
	}
	return out
}

// listPiece is that of an extent with a list in it.
func (s *secrets) listPiece(p extent.Piece) piece {
	return piece{Extent: p.Extent, Sealed: sealPieceKey(s.list, p.Extent, p.Key), Total: p.Length, Length: p.Length}
}

// described reports whether what an extent says of itself was said under the same data key: of
// what has no envelope it always was.
func (s *secrets) described(c *content) bool {
	if !s.customers() {
		return len(c.Envelope) == 0
	}
	return bytes.Equal(s.inner, c.Envelope)
}

// blobOf returns the blob of a copy by reference: the source's, but that the key of a list's
// extent may be under a key that belongs to the version.
func (s *secrets) blobOf(src *source) ([]byte, error) {
	if src.v.Where != whereLong || !s.customers() {
		return src.blob, nil
	}
	var p piece
	if err := codec.Decode(src.blob, &p); err != nil {
		return nil, err
	}
	key, err := openPieceKey(src.b.listKey(s.inner, src.v.ID), p)
	p.Sealed = sealPieceKey(s.list, p.Extent, key)
	return codec.Encode(p), err
}
