package node

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"rhizome/base/errs"
	"rhizome/disk/keyring"
)

// prepare makes the folder, or looks whether the one that is there can be the data
// folder, and closes it to others. Nothing is changed in a folder that is refused.
func prepare(path string) error {
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		if err := makeFolder(path); err != nil {
			return errs.Newf(errs.Invalid, "the data folder cannot be made: %w", err)
		}
		return nil
	}
	if err == nil && !info.IsDir() {
		return errs.Newf(errs.Invalid, "%s is no folder: give a new or an empty one with --data", path)
	}
	if err != nil {
		return errs.Newf(errs.Invalid, "the data folder cannot be used: %w", err)
	}
	if err := checkOurs(path, info); err != nil {
		return err
	}
	if info.Mode().Perm()&0o077 == 0 {
		return nil
	}
	// It was made by hand: what is to lie in it is nobody else's.
	if err := os.Chmod(path, 0o700); errors.Is(err, os.ErrPermission) {
		return errs.Newf(errs.Denied, "the data folder %s belongs to somebody else: run this as its owner", path)
	} else if err != nil {
		return errs.Newf(errs.Denied, "others can look into the data folder, and that cannot be changed: %w", err)
	}
	return nil
}

// checkOurs refuses a folder that is somebody else's: one that holds other things and
// nothing of a node, or that everybody may put files into, as /tmp.
func checkOurs(path string, info fs.FileInfo) error {
	entries, err := os.ReadDir(path)
	if errors.Is(err, os.ErrPermission) {
		return errs.Newf(errs.Denied, "the data folder %s belongs to somebody else: run this as its owner", path)
	}
	if err != nil {
		return errs.Newf(errs.Invalid, "the data folder cannot be read: %w", err)
	}
	foreign := ""
	for _, e := range entries {
		switch {
		case ofNode(path, e):
			return nil
		case foreign == "" && !slices.Contains(neutral, e.Name()):
			foreign = e.Name()
		}
	}
	if foreign != "" {
		return errs.Newf(errs.Invalid, "%s is no data folder and holds other files (%s): give a new or an empty folder with --data", path, foreign)
	}
	if info.Mode()&os.ModeSticky != 0 {
		return errs.Newf(errs.Invalid, "everybody may put files into %s: give a folder of its own with --data", path)
	}
	return nil
}

// neutral are names that say nothing about whose a folder is: what a start that failed
// leaves, and what an empty file system has.
var neutral = []string{"lock", "pid", nodeKeyFile + ".new", rootKeyFile + ".new", "lost+found"}

// ofNode reports whether an entry of the folder is something that only a node has.
func ofNode(path string, e fs.DirEntry) bool {
	switch name := e.Name(); {
	case name == nodeKeyFile, name == rootKeyFile, name == keyring.Name, name == "rebuild.pending":
		return e.Type().IsRegular()
	case name == rowsDir, strings.HasPrefix(name, "rows.damaged-"):
		return e.IsDir()
	case name == diskDir:
		_, err := os.Stat(filepath.Join(path, diskDir, "disk"))
		return err == nil
	}
	return false
}

// makeFolder makes a folder and the parents that it lacks, durably, for their owner
// alone. One that is there stays as it is.
func makeFolder(path string) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil
	}
	parent := filepath.Dir(path)
	if parent != path {
		if err := makeFolder(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(path, 0o700); err != nil {
		return err
	}
	err := syncDir(parent)
	if errors.Is(err, os.ErrPermission) {
		return nil // a parent that may be written to but not opened
	}
	return err
}
