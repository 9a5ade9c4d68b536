// Package ident holds the identifiers of a rhizome and their text forms.
//
// Random identifiers are 128 bits from crypto/rand and are written in lower-case
// hexadecimal. A node is identified by its Ed25519 public key.
package ident

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"

	"rhizome/base/errs"
)

// ID is a random 128-bit identifier. The zero ID means "none".
type ID [16]byte

// New returns a fresh random ID. It never fails: crypto/rand does not.
func New() ID {
	var id ID
	_, _ = rand.Read(id[:])
	return id
}

// Random returns a random number that nobody can guess.
func Random() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:])
	return binary.BigEndian.Uint64(b[:])
}

// String returns the ID as 32 lower-case hexadecimal digits.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// Key returns the ID's 16 bytes as a string, for use in row keys.
func (id ID) Key() string { return string(id[:]) }

// IsZero reports whether id is the zero ID.
func (id ID) IsZero() bool { return id == ID{} }

// MarshalText implements encoding.TextMarshaler.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler; it fails with errs.Invalid.
func (id *ID) UnmarshalText(b []byte) error {
	got, err := Parse(string(b))
	if err == nil {
		*id = got
	}
	return err
}

// Parse reads the form that String writes; it fails with errs.Invalid.
func Parse(s string) (ID, error) {
	var id ID
	if len(s) != 2*len(id) {
		return ID{}, errs.Newf(errs.Invalid, "%q is not an identifier: 32 hexadecimal digits expected", s)
	}
	if _, err := hex.Decode(id[:], []byte(s)); err != nil {
		return ID{}, errs.Newf(errs.Invalid, "%q is not an identifier: %w", s, err)
	}
	return id, nil
}

// FromKey reads the form that Key writes; it fails with errs.Invalid.
func FromKey(s string) (ID, error) {
	var id ID
	if len(s) != len(id) {
		return ID{}, errs.Newf(errs.Invalid, "an identifier has 16 bytes, not %d", len(s))
	}
	copy(id[:], s)
	return id, nil
}

// NodeID is a node's Ed25519 public key.
type NodeID [32]byte

// String returns the key as 64 lower-case hexadecimal digits.
func (n NodeID) String() string { return hex.EncodeToString(n[:]) }

// Short returns the first eight bytes of the key as a number. It stands for the
// node inside ballots, where a random attempt beside it makes a collision harmless.
func (n NodeID) Short() uint64 { return binary.BigEndian.Uint64(n[:8]) }

// MarshalText implements encoding.TextMarshaler.
func (n NodeID) MarshalText() ([]byte, error) { return []byte(n.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler; it fails with errs.Invalid.
func (n *NodeID) UnmarshalText(b []byte) error {
	if len(b) != 2*len(n) {
		return errs.Newf(errs.Invalid, "%q is not a node ID: 64 hexadecimal digits expected", b)
	}
	if _, err := hex.Decode(n[:], b); err != nil {
		return errs.Newf(errs.Invalid, "%q is not a node ID: %w", b, err)
	}
	return nil
}
