package node

import (
	"errors"
	"os"

	"rhizome/base/errs"
)

// CheckDisk implements admin.Host: a folder that is not there is a disk that is not
// mounted, or a slip; one on a file system that the node uses already is no second disk.
func (n *Node) CheckDisk(path string) error {
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return errs.Newf(errs.NotFound, "there is no folder %s: is the disk mounted? To have the folder made, add --yes", path)
	}
	if err != nil {
		return errs.Newf(errs.Invalid, "the folder %s cannot be looked at: %w", path, err)
	}
	used := []string{n.folder.path}
	for _, d := range n.disks.Disks() {
		if d.Dir == path {
			return nil // AddDisk knows what to say
		}
		used = append(used, d.Dir)
	}
	for _, dir := range used {
		if other, err := os.Stat(dir); err == nil && sameDevice(info, other) {
			return errs.Newf(errs.Conflict, "%s lies on the same file system as %s: there is no more room, and both are lost together. If that is meant, add --yes", path, dir)
		}
	}
	return nil
}
