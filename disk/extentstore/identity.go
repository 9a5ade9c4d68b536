package extentstore

import (
	"encoding/hex"
	"errors"
	"io"
	"os"
	"strings"
	"syscall"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/base/vfs"
)

const (
	identityName = "disk"
	lockName     = "disk.lock"
)

// Owner is whose extents a disk holds. What lies on another's disk has no rows here:
// it would count as left over and be deleted.
type Owner struct {
	// Rhizome is its lineage.
	Rhizome ident.ID
	Node    ident.NodeID
}

// identity is what a disk folder says of itself.
type identity struct {
	disk  ident.ID
	owner Owner
}

const identityLine = "rhizome disk, format 1"

// encode makes the identity file: five lines of text.
func (i identity) encode() []byte {
	text := identityLine + "\n" + i.disk.String() + "\n" + i.owner.Rhizome.String() + "\n" + i.owner.Node.String() + "\n"
	s := sum([]byte(text))
	return []byte(text + hex.EncodeToString(s[:]) + "\n")
}

func decodeIdentity(b []byte) (i identity, err error) {
	bad := errs.New(errs.Corrupt, "the disk folder's identity file is damaged")
	lines := strings.Split(string(b), "\n")
	if len(lines) != 6 || lines[0] != identityLine {
		return identity{}, bad
	}
	if i.disk, err = ident.Parse(lines[1]); err == nil {
		i.owner.Rhizome, err = ident.Parse(lines[2])
	}
	if err == nil {
		err = i.owner.Node.UnmarshalText([]byte(lines[3]))
	}
	if err != nil || string(i.encode()) != string(b) {
		return identity{}, bad
	}
	return i, nil
}

// readIdentity reads a folder's identity; os.ErrNotExist if it has none.
func readIdentity(fs vfs.FS, dir string) (identity, error) {
	path := fs.PathJoin(dir, identityName)
	f, err := fs.Open(path)
	if err != nil {
		return identity{}, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, 1<<10))
	if err != nil {
		return identity{}, translate(err, "read "+path)
	}
	return decodeIdentity(b)
}

// mount locks the folder and makes sure that it is this disk's. A disk that the row
// store knows is never made anew: a missing identity then means that it is not mounted.
func (d *disk) mount(known bool) error {
	d.unlock()
	if err := d.check(known); err != nil {
		return err
	}
	if !known {
		if err := d.fs.MkdirAll(d.dir, 0o700); err != nil {
			return translate(err, "make "+d.dir)
		}
	}
	if err := d.lockFolder(); err != nil {
		return err
	}
	err := d.check(known) // another process may have had the folder until now
	if err == nil {
		err = d.claim()
	}
	if err != nil {
		d.unlock()
	}
	return err
}

// check looks whether the folder may be used, without changing it.
func (d *disk) check(known bool) error {
	got, err := readIdentity(d.fs, d.dir)
	switch {
	case errors.Is(err, os.ErrNotExist) && known:
		return errs.Newf(errs.Unavailable, "disk %s is not there: %s does not hold it. Mount it, and it is used again within a minute; or give it up with rhizome disk remove %s --force", d.id, d.dir, d.id)
	case errors.Is(err, os.ErrNotExist):
		return d.checkBare()
	case err != nil:
		return errs.Newf(errs.Unavailable, "disk %s in %s cannot be used: %w", d.id, d.dir, err)
	case got.disk != d.id:
		return errs.Newf(errs.Unavailable, "%s holds disk %s, not %s", d.dir, got.disk, d.id)
	case got.owner.Rhizome == d.owner.Rhizome && got.owner != d.owner && !d.adopt:
		return errs.Newf(errs.Conflict, "the rows of this node were made anew without %s, a disk of this rhizome: stop the node and run rhizome repair rebuild --disk %s, which makes the objects anew that only this disk tells of", d.dir, d.dir)
	case got.owner != d.owner && !d.adopt:
		return errs.Newf(errs.Conflict, "%s holds bytes of another rhizome (%s, node %s): to have them back, put that rhizome's data folder back, or restore its recovery kit into a new one, and run rhizome repair rebuild --disk there; if nobody needs them, empty the folder first", d.dir, got.owner.Rhizome, got.owner.Node)
	}
	return nil
}

// checkBare refuses a folder that has extents and does not say whose.
func (d *disk) checkBare() error {
	dirs := []string{d.path(segmentsDir)}
	folders, _ := d.fs.List(d.path(extentsDir)) // one that is not there is empty
	for _, name := range folders {
		dirs = append(dirs, d.path(extentsDir, name))
	}
	for _, dir := range dirs {
		if names, _ := d.fs.List(dir); len(names) > 0 {
			return errs.Newf(errs.Conflict, "%s holds bytes of a rhizome and does not say of which, because its identity file is gone: if nobody needs them, empty the folder first", d.dir)
		}
	}
	return nil
}

// lockFolder keeps other processes out. What the system mounts for reading only is in
// nobody's way; where the file system has no locks nothing keeps them out.
func (d *disk) lockFolder() (err error) {
	d.lock, err = d.fs.Lock(d.path(lockName))
	var path *os.PathError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.EROFS):
		d.lock = nil
		return nil
	case errors.As(err, &path):
		return translate(err, "lock "+d.dir)
	case noLocks(err):
		d.log.Warn("the disk's file system has no locks: see to it that no other process uses the folder", "disk", d.dir, "error", err)
		d.lock = nil
		return nil
	case errors.As(err, new(syscall.Errno)) && !errors.Is(err, syscall.EAGAIN) && !errors.Is(err, syscall.EACCES):
		return translate(err, "lock "+d.dir)
	}
	return errs.Newf(errs.Conflict, "%s is in use by another process: stop it first (%w)", d.dir, err)
}

// noLocks reports whether an error of the system says that there are no locks, as on
// some network and user-space file systems.
func noLocks(err error) bool {
	for _, no := range []error{syscall.ENOLCK, syscall.ENOTSUP, syscall.EOPNOTSUPP, syscall.ENOSYS, syscall.EINVAL} {
		if errors.Is(err, no) {
			return true
		}
	}
	return false
}

func (d *disk) unlock() {
	if d.lock != nil {
		_ = d.lock.Close() // the lock goes with the file, whatever this says
		d.lock = nil
	}
}

// claim makes the folder this disk's: folders first and identity last, so that a
// folder with an identity is whole.
func (d *disk) claim() error {
	if err := d.makeDirs(); err != nil {
		return err
	}
	mine := identity{d.id, d.owner}
	if got, err := readIdentity(d.fs, d.dir); err == nil && got == mine {
		return nil
	}
	return writeSynced(d.fs, d.path(identityName), mine.encode())
}

// away gives the reason why a disk cannot be used the kind that readers expect.
func (d *disk) away(err error) error {
	if err == nil || errs.KindOf(err) == errs.Unavailable {
		return err
	}
	return errs.Newf(errs.Unavailable, "disk %s cannot be used: %w", d.id, err)
}
