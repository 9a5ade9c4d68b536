package p2p

import (
	"crypto/ed25519"

	"github.com/libp2p/go-libp2p/core/crypto"
	libpeer "github.com/libp2p/go-libp2p/core/peer"

	"rhizome/base/errs"
	"rhizome/base/ident"
)

// peerOf returns libp2p's name of a node.
func peerOf(id ident.NodeID) (libpeer.ID, error) {
	key, err := crypto.UnmarshalEd25519PublicKey(id[:])
	if err == nil {
		var p libpeer.ID
		if p, err = libpeer.IDFromPublicKey(key); err == nil {
			return p, nil
		}
	}
	return "", errs.Newf(errs.Invalid, "%v is no node's key: %w", id, err)
}

// nodeOf undoes peerOf; false for a name that no node has.
func nodeOf(p libpeer.ID) (ident.NodeID, bool) {
	key, err := p.ExtractPublicKey()
	if err != nil || key.Type() != crypto.Ed25519 {
		return ident.NodeID{}, false
	}
	raw, err := key.Raw()
	if err != nil || len(raw) != len(ident.NodeID{}) {
		return ident.NodeID{}, false
	}
	return ident.NodeID(raw), true
}

// private returns libp2p's form of a key.
func private(key ed25519.PrivateKey) (crypto.PrivKey, error) {
	k, err := crypto.UnmarshalEd25519PrivateKey(key)
	if err != nil {
		return nil, errs.Newf(errs.Invalid, "the node's key is no Ed25519 key: %w", err)
	}
	return k, nil
}
