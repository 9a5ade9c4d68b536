package kv

import (
	"bytes"
	"context"
	"errors"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"rhizome/base/errs"
	"rhizome/base/vfs"
)

// Found is one thing that Salvage read in the files of a store.
type Found struct {
	// Key is empty for a value that lies apart from its key: which one it belongs to
	// is for its bytes to say.
	Key, Value []byte
	// Seq orders the entries of one key, the highest last. A compaction that finds
	// nothing older below sets it to 0.
	Seq uint64
	// Deleted: the key was deleted; there is no Value.
	Deleted bool
	// Apart: the key has a value, which lies apart and is told by itself.
	Apart bool
}

// Damage says what Salvage could not read. All of it is about the past: entries that
// might have been in what is unreadable.
type Damage struct {
	// Files are the damaged files, by name, each with what is wrong with it.
	Files []FileDamage
	// Gaps are the keys of which entries may be missing.
	Gaps []Gap
	// Log: part of the log of the last writes is unreadable or gone; it held writes
	// since LogSince (zero: unknown) of any key.
	Log      bool
	LogSince time.Time
	// NoList: the store's list of its files is unreadable, so files may be missing
	// without a trace; there is a Gap over everything then.
	NoList bool
}

// FileDamage is one damaged file.
type FileDamage struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

// Gap is a range of keys, both ends included, of which entries up to Seq may be
// missing. A nil To is open.
type Gap struct {
	From, To []byte
	Seq      uint64
}

func (d *Damage) file(name, reason string) {
	d.Files = append(d.Files, FileDamage{name, reason})
}

func (d *Damage) gap(from, to []byte, seq uint64) {
	d.Gaps = append(d.Gaps, Gap{bytes.Clone(from), bytes.Clone(to), seq})
}

// Missing reports whether an entry of key that is newer than seq may have been lost
// with a table file. The log is another matter: see Log.
func (d *Damage) Missing(key []byte, seq uint64) bool {
	for _, g := range d.Gaps {
		if g.Seq >= seq && bytes.Compare(key, g.From) >= 0 && (g.To == nil || bytes.Compare(key, g.To) <= 0) {
			return true
		}
	}
	return false
}

// None reports whether everything was read.
func (d *Damage) None() bool { return len(d.Files) == 0 && len(d.Gaps) == 0 && !d.Log }

// Salvage reads every file of a store that need not open and calls f with whatever
// can be read, in no useful order: old entries, and entries of keys that are deleted,
// among the rest. It passes over damaged blocks and changes nothing. Found belongs to
// f during the call only. It ends with f's first error; what is damaged is no error.
//
// It relies on what its own files' blocks and records say of themselves (checksums,
// keys, sequence numbers), so a lost list of files (MANIFEST), OPTIONS or index costs
// nothing but knowledge of what else may be missing.
func Salvage(ctx context.Context, fs vfs.FS, dir string, f func(Found) error) (*Damage, error) {
	names, err := fs.List(dir)
	if err != nil {
		return nil, errs.Newf(errs.Unavailable, "the folder of the row store cannot be read: %w", err)
	}
	slices.Sort(names)
	s := &salvage{ctx: ctx, fs: fs, dir: dir, visit: f, damage: new(Damage)}
	var torn bool
	if s.list, torn, err = readFileList(fs, dir, names); torn {
		// Edits that were in force may be lost with the end.
		s.list, err = nil, errors.New("its end is unreadable")
	}
	if err != nil {
		s.damage.NoList = true
		s.damage.file("MANIFEST", err.Error())
		s.damage.gap(nil, nil, math.MaxUint64)
	}
	s.newest = map[uint64]time.Time{}
	for _, name := range names {
		if err := s.file(name); err != nil {
			return s.damage, err
		}
	}
	if err := s.journals(names); err != nil {
		return s.damage, err
	}
	s.missing(names)
	return s.damage, nil
}

// salvage is one run.
type salvage struct {
	ctx    context.Context
	fs     vfs.FS
	dir    string
	visit  func(Found) error
	list   *fileList // nil: unreadable
	damage *Damage
	newest map[uint64]time.Time // table number -> when it was written
	logs   []uint64             // the logs in force that are there
	next   uint64               // sequence number after the last log's, 0: unknown
	closed bool                 // the last log has batches and says that another follows
	// reached is next where the first gap is.
	reached uint64
	gap     bool
}

// file reads one file of whatever kind. Only errors of visit and of ctx come back.
func (s *salvage) file(name string) error {
	if err := s.ctx.Err(); err != nil {
		return errs.Newf(errs.Unavailable, "reading the damaged row store was given up: %w", err)
	}
	num, ext, ok := fileNumber(name)
	if !ok {
		return nil
	}
	switch ext {
	case "sst":
		return s.table(name, num)
	case "blob":
		return s.values(name, num)
	}
	return nil
}

// fileNumber splits 000123.sst into 123 and sst; a log's name may have a second part.
func fileNumber(name string) (uint64, string, bool) {
	base, ext, ok := strings.Cut(path.Base(name), ".")
	base, _, _ = strings.Cut(base, "-")
	num, err := strconv.ParseUint(base, 10, 64)
	return num, ext, ok && err == nil
}

// missing notes files that the list names and the folder lacks.
func (s *salvage) missing(names []string) {
	if s.list == nil {
		return
	}
	there := map[string]bool{}
	for _, n := range names {
		if num, ext, ok := fileNumber(n); ok {
			there[strconv.FormatUint(num, 10)+"."+ext] = true
		}
	}
	for _, t := range s.list.tables {
		if !there[strconv.FormatUint(t.file, 10)+".sst"] {
			s.damage.file(tableName(t.file), "the file is gone")
			s.damage.gap(t.from, t.to, t.seq)
		}
	}
	for num := range s.list.values {
		if !there[strconv.FormatUint(num, 10)+".blob"] {
			s.damage.file(valuesName(num), "the file is gone")
		}
	}
	if len(s.logs) == 0 || s.closed {
		s.damage.file("*.log", "the log of the last writes is gone")
		s.lostLog(math.MaxUint64)
		return
	}
	if n := readNote(s.fs, s.dir); n != nil && !s.gap {
		if num, err := n.check(s.list.minLog, s.logs, s.reached); err != nil {
			s.damage.file(logName(num), err.Error())
			s.lostLog(num)
		}
	}
}

// lostLog notes that writes are missing from the log of that number, and since when:
// tables with lower numbers were there before it.
func (s *salvage) lostLog(num uint64) {
	var since time.Time
	for n, t := range s.newest {
		if n < num && t.After(since) {
			since = t
		}
	}
	if !s.damage.Log || since.Before(s.damage.LogSince) {
		s.damage.LogSince = since
	}
	s.damage.Log = true
}

// read returns a whole file; nil if that is impossible, which is noted.
func (s *salvage) read(name string) []byte {
	f, err := s.fs.Open(s.fs.PathJoin(s.dir, name))
	if err != nil {
		s.damage.file(name, err.Error())
		return nil
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		s.damage.file(name, err.Error())
		return nil
	}
	if num, ext, ok := fileNumber(name); ok && ext == "sst" {
		s.newest[num] = st.ModTime()
	}
	b := make([]byte, st.Size())
	n, err := f.ReadAt(b, 0)
	if n < len(b) {
		s.damage.file(name, errors.Join(errors.New("the file cannot be read to its end"), err).Error())
	}
	return b[:n]
}
