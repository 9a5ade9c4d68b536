package node

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/base/vfs"
	"rhizome/disk/extentstore"
	"rhizome/gateway/admin/api"
)

// Disks implements admin.Host.
func (n *Node) Disks(context.Context) ([]api.Disk, error) {
	out := []api.Disk{}
	for _, d := range n.disks.Disks() {
		w := api.Disk{
			ID: d.ID.String(), Path: d.Dir, State: api.DiskOK,
			Used: d.Used, Live: d.Live, Free: d.Free, Capacity: d.Capacity,
		}
		if use, err := vfs.Default.GetDiskUsage(d.Dir); err == nil {
			w.Size = int64(use.TotalBytes)
		}
		switch {
		case d.Absent != nil:
			w.State, w.Err = api.DiskLost, d.Absent
		case d.Draining:
			w.State = api.DiskDraining
		case d.Free < fullBelow && !d.Unmeasured, d.Refusing:
			w.State = api.DiskFull
		}
		out = append(out, w)
	}
	slices.SortFunc(out, func(a, b api.Disk) int { return strings.Compare(a.Path, b.Path) })
	return out, nil
}

// fullBelow is the free room in bytes below which a disk counts as full: hardly an
// object fits.
const fullBelow = 1 << 20

// AddDisk implements admin.Host.
func (n *Node) AddDisk(ctx context.Context, path string) (api.Disk, error) {
	own := folderIn(path)
	for _, d := range n.disks.Disks() {
		switch {
		case own != path && sameFolder(own, d.Dir):
			return api.Disk{}, errs.Newf(errs.Exists, "%s is a disk of this node already", own)
		case d.Dir == path && d.Absent != nil:
			return n.addFolder(ctx, extentstore.Disk{ID: d.ID, Dir: path, Capacity: d.Capacity})
		case sameFolder(path, d.Dir):
			return api.Disk{}, errs.Newf(errs.Exists, "%s is a disk of this node already", path)
		case within(path, d.Dir) || within(d.Dir, path):
			return api.Disk{}, errs.Newf(errs.Invalid, "%s and the disk %s lie in one another", path, d.Dir)
		}
	}
	if within(path, n.folder.path) && path != n.folder.at(diskDir) { // its own first disk may come back
		return api.Disk{}, errs.Newf(errs.Invalid, "%s lies in the data folder", path)
	}
	if err := noDisk(path); err != nil {
		return api.Disk{}, err
	}
	if err := n.ofAnother(path); err != nil {
		return api.Disk{}, err
	}
	if own != path {
		return n.AddDisk(ctx, own)
	}
	if err := ownFolder(path); err != nil {
		if errors.Is(err, os.ErrPermission) || errors.Is(err, syscall.EROFS) {
			return api.Disk{}, errs.Newf(errs.Denied, "the node may not write to %s: %w", path, err)
		}
		return api.Disk{}, errs.Newf(errs.Invalid, "the folder cannot be made: %w", err)
	}
	return n.addFolder(ctx, extentstore.Disk{Dir: path})
}

// noDisk refuses what can be no disk: a file, or the data folder of a node.
func noDisk(path string) error {
	if info, err := os.Stat(path); err == nil && !info.IsDir() {
		return errs.Newf(errs.Invalid, "%s is no folder", path)
	}
	if _, err := os.Stat(filepath.Join(path, nodeKeyFile)); err == nil {
		return errs.Newf(errs.Conflict, "%s is the data folder of a node: name another folder", path)
	}
	return nil
}

// addFolder takes a disk into use, or back.
func (n *Node) addFolder(ctx context.Context, disk extentstore.Disk) (api.Disk, error) {
	path := disk.Dir
	if err := n.disks.AddDisk(ctx, disk); err != nil {
		return api.Disk{}, err
	}
	if !inside(path, n.folder.path) {
		if err := n.ring.AddPlace(path); err != nil {
			return api.Disk{}, err
		}
	}
	n.lookAgain()
	n.copySoon() // another disk is where snapshots are worth most
	disks, err := n.Disks(ctx)
	for _, d := range disks {
		if d.Path == path {
			return d, err
		}
	}
	return api.Disk{}, errs.Newf(errs.Internal, "the disk %s was added and is gone again", path)
}

// diskReturned is told of a disk that was away: its copy of the keyring may be old.
func (n *Node) diskReturned(dir string) {
	n.lookAgain()
	if inside(dir, n.folder.path) {
		return
	}
	if err := n.ring.AddPlace(dir); err != nil {
		n.config.Logger.Warn("a disk has no copy of the keyring", "disk", dir, "error", err)
	}
}

// ownFolder makes a disk's folder, or closes an empty one to others. One that holds
// something stays as it is: what the node puts into it is its owner's alone anyway.
func ownFolder(path string) error {
	entries, err := os.ReadDir(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return makeFolder(path)
	case err != nil:
		return err
	case len(entries) > 0:
		return nil
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode()&os.ModeSticky != 0 { // everybody's, as /tmp
		return err
	}
	return os.Chmod(path, 0o700)
}

// inside reports whether path lies in dir.
func inside(path, dir string) bool { return strings.HasPrefix(path, dir+"/") }

// DrainDisk implements admin.Host.
func (n *Node) DrainDisk(_ context.Context, id string, on bool) error {
	d, err := ident.Parse(id)
	if err != nil {
		return err
	}
	if !on {
		return n.disks.DrainDisk(d, false)
	}
	others := 0
	for _, s := range n.disks.Disks() {
		if s.ID != d && s.Absent == nil && !s.Draining {
			others++
		}
	}
	if others == 0 {
		return errs.New(errs.Full, "there is no other disk to move the bytes to: add one first with rhizome disk add DIR")
	}
	return n.disks.DrainDisk(d, true)
}

// RemoveDisk implements admin.Host.
func (n *Node) RemoveDisk(ctx context.Context, id string, force bool) error {
	d, err := ident.Parse(id)
	if err != nil {
		return err
	}
	if len(n.disks.Disks()) == 1 {
		return errs.New(errs.Conflict, "this is the node's only disk: add another first with rhizome disk add DIR")
	}
	var lost func(ident.ID)
	if force {
		lost = func(extent ident.ID) { n.note(extent, reasonGivenUp) }
	}
	dir := n.dirOf(d)
	if err := n.disks.RemoveDisk(ctx, d, lost); err != nil {
		return err
	}
	n.ring.DropPlace(dir)
	return nil
}

// dirOf returns a disk's folder, "" if it is unknown.
func (n *Node) dirOf(id ident.ID) string {
	for _, d := range n.disks.Disks() {
		if d.ID == id {
			return d.Dir
		}
	}
	return ""
}
