package kv

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"
	"path"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/record"

	"rhizome/base/errs"
	"rhizome/base/vfs"
)

// fileList is what a store's MANIFEST says of its files, as far as Salvage needs it.
// The MANIFEST is a log of edits, each a run of numbered fields. One that this
// program does not know makes the list unreadable, never wrong.
type fileList struct {
	tables map[tableID]table
	values map[uint64]uint64 // number of a .blob file -> its size
	sizes  map[uint64]uint64 // number of a .sst file -> its size; of those that were removed too
	minLog uint64            // logs below it hold nothing that the tables lack
	// lastSeq is the sequence number of the last write at the time of the last edit; the
	// logs begin at or before the next.
	lastSeq uint64
	// flushed is the highest sequence number in any table that was ever listed: the logs
	// that are needed begin with the next one.
	flushed uint64
	torn    bool // the end of the list is unreadable
}

// tableID names a table in the list. One file may back several.
type tableID struct{ level, num uint64 }

type table struct {
	file     uint64
	from, to []byte
	seq      uint64 // highest sequence number
}

// The fields of an edit.
const (
	fieldComparer     = 1
	fieldMinLog       = 2
	fieldNextFile     = 3
	fieldLastSeq      = 4
	fieldDeletedTable = 6
	fieldPrevLog      = 9
	fieldNewTable     = 103
	fieldNewTable2    = 104 // with range keys, which this package never writes
	fieldNewBacking   = 105
	fieldOldBacking   = 106
	fieldNewValues    = 107
	fieldOldValues    = 108
)

// The fields of a new table that have a meaning here, or a form of their own.
const (
	tableEnd     = 1
	tableVirtual = 66
	tableValues  = 69
	tableUnknown = 64 // from here on a field may not be passed over
)

// readFileList reads the MANIFEST that is in force. torn says that it ends in
// something unreadable with nothing behind it, as after a crash.
func readFileList(fs vfs.FS, dir string, names []string) (l *fileList, torn bool, err error) {
	name := currentManifest(fs, dir, names)
	if name == "" {
		return nil, false, errs.New(errs.Corrupt, "the list of the row store's files is gone")
	}
	f, err := fs.Open(fs.PathJoin(dir, name))
	if err != nil {
		return nil, false, errs.Newf(errs.Corrupt, "the list of the row store's files cannot be opened: %w", err)
	}
	defer f.Close()
	file, err := io.ReadAll(f)
	if err != nil {
		return nil, false, errs.Newf(errs.Corrupt, "the list of the row store's files cannot be read: %w", err)
	}
	l = &fileList{tables: map[tableID]table{}, values: map[uint64]uint64{}, sizes: map[uint64]uint64{}}
	end, err := l.read(file)
	if err == nil {
		return l, false, nil
	}
	if !record.IsInvalidRecord(err) || anyChunk(file[end:]) {
		return nil, false, errs.Newf(errs.Corrupt, "the list of the row store's files (%s) is damaged: %w", name, err)
	}
	l.torn = true
	return l, true, nil
}

// read applies all edits and returns where the last whole one ends.
func (l *fileList) read(file []byte) (end int, err error) {
	edits := record.NewReader(bytes.NewReader(file), 0)
	for {
		r, err := edits.Next()
		if err == io.EOF {
			return end, nil
		}
		var b []byte
		if err == nil {
			b, err = io.ReadAll(r)
		}
		if err == nil {
			err = l.apply(b)
		}
		if err != nil {
			return end, err
		}
		end = int(edits.Offset())
	}
}

// anyChunk reports whether a whole chunk of a record begins anywhere but at the start
// of b: checksum, length, one of four kinds, bytes.
func anyChunk(b []byte) bool {
	const head = 7
	for i := 1; i+head < len(b); i++ {
		n := int(binary.LittleEndian.Uint16(b[i+4:]))
		if kind := b[i+6]; kind < 1 || kind > 4 || n == 0 || i+head+n > len(b) {
			continue
		}
		if checksum(crc32.Update(0, crcTable(), b[i+6:i+head+n])) == binary.LittleEndian.Uint32(b[i:]) {
			return true
		}
	}
	return false
}

// currentManifest returns the name of the MANIFEST that the store points to, or if
// that cannot be told, of the newest.
func currentManifest(fs vfs.FS, dir string, names []string) string {
	if d, err := pebble.Peek(dir, fs); err == nil && d.Exists && d.ManifestFilename != "" {
		return path.Base(d.ManifestFilename)
	}
	best, high := "", uint64(0)
	for _, n := range names {
		if num, ok := strings.CutPrefix(n, "MANIFEST-"); ok {
			if v, err := strconv.ParseUint(num, 10, 64); err == nil && v >= high {
				best, high = n, v
			}
		}
	}
	return best
}

// fields takes fields off an edit.
type fields struct {
	b   []byte
	bad bool
}

func (f *fields) number() uint64 {
	v, n := binary.Uvarint(f.b)
	if n <= 0 {
		f.bad, f.b = true, nil
		return 0
	}
	f.b = f.b[n:]
	return v
}

func (f *fields) bytes() []byte {
	n := f.number()
	if n > uint64(len(f.b)) {
		f.bad, f.b = true, nil
		return nil
	}
	out := f.b[:n]
	f.b = f.b[n:]
	return out
}

// key reads the user's part of an internal key.
func (f *fields) key() []byte {
	b := f.bytes()
	if len(b) < 8 {
		f.bad = true
		return nil
	}
	return bytes.Clone(b[:len(b)-8])
}

func (l *fileList) apply(edit []byte) error {
	f := &fields{b: edit}
	for len(f.b) > 0 {
		switch field := f.number(); field {
		case fieldComparer:
			f.bytes()
		case fieldMinLog:
			l.minLog = f.number()
		case fieldLastSeq:
			l.lastSeq = f.number()
		case fieldNextFile, fieldPrevLog, fieldOldBacking:
			f.number()
		case fieldNewBacking:
			num := f.number()
			l.sizes[num] = f.number()
		case fieldDeletedTable:
			delete(l.tables, tableID{f.number(), f.number()})
		case fieldNewTable:
			l.newTable(f)
		case fieldNewValues:
			f.number() // what tables call it; a rewritten file keeps that
			num := f.number()
			l.values[num] = f.number()
			f.number() // bytes of values
			f.number() // time
		case fieldOldValues:
			f.number()
			delete(l.values, f.number())
		case fieldNewTable2:
			return errs.New(errs.Corrupt, "it names a table with range keys")
		default:
			return errs.Newf(errs.Corrupt, "it has a field %d, which is unknown", field)
		}
		if f.bad {
			return errs.New(errs.Corrupt, "an edit ends in its midst")
		}
	}
	return nil
}

func (l *fileList) newTable(f *fields) {
	id := tableID{f.number(), f.number()}
	t := table{file: id.num}
	size := f.number()
	t.from, t.to = f.key(), f.key()
	f.number() // lowest sequence number
	t.seq = f.number()
	for !f.bad {
		switch field := f.number(); {
		case field == tableEnd:
			l.tables[id] = t
			l.flushed = max(l.flushed, t.seq)
			if t.file == id.num {
				l.sizes[id.num] = size
			}
			return
		case field == tableVirtual:
			t.file = f.number()
		case field == tableValues:
			f.number()
			for n := f.number(); n > 0 && !f.bad; n-- {
				f.number()
				f.number()
			}
		case field >= tableUnknown:
			f.bad = true
		default:
			f.bytes()
		}
	}
}

// span returns the bounds of all tables in one file; ok is false if there is none.
func (l *fileList) span(file uint64) (from, to []byte, seq uint64, ok bool) {
	for _, t := range l.tables {
		if t.file != file {
			continue
		}
		if !ok || bytes.Compare(t.from, from) < 0 {
			from = t.from
		}
		if !ok || bytes.Compare(t.to, to) > 0 {
			to = t.to
		}
		seq, ok = max(seq, t.seq), true
	}
	return from, to, seq, ok
}
