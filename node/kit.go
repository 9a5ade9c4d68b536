package node

import (
	"context"
	"crypto/ed25519"
	"errors"
	"os"

	"rhizome/base/codec"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/base/vfs"
	"rhizome/cluster/layout"
	"rhizome/disk/keyring"
	"rhizome/node/repair"
)

// kitOldFile is in the data folder while the recovery kits that exist hold a node key
// that a rebuild has replaced.
const kitOldFile = "kit.outdated"

func markKitOld(f *folder) error {
	if err := writeDurably(f.at(kitOldFile), []byte("rows were made anew under another node key; make a recovery kit\n")); err != nil {
		return errs.Newf(errs.Internal, "the data folder cannot be written: %w", err)
	}
	return nil
}

// KitOld implements admin.Host.
func (n *Node) KitOld() bool {
	_, err := os.Stat(n.folder.at(kitOldFile))
	return err == nil
}

// KitMade implements admin.Host. Who makes a kit means to be able to come back: the rows
// get a snapshot now, and that is there when it returns. If whoever waits for it goes away
// it is taken later.
func (n *Node) KitMade(ctx context.Context) error {
	if err := os.Remove(n.folder.at(kitOldFile)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return errs.Newf(errs.Internal, "the data folder cannot be written: %w", err)
	}
	_, err := n.snapshots.Once(ctx)
	if ctx.Err() != nil {
		n.copySoon()
	}
	if err != nil {
		return errs.Newf(errs.KindOf(err), "the kit is made, but the rows got no snapshot: %w", err)
	}
	return nil
}

// copySoon has a snapshot of the rows taken without waiting for the daily window.
func (n *Node) copySoon() {
	select {
	case n.copies <- struct{}{}:
	default: // wanted already
	}
}

// Kit is what of a recovery kit a data folder takes back. Rhizome is zero where the kit
// does not say.
type Kit struct {
	Rhizome    ident.ID
	Seed, Root ident.Secret
}

// Restored says what RestoreKeys found.
type Restored struct {
	// RowsGone: there are no rows in the data folder.
	RowsGone bool
	// OtherNode: there are rows, and the kit's node key is not that of their node, as
	// when they were made anew after the kit. It was not put into the folder.
	OtherNode bool
}

// RestoreKeys puts the keys of a recovery kit into a data folder that lacks them. A key
// that is there already stays; another than the kit's is errs.Exists, but for a node key
// that the rows say is right.
func RestoreKeys(data string, k Kit) (r Restored, err error) {
	f, err := openFolder(data)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	if r.RowsGone, err = f.empty(); err != nil {
		return r, err
	}
	lineage, owner := whose(f.path)
	if !lineage.IsZero() && !k.Rhizome.IsZero() && lineage != k.Rhizome {
		return r, errs.Newf(errs.Conflict, "this kit is another rhizome's: what is in %s belongs to rhizome %s, the kit to %s", f.path, lineage, k.Rhizome)
	}
	if err := restoreKey(f.at(rootKeyFile), k.Root); err != nil {
		return r, err
	}
	r.OtherNode = !r.RowsGone && owner != (ident.NodeID{}) && owner != NodeOf(k.Seed)
	if !r.OtherNode {
		if err := restoreKey(f.at(nodeKeyFile), k.Seed); err != nil {
			return r, err
		}
	}
	if r.RowsGone {
		err = repair.NeedRows(vfs.Default, f.path)
	}
	return r, err
}

// restoreKey makes a key file that is missing or damaged.
func restoreKey(path string, k ident.Secret) error {
	got, err := readKey(path)
	switch {
	case err == nil && got != k:
		return errs.Newf(errs.Exists, "%s holds another key already; it stays. If it is the wrong one, move the file away and restore the kit again", path)
	case err == nil:
		return nil
	case errors.Is(err, errs.Denied):
		return err
	}
	return writeKey(path, k)
}

// whose says to which rhizome and node a data folder belongs, as far as its keyring
// tells; zero where it does not.
func whose(data string) (ident.ID, ident.NodeID) {
	_, raw := keyring.Read(vfs.Default, data)
	l := new(layout.Layout)
	if len(raw) == 0 || codec.Decode(raw, l) != nil || len(l.Nodes) != 1 {
		return ident.ID{}, ident.NodeID{}
	}
	return l.Lineage, l.Nodes[0].ID
}

// NodeOf returns the ID of the node whose key has that seed.
func NodeOf(seed ident.Secret) ident.NodeID {
	return ident.NodeID(ed25519.NewKeyFromSeed(seed[:]).Public().(ed25519.PublicKey))
}
