package node

import (
	"context"
	"errors"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/base/vfs"
	"rhizome/node/repair"
)

// Rebuild makes the rows of a stopped node anew; see package repair. With verify every
// stored byte is read too. disks are the absolute paths of disks that the damaged rows
// may not name, as when they are gone. With alone it goes on without the rhizome's other nodes. The node has another key afterwards.
func Rebuild(ctx context.Context, c Config, disks []string, verify, alone bool) (report *repair.Report, err error) {
	f, err := openFolder(c.Data)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	root, err := readKey(f.at(rootKeyFile))
	if errors.Is(err, errs.NotFound) {
		return nil, missing(f.at(rootKeyFile))
	}
	if err != nil {
		return nil, err
	}
	seed := ident.NewSecret()
	return repair.Rebuild(ctx, repair.Options{
		FS: vfs.Default, Data: f.path, Disks: disks, Root: root, Node: NodeOf(seed),
		Adopt: func() error {
			if err := markKitOld(f); err != nil {
				return err
			}
			return writeKey(f.at(nodeKeyFile), seed)
		},
		Home: c.Home, Capacity: c.Capacity, SaveLayout: saveLayout, Verify: verify, Alone: alone,
		Clock: c.Clock, Logger: c.Logger,
	})
}
