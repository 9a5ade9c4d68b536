// Package keyring keeps the few facts without which stored bytes mean nothing, apart
// from the row store and on every disk: the sealed keys of buckets, and the layout. It
// knows neither; both are bytes to it.
//
// # The file
//
// A copy lies in each place, under the name "keyring". It is only ever appended to. It
// begins with eight bytes, "RZKEYS" and the format version in two (1), and goes on with
// records. Numbers are big-endian.
//
//	4   "KREC"
//	1   kind: 'k' bucket key, 'l' layout
//	3   n, the length of the bytes
//	16  what it is about: the bucket's ID, zero for the layout
//	n   bytes
//	16  first half of BLAKE3-256 of all of the above
//
// Of records about the same in one copy, the last counts; of copies that differ, the
// one that knows the other's last record as a former one, else the first. A reader passes over what fails its
// checksum and looks for the next "KREC", so that damage costs one record, and takes
// what is missing in one copy from the others; Open writes it back there.
package keyring

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"slices"
	"sync"

	"github.com/zeebo/blake3"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/base/vfs"
)

const (
	// Name is the file's name in each place.
	Name = "keyring"

	header  = "RZKEYS\x00\x01"
	magic   = "KREC"
	headLen = 24
	sumLen  = 16
	// MaxRecord is the limit on the bytes of one record: the layout of 1,000 nodes has
	// more than 100 KiB.
	MaxRecord = 1<<24 - 1

	kindKey    = 'k'
	kindLayout = 'l'
)

type about struct {
	kind byte
	id   ident.ID
}

// Ring is an open keyring. It is safe for concurrent use.
type Ring struct {
	fs   vfs.FS
	away func(dir string, err error)

	mu     sync.Mutex
	places []string // folders
	facts  map[about][]byte
}

// Open reads the keyring in all given folders and makes every copy whole. A folder
// that cannot be read or written is an error, but for those after the first: a disk
// may be away, and is told to away, which may be nil, now and whenever a copy there
// cannot be written. The caller gives no folder of a disk that is not there.
func Open(fs vfs.FS, away func(dir string, err error), dirs ...string) (*Ring, error) {
	if away == nil {
		away = func(string, error) {}
	}
	r := &Ring{fs: fs, away: away, facts: map[about][]byte{}}
	found := make([]histories, len(dirs))
	for i, dir := range dirs {
		var err error
		if found[i], err = read(fs, fs.PathJoin(dir, Name)); err != nil {
			if i == 0 {
				return nil, err
			}
			found[i] = nil
		}
	}
	r.facts = merge(found)
	for i, dir := range dirs {
		err := r.complete(dir, found[i])
		if err != nil && i == 0 {
			return nil, err
		}
		if err != nil {
			away(dir, err)
			continue
		}
		r.places = append(r.places, dir)
	}
	return r, nil
}

// Read returns the bucket keys and the layout (nil if there is none) of the copies in
// the folders, whatever can be read of them. It changes nothing.
func Read(fs vfs.FS, dirs ...string) (keys map[ident.ID][]byte, layout []byte) {
	var found []histories
	for _, dir := range dirs {
		if h, err := read(fs, fs.PathJoin(dir, Name)); err == nil {
			found = append(found, h)
		}
	}
	r := &Ring{facts: merge(found)}
	return r.Keys(), r.Layout()
}

// histories are the records of one copy by what they are about, oldest first.
type histories map[about][][]byte

// last returns the record that counts, nil if there is none.
func (h histories) last(a about) []byte {
	if all := h[a]; len(all) > 0 {
		return all[len(all)-1]
	}
	return nil
}

// had reports whether b was superseded by another record about the same.
func (h histories) had(a about, b []byte) bool {
	all := h[a]
	return len(all) > 0 && !bytes.Equal(b, h.last(a)) &&
		slices.ContainsFunc(all, func(x []byte) bool { return bytes.Equal(x, b) })
}

func merge(copies []histories) map[about][]byte {
	out := map[about][]byte{}
	for _, h := range copies {
		for a := range h {
			if best, ok := out[a]; !ok || h.had(a, best) {
				out[a] = h.last(a)
			}
		}
	}
	return out
}

// Keep records a bucket's sealed key. It is durable in the first place when it returns,
// and in every other that was not told to be away: those the next Open or AddPlace
// completes. No copy is made where there is none: the disk may not be mounted.
func (r *Ring) Keep(bucket ident.ID, sealed []byte) error {
	return r.keep(about{kindKey, bucket}, sealed)
}

// KeepLayout records the layout, if it is another than the last.
func (r *Ring) KeepLayout(layout []byte) error {
	return r.keep(about{kind: kindLayout}, layout)
}

// Keys returns the sealed keys of all buckets.
func (r *Ring) Keys() map[ident.ID][]byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := map[ident.ID][]byte{}
	for a, b := range r.facts {
		if a.kind == kindKey {
			out[a.id] = bytes.Clone(b)
		}
	}
	return out
}

// Layout returns the layout, nil if none was kept.
func (r *Ring) Layout() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return bytes.Clone(r.facts[about{kind: kindLayout}])
}

// AddPlace adds a folder and makes a copy there, or completes the one that is there: in
// a known place too, which may have been away.
func (r *Ring) AddPlace(dir string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	found, err := read(r.fs, r.fs.PathJoin(dir, Name))
	if err == nil {
		err = r.complete(dir, found)
	}
	if err == nil && !slices.Contains(r.places, dir) {
		r.places = append(r.places, dir)
	}
	return err
}

// Check reads all copies again and writes back what one lacks, as Open does.
func (r *Ring) Check() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, dir := range r.places {
		found, err := read(r.fs, r.fs.PathJoin(dir, Name))
		if errors.Is(err, os.ErrNotExist) || err == nil && found == nil && i > 0 {
			continue // the disk may not be mounted
		}
		if err == nil {
			err = r.complete(dir, found)
		}
		if err != nil {
			r.away(dir, err)
		}
	}
}

// DropPlace forgets a folder; its copy stays as it is.
func (r *Ring) DropPlace(dir string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.places = slices.DeleteFunc(r.places, func(p string) bool { return p == dir })
}

func (r *Ring) keep(a about, b []byte) error {
	if len(b) > MaxRecord {
		return errs.Newf(errs.TooLarge, "a fact for the keyring has %d bytes, the limit is %d", len(b), MaxRecord)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if old, ok := r.facts[a]; ok && bytes.Equal(old, b) {
		return nil
	}
	for i, dir := range r.places {
		err := r.extend(dir, record(a, b))
		if err != nil && i == 0 {
			return err
		}
		if err != nil {
			r.away(dir, err)
		}
	}
	r.facts[a] = bytes.Clone(b)
	return nil
}

func record(a about, b []byte) []byte {
	out := make([]byte, headLen, headLen+len(b)+sumLen)
	copy(out, magic)
	out[4] = a.kind
	putLength(out, len(b))
	copy(out[8:], a.id[:])
	out = append(out, b...)
	sum := blake3.Sum256(out)
	return append(out, sum[:sumLen]...)
}

// putLength writes how many bytes a record has into its head, length reads it. The first of
// the three bytes used to be zero: a program that does not know it passes over what is longer.
func putLength(head []byte, n int) {
	head[5] = byte(n >> 16)
	binary.BigEndian.PutUint16(head[6:], uint16(n))
}

func length(head []byte) int { return int(head[5])<<16 | int(binary.BigEndian.Uint16(head[6:])) }

// complete appends to a copy what it lacks, and makes it if it is not there.
func (r *Ring) complete(dir string, has histories) error {
	var lacks []byte
	for a, b := range r.facts {
		if _, ok := has[a]; !ok || !bytes.Equal(has.last(a), b) {
			lacks = append(lacks, record(a, b)...)
		}
	}
	if lacks == nil && has != nil {
		return nil
	}
	return r.add(dir, lacks)
}

// add appends bytes durably, to a new copy if there is none.
func (r *Ring) add(dir string, b []byte) error {
	st, err := r.fs.Stat(r.fs.PathJoin(dir, Name))
	if errors.Is(err, os.ErrNotExist) || err == nil && st.Size() == 0 {
		return r.replace(dir, append([]byte(header), b...))
	}
	return r.extend(dir, b)
}

// extend appends bytes durably to a copy that is there.
func (r *Ring) extend(dir string, b []byte) error {
	path := r.fs.PathJoin(dir, Name)
	st, err := r.fs.Stat(path)
	if err == nil && st.Size() == 0 {
		err = errs.New(errs.Corrupt, "it is empty")
	}
	if err != nil {
		return errs.Newf(errs.Unavailable, "the keyring in %s cannot be looked at: %w", dir, err)
	}
	f, err := r.fs.OpenReadWrite(path, "rhizome-keyring")
	if err != nil {
		return errs.Newf(errs.Unavailable, "the keyring in %s cannot be written: %w", dir, err)
	}
	_, err = f.WriteAt(b, st.Size())
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errs.Newf(errs.Unavailable, "the keyring in %s cannot be written: %w", dir, err)
	}
	return nil
}

// replace makes the file: whole or not at all.
func (r *Ring) replace(dir string, b []byte) error {
	path := r.fs.PathJoin(dir, Name)
	f, err := r.fs.Create(path+".new", "rhizome-keyring")
	if err == nil {
		_, err = f.Write(b)
		if err == nil {
			err = f.Sync()
		}
		err = errors.Join(err, f.Close())
	}
	if err == nil {
		err = r.fs.Rename(path+".new", path)
	}
	if err == nil {
		var d vfs.File
		if d, err = r.fs.OpenDir(dir); err == nil {
			err = errors.Join(d.Sync(), d.Close())
		}
	}
	if err != nil {
		return errs.Newf(errs.Unavailable, "the keyring in %s cannot be made: %w", dir, err)
	}
	return nil
}

// read returns what a copy says; nil if there is no file. Damage is no error.
func read(fs vfs.FS, path string) (histories, error) {
	f, err := fs.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, errs.Newf(errs.Unavailable, "the keyring %s cannot be opened: %w", path, err)
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil && len(b) == 0 {
		return nil, errs.Newf(errs.Unavailable, "the keyring %s cannot be read: %w", path, err)
	}
	return parse(b), nil
}

func parse(b []byte) histories {
	out := histories{}
	for {
		i := bytes.Index(b, []byte(magic))
		if i < 0 {
			return out
		}
		b = b[i:]
		n := 0
		if len(b) >= headLen {
			n = headLen + length(b)
		}
		if n == 0 || n+sumLen > len(b) {
			b = b[1:]
			continue
		}
		if sum := blake3.Sum256(b[:n]); !bytes.Equal(sum[:sumLen], b[n:n+sumLen]) {
			b = b[1:]
			continue
		}
		a := about{b[4], ident.ID(b[8:24])}
		out[a] = append(out[a], bytes.Clone(b[headLen:n]))
		b = b[n+sumLen:]
	}
}
