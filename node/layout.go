package node

import (
	"crypto/subtle"

	"github.com/zeebo/blake3"

	"rhizome/base/codec"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/layout"
	"rhizome/disk/kv"
)

// Keys in the row store: this package owns those that begin with 'n'.
//
//	'n' 'l'  the layout to begin with, a record of package codec: an earlier release's, or that
//	         of a rebuild
//	'n' 'k'  16 bytes derived from the root key
//	'n' 'd'  damage; see ledger
//	'n' 'v'  damage of the row store; see rowFaults
//	'n' 't'  when layouts came; see moves.go
//	'n' 'a'  what the operator may do; see rights.go
//	'n' 'r'  what was told of risks; see watch.go
//	'n' 'u'  the lineage that the disks know of; see cluster.go
//	'n' 'w'  the first key is yet to be told; see firstMark
var (
	layoutKey = []byte("nl")
	rootMark  = []byte("nk")
)

// checkRoot refuses a root key that is not the one with which these rows were made:
// nothing that they seal could be opened, and new seals could not be by the right key.
func checkRoot(rows *kv.Store, root ident.Secret) error {
	mark := make([]byte, 16)
	blake3.DeriveKey("rhizome 2026 mark of the root key", root[:], mark)
	kept, known, err := rows.Find(rootMark)
	switch {
	case err != nil:
		return err
	case !known:
		return rows.Set(rootMark, mark)
	case subtle.ConstantTimeCompare(kept, mark) != 1:
		return errs.Newf(errs.Corrupt, "the key in %s is damaged or another rhizome's: move the file away and put the right one back with rhizome recovery-kit restore FILE", rootKeyFile)
	}
	return nil
}

// saveLayout leaves a layout for the next start to begin with.
func saveLayout(rows *kv.Store, l *layout.Layout) error {
	return rows.Set(layoutKey, codec.Encode(l))
}
