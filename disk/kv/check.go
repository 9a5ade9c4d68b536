package kv

import (
	"errors"
	"os"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2"

	"rhizome/base/errs"
	"rhizome/base/vfs"
)

// precheck refuses a store whose files contradict each other in ways that Pebble
// would take for those of a crash, and which opening it would make worse: of a list
// of files that is damaged in its midst Pebble takes the beginning and removes the
// files that the rest names; a store whose mark is gone it makes anew; a log that is
// gone it does not miss, and over a file of values that is gone it panics later.
func precheck(fs vfs.FS, dir string) error {
	names, err := fs.List(dir)
	if err != nil {
		return nil // there is no store yet
	}
	if !slices.ContainsFunc(names, holdsRows) {
		return nil
	}
	if d, err := pebble.Peek(dir, fs); err != nil || !d.Exists {
		return errs.New(errs.Corrupt, "the row store is damaged: the mark that names its list of files (marker.manifest) is gone")
	}
	l, _, err := readFileList(fs, dir, names)
	if err != nil {
		return errs.Newf(errs.Corrupt, "the row store is damaged: %w", err)
	}
	// Which log is the last cannot be told from the list: it names the least number that
	// counts, given out while opening, and the log that is made then has a higher one.
	log := func(name string) bool {
		num, ext, ok := fileNumber(name)
		return ok && ext == "log" && num >= l.minLog
	}
	if l.minLog != 0 && !slices.ContainsFunc(names, log) && wasOpened(fs, dir) {
		return errs.Newf(errs.Corrupt, "the row store is damaged: the log of the last writes (%06d.log or a later one) is gone", l.minLog)
	}
	slices.Sort(names)
	for _, name := range names {
		if num, _, _ := fileNumber(name); log(name) {
			if l.startsAfter(firstSeq(fs, fs.PathJoin(dir, name), num)) {
				return errs.Newf(errs.Corrupt, "the row store is damaged: the log before %s is gone", name)
			}
			break
		}
	}
	return l.present(fs, dir)
}

// openedFile is there from the end of one opening to the beginning of the next. The
// list of files names the log to begin with before that log is there: a missing log
// means damage only if the opening had completed, else a crash in between.
const openedFile = "OPENED"

func wasOpened(fs vfs.FS, dir string) bool {
	_, err := fs.Stat(fs.PathJoin(dir, openedFile))
	return err == nil
}

// noteOpening removes openedFile, durably; a folder that is not there yet has none.
func noteOpening(fs vfs.FS, dir string) error {
	if !wasOpened(fs, dir) {
		return nil
	}
	return errors.Join(fs.Remove(fs.PathJoin(dir, openedFile)), syncDir(fs, dir))
}

// noteOpened writes openedFile, durably.
func noteOpened(fs vfs.FS, dir string) error {
	f, err := fs.Create(fs.PathJoin(dir, openedFile), vfs.Unspecified)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close(), syncDir(fs, dir))
}

func syncDir(fs vfs.FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// present checks that every file of the list is there and as long as it was.
func (l *fileList) present(fs vfs.FS, dir string) error {
	check := func(name string, size uint64) error {
		st, err := fs.Stat(fs.PathJoin(dir, name))
		switch {
		case errors.Is(err, os.ErrNotExist):
			return errs.Newf(errs.Corrupt, "the row store is damaged: its file %s is gone", name)
		case err != nil:
			return errs.Newf(errs.Unavailable, "a file of the row store cannot be looked at: %w", err)
		case uint64(st.Size()) != size:
			return errs.Newf(errs.Corrupt, "the row store is damaged: its file %s has %d bytes, not %d", name, st.Size(), size)
		}
		return nil
	}
	for _, t := range l.tables {
		if err := check(tableName(t.file), l.sizes[t.file]); err != nil {
			return err
		}
	}
	for num, size := range l.values {
		if err := check(valuesName(num), size); err != nil {
			return err
		}
	}
	return nil
}

// holdsRows reports whether a file of that name is part of a store that was in use.
func holdsRows(name string) bool {
	return strings.HasSuffix(name, ".sst") || strings.HasSuffix(name, ".blob") || strings.HasPrefix(name, "MANIFEST-") &&
		!strings.HasSuffix(name, "-000001")
}
