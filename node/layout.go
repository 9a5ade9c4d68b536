package node

import (
	"crypto/subtle"
	"errors"

	"github.com/zeebo/blake3"

	"rhizome/base/codec"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/layout"
	"rhizome/disk/kv"
)

// Keys in the row store: this package owns those that begin with 'n'.
//
//	'n' 'l'  the layout, a record of package codec
//	'n' 'k'  16 bytes derived from the root key
//	'n' 'd'  damage; see ledger
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
	known, err := rows.Get(rootMark)
	switch {
	case errors.Is(err, errs.NotFound):
		b := rows.NewBatch()
		b.Set(rootMark, mark)
		return b.Commit()
	case err != nil:
		return err
	case subtle.ConstantTimeCompare(known, mark) != 1:
		return errs.Newf(errs.Corrupt, "the key in %s is damaged or another rhizome's: move the file away and put the right one back with rhizome recovery-kit restore FILE", rootKeyFile)
	}
	return nil
}

// loadLayout reads the layout, or makes that of a rhizome of this one node. The
// home's name and the capacity are those of now; as long as the node is alone nothing
// else depends on them.
func loadLayout(rows *kv.Store, id ident.NodeID, c Config) (*layout.Layout, error) {
	me := layout.Node{ID: id, Zone: c.Home, Capacity: c.Capacity}
	raw, err := rows.Get(layoutKey)
	if errors.Is(err, errs.NotFound) {
		l := layout.Single(ident.New(), me)
		return l, saveLayout(rows, l)
	}
	if err != nil {
		return nil, err
	}
	l := new(layout.Layout)
	if err := codec.Decode(raw, l); err != nil {
		return nil, errs.Newf(errs.Corrupt, "the layout: %w", err)
	}
	if err := l.Validate(); err != nil {
		return nil, err
	}
	if len(l.Nodes) != 1 || l.Nodes[0].ID != id {
		return nil, errs.Newf(errs.Conflict, "the rows belong to a rhizome in which node %s is not the only one: %s is not its key", id, nodeKeyFile)
	}
	if l.Nodes[0] != me {
		next := *l
		next.Nodes = []layout.Node{me}
		return &next, saveLayout(rows, &next)
	}
	return l, nil
}

func saveLayout(rows *kv.Store, l *layout.Layout) error {
	b := rows.NewBatch()
	b.Set(layoutKey, codec.Encode(l))
	return b.Commit()
}
