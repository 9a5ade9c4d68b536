package kv

import (
	"context"
	"errors"
	"math"
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
	n := readNote(fs, dir)
	if n == nil && !slices.ContainsFunc(names, holdsRows) {
		return nil
	}
	if d, err := pebble.Peek(dir, fs); err != nil || !d.Exists {
		return errs.New(errs.Corrupt, "the row store is damaged: the mark that names its list of files (marker.manifest) is gone")
	}
	l, _, err := readFileList(fs, dir, names)
	if err != nil {
		return errs.Newf(errs.Corrupt, "the row store is damaged: %w", err)
	}
	if n != nil {
		if err := l.checkLogs(fs, dir, names, n); err != nil {
			return errs.Newf(errs.Corrupt, "the row store is damaged: %w", err)
		}
	}
	if name := l.firstLog(names); name != "" {
		num, _, _ := fileNumber(name)
		if l.startsAfter(firstSeq(fs, fs.PathJoin(dir, name), num)) {
			return errs.Newf(errs.Corrupt, "the row store is damaged: the log before %s is gone", name)
		}
	}
	return l.present(fs, dir)
}

// firstLog returns the name of the first log in force that is there, "" if none is.
func (l *fileList) firstLog(names []string) (first string) {
	least := uint64(math.MaxUint64)
	for _, name := range names {
		if num, ext, ok := fileNumber(name); ok && ext == "log" && num >= l.minLog && num < least {
			first, least = name, num
		}
	}
	return first
}

// checkLogs checks that the logs hold what the note says.
func (l *fileList) checkLogs(fs vfs.FS, dir string, names []string, n *note) error {
	s := &salvage{ctx: context.Background(), fs: fs, dir: dir, list: l, damage: new(Damage), visit: func(Found) error { return nil }}
	if err := s.journals(names); err != nil {
		return err
	}
	// Which log is the last cannot be told from the list: it names the least number that
	// counts, given out while opening, and the log that is made then has a higher one.
	if len(s.logs) == 0 && !n.opening {
		return errs.Newf(errs.Corrupt, "the log of the last writes (%06d.log or a later one) is gone", l.minLog)
	}
	_, err := n.check(l.minLog, s.logs, s.reached)
	return err
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
