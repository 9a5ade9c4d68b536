package node

import (
	"errors"
	"os"
	"path/filepath"
	"slices"

	"rhizome/base/errs"
	"rhizome/base/vfs"
	"rhizome/disk/extentstore"
)

// freeOf is the free room of disks in bytes: of several on one file system it counts once.
func freeOf(disks []extentstore.DiskStatus) (sum int64) {
	type system struct {
		info os.FileInfo
		free int64
	}
	var seen []system
	for _, d := range disks {
		if d.Absent != nil {
			continue
		}
		info, err := os.Stat(d.Dir)
		if err != nil {
			sum += d.Free
			continue
		}
		i := slices.IndexFunc(seen, func(s system) bool { return sameDevice(s.info, info) })
		if i < 0 {
			seen = append(seen, system{info, d.Free})
		} else {
			seen[i].free = max(seen[i].free, d.Free)
		}
	}
	for _, s := range seen {
		sum += s.free
	}
	return sum
}

// ofAnother refuses the disk of another node of this rhizome, which may be at work on it.
func (n *Node) ofAnother(path string) error {
	_, owner, err := extentstore.OwnerOf(vfs.Default, path)
	l := n.members.Layout()
	if err != nil || owner.Node == n.keys.id() {
		return nil // nobody's, or for the store to judge
	}
	if x := l.Node(owner.Node); x != nil {
		return errs.Newf(errs.Conflict, "%s belongs to the node %s of this rhizome: give this node a folder of its own", path, nameIn(l, x))
	}
	return nil
}

// ofDisks are the names that a disk's folder has, and what an empty file system has.
var ofDisks = []string{"disk", "disk.new", "disk.lock", "extents", "segments", "tmp", "keyring", "keyring.new", "snapshots", "lost+found"}

// folderIn returns the folder for a disk at path: path itself, or one within if other
// things lie there, among which nobody would tell ours.
func folderIn(path string) string {
	entries, err := os.ReadDir(path)
	if err != nil || filepath.Base(path) == "rhizome" {
		return path
	}
	if _, err := os.Stat(filepath.Join(path, "disk")); !errors.Is(err, os.ErrNotExist) {
		return path
	}
	for _, e := range entries {
		if !slices.Contains(ofDisks, e.Name()) {
			return filepath.Join(path, "rhizome")
		}
	}
	return path
}
