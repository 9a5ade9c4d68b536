package node

import (
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"rhizome/base/errs"
	"rhizome/base/vfs"
)

// folder is a data folder that this process alone has open.
type folder struct {
	path string
	lock io.Closer
}

// openFolder makes the folder if need be and locks it.
func openFolder(path string) (*folder, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, errs.Newf(errs.Invalid, "the data folder cannot be made: %w", err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, errs.Newf(errs.Invalid, "the data folder cannot be used: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		// It may have been made by hand: what lies in it is nobody else's.
		if err := os.Chmod(path, 0o700); err != nil {
			return nil, errs.Newf(errs.Denied, "others can look into the data folder, and that cannot be changed: %w", err)
		}
	}
	f := &folder{path: path}
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
	return f.lock.Close()
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
	keysDir = "bucket-keys"
)
