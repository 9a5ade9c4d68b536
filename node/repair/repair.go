// Package repair brings a node back whose row store is damaged or gone: from what can
// still be read of it, from the daily snapshots, and from what the extents say of
// themselves. It also takes the snapshots, and guards the start of a node against a
// data folder that must not be opened as it is.
//
// # What lies where
//
//	DATA/rows               the row store
//	DATA/rows.damaged-TIME  a damaged one, kept for good; a person may remove it
//	DATA/rows.new, .scratch a rebuild at work
//	DATA/rebuild.pending    a rebuild was begun and did not end: the node does not start
//	DATA/rebuild.needed     keys were restored where there are no rows: no start either
//	DATA/keyring            bucket keys and layout; a copy on every other disk
//	DATA/snapshots          snapshots, if there is no other disk; else DISK/snapshots
//	DATA/repair-TIME.json   what a rebuild found, for programs; .txt for people
//
// # The rebuilt node
//
// A node's identity lives with its row store: what the lost one had promised is not
// known, so its vote must not count again. The rebuilt store therefore belongs to a
// new node, with a new key, under a new version of the layout in which it stands alone;
// the rhizome (lineage, root key, buckets, keys) stays what it was. Rows keep their
// ballots, and the new store's ceiling is above every ballot that was seen.
package repair

import (
	"errors"
	"log/slog"
	"os"
	"strings"

	"rhizome/base/clock"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/base/vfs"
	"rhizome/cluster/layout"
	"rhizome/disk/keyring"
	"rhizome/disk/kv"
)

// Names in the data folder.
const (
	rowsDir     = "rows"
	newDir      = "rows.new"
	scratchDir  = "rows.scratch"
	damagedDir  = "rows.damaged-"
	diskDir     = "disk"
	pendingFile = "rebuild.pending"
	// restoredFile says that the keys come from a recovery kit and the rows are gone.
	restoredFile = "rebuild.needed"
	// SnapshotsDir is the folder of snapshots, in the data folder or on a disk.
	SnapshotsDir = "snapshots"
)

// Options say what to rebuild. The caller holds the data folder's lock.
type Options struct {
	FS vfs.FS
	// Data is the data folder.
	Data string
	// Disks are further disks' folders, beside those that the damaged rows name.
	Disks []string
	// Root is the rhizome's root key.
	Root ident.Secret
	// Node is the node's new ID; Adopt makes its key durable, in place of the old one.
	Node  ident.NodeID
	Adopt func() error
	// Home and Capacity are the node's place in the layout.
	Home     string
	Capacity int64
	// SaveLayout puts the layout into a row store.
	SaveLayout func(rows *kv.Store, l *layout.Layout) error
	// Alone goes on without the other nodes of a rhizome that had several.
	Alone bool
	// Verify reads every stored byte, which takes long and finds damage to bytes too.
	Verify bool
	Clock  clock.Clock
	Logger *slog.Logger
}

func (o *Options) at(name string) string { return o.FS.PathJoin(o.Data, name) }

// NeedRows marks a data folder as that of a node which was there before.
func NeedRows(fs vfs.FS, data string) error {
	return writeDurably(fs, data, restoredFile, []byte("the keys were restored; the rows are to be put back or made anew\n"))
}

// Guard says why the node must not start on a data folder as it is, nil if it may. Call
// it before anything is opened or made there.
func Guard(fs vfs.FS, data string) error {
	if _, err := fs.Stat(fs.PathJoin(data, pendingFile)); err == nil {
		return errs.New(errs.Corrupt, "a rebuild of the rows did not end: run rhizome repair rebuild again")
	}
	names, err := fs.List(fs.PathJoin(data, rowsDir))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return errs.Newf(errs.Unavailable, "the row store cannot be looked at: %w", err)
	}
	if len(names) > 0 {
		return nil
	}
	if _, err := fs.Stat(fs.PathJoin(data, restoredFile)); err == nil {
		return errs.Newf(errs.Corrupt, "the keys in %s come from a recovery kit, and there are no rows: put a backup of the data folder back, or make the rows anew with rhizome repair rebuild --disk DIR, once for each disk", data)
	}
	trace := ""
	for _, name := range []string{keyring.Name, fs.PathJoin(diskDir, "disk"), SnapshotsDir} {
		if _, err := fs.Stat(fs.PathJoin(data, name)); err == nil {
			trace = name
		}
	}
	if all, err := fs.List(data); err == nil {
		for _, name := range all {
			if strings.HasPrefix(name, damagedDir) {
				trace = name
			}
		}
	}
	if trace == "" {
		return nil
	}
	return errs.Newf(errs.Corrupt, "the row store is gone, and there is data of a node in %s (%s): put the rows back, or make them anew with rhizome repair rebuild", data, trace)
}
