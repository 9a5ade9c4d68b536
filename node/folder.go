package node

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"rhizome/base/errs"
	"rhizome/base/vfs"
)

// folder is a data folder that this process alone has open.
type folder struct {
	path string
	lock io.Closer
	made bool // by this process
	bare bool // nothing of a node is in it yet: whoever gives it back leaves nothing
}

// openFolder makes the folder if need be and locks it. A folder that is there must be
// a data folder or empty: what else lies in it is somebody's.
func openFolder(path string) (*folder, error) {
	_, err := os.Stat(path)
	f := &folder{path: path, made: os.IsNotExist(err)}
	if err := prepare(path); err != nil {
		return nil, err
	}
	if f.lock, err = vfs.Default.Lock(f.at("lock")); err != nil {
		return nil, f.taken(err)
	}
	if err := os.WriteFile(f.at("pid"), []byte(strconv.Itoa(os.Getpid())+"\n"), 0o600); err != nil {
		_ = f.lock.Close()
		return nil, errs.Newf(errs.Internal, "the data folder cannot be written: %w", err)
	}
	return f, nil
}

func (f *folder) at(name string) string { return filepath.Join(f.path, name) }

// taken says who holds the lock.
func (f *folder) taken(err error) error {
	if os.IsPermission(err) {
		return errs.Newf(errs.Denied, "the data folder %s belongs to somebody else: run this as its owner", f.path)
	}
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EROFS) || errors.Is(err, syscall.EIO) {
		return errs.Newf(errs.Unavailable, "the data folder cannot be written: %w", err)
	}
	raw, rerr := os.ReadFile(f.at("pid"))
	pid, perr := strconv.Atoi(strings.TrimSpace(string(raw)))
	if rerr != nil || perr != nil {
		return errs.Newf(errs.Conflict, "another process uses the data folder %s: stop it, or give this one another folder with --data", f.path)
	}
	return errs.Newf(errs.Conflict, "process %d uses the data folder %s: stop it, or give this one another folder with --data", pid, f.path)
}

// close gives the folder back.
func (f *folder) close() error {
	_ = os.Remove(f.at("pid")) // a left-over number is harmless
	if f.bare {
		_ = os.Remove(f.at("lock")) // as is a file that nobody locks
	}
	if f.bare && f.made {
		_ = os.Remove(f.path)
	}
	return f.lock.Close()
}

// keyless reports whether no start ever made keys here or took an invitation.
func (f *folder) keyless() (bool, error) {
	for _, name := range []string{nodeKeyFile, rootKeyFile, joiningFile} {
		if _, err := os.Lstat(f.at(name)); err == nil {
			return false, nil
		} else if !os.IsNotExist(err) {
			return false, errs.Newf(errs.Internal, "the data folder cannot be read: %w", err)
		}
	}
	return true, nil
}

// empty reports whether no node ever lived here: there are no rows.
func (f *folder) empty() (bool, error) {
	names, err := os.ReadDir(f.at(rowsDir))
	if err != nil && !os.IsNotExist(err) {
		return false, errs.Newf(errs.Internal, "the data folder cannot be read: %w", err)
	}
	return len(names) == 0, nil
}

// Names in the data folder.
const (
	rowsDir = "rows"
	diskDir = "disk"
)
