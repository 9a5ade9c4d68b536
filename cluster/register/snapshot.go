package register

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"time"

	"rhizome/base/codec"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/base/vfs"
	"rhizome/disk/kv"
)

// SnapshotHeader says what a snapshot is of. Bytes that belong to other floors are
// theirs to read.
type SnapshotHeader struct {
	Node    ident.NodeID `cbor:"1,keyasint"`
	Lineage ident.ID     `cbor:"2,keyasint"`
	// Layout is the layout that was in force, and Version its number.
	Layout  []byte `cbor:"3,keyasint"`
	Version uint64 `cbor:"4,keyasint"`
	Time    int64  `cbor:"5,keyasint"` // Unix milliseconds
	// Blobs: what rows keep apart from their heads is in the snapshot too.
	Blobs bool `cbor:"6,keyasint,omitempty"`
	// Keys are the sealed keys of buckets, by ID.
	Keys map[string][]byte `cbor:"7,keyasint,omitempty"`
}

const (
	snapshotPrefix = "rows-"
	snapshotSuffix = ".snapshot"
	snapshotTime   = "20060102T150405.000Z"
	unfinished     = ".new"
)

// WriteSnapshot copies the rows of a store into a new file in dir. The file is durable,
// under its name, when it returns; whatever happens before leaves the old ones alone.
func WriteSnapshot(ctx context.Context, store *kv.Store, fs vfs.FS, dir string, h SnapshotHeader) (path string, err error) {
	if err := fs.MkdirAll(dir, 0o700); err != nil {
		return "", errs.Newf(errs.Unavailable, "the folder of snapshots cannot be made: %w", err)
	}
	if err := syncFolder(fs, fs.PathDir(dir)); err != nil {
		return "", err
	}
	// What the snapshot has is in tables from here on: a log that is damaged later then
	// holds nothing that the snapshot could bring back.
	if err := store.Flush(); err != nil {
		return "", err
	}
	name := snapshotPrefix + time.UnixMilli(h.Time).UTC().Format(snapshotTime) + snapshotSuffix
	path = fs.PathJoin(dir, name)
	if err := writeSnapshot(ctx, store, fs, path+unfinished, h); err != nil {
		return "", errors.Join(err, fs.Remove(path+unfinished))
	}
	if err := fs.Rename(path+unfinished, path); err != nil {
		return "", errs.Newf(errs.Unavailable, "a snapshot cannot be put in its place: %w", err)
	}
	return path, syncFolder(fs, dir)
}

func writeSnapshot(ctx context.Context, store *kv.Store, fs vfs.FS, path string, h SnapshotHeader) error {
	f, err := fs.Create(path, "rhizome-snapshots")
	if err != nil {
		return errs.Newf(errs.Unavailable, "a snapshot cannot be made: %w", err)
	}
	ranges := [][2][]byte{{{ownKey}, {ownKey + 1}}, {{headKey}, {headKey + 1}}}
	if h.Blobs {
		ranges = append(ranges, [2][]byte{{blobKey}, {blobKey + 1}})
	}
	_, err = store.WriteStream(ctx, f, codec.Encode(h), ranges...)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func syncFolder(fs vfs.FS, dir string) error {
	f, err := fs.OpenDir(dir)
	if err == nil {
		err = errors.Join(f.Sync(), f.Close())
	}
	if err != nil {
		return errs.Newf(errs.Unavailable, "the folder %s cannot be made durable: %w", dir, err)
	}
	return nil
}

// PruneSnapshots removes all but the newest keep snapshots in the folders, and what a
// snapshot that was cut short left there. None may be under way.
func PruneSnapshots(fs vfs.FS, keep int, dirs ...string) error {
	all, err := Snapshots(fs, dirs...)
	if err != nil {
		return err
	}
	gone, err := leftovers(fs, dirs)
	if err != nil {
		return err
	}
	for _, old := range all[min(keep, len(all)):] {
		gone = append(gone, old.Path)
	}
	for _, path := range gone {
		if err := fs.Remove(path); err != nil {
			return errs.Newf(errs.Unavailable, "an old snapshot cannot be removed: %w", err)
		}
	}
	return nil
}

// leftovers are snapshots that were cut short.
func leftovers(fs vfs.FS, dirs []string) (out []string, err error) {
	for _, dir := range dirs {
		names, err := fs.List(dir)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, errs.Newf(errs.Unavailable, "the folder of snapshots cannot be read: %w", err)
		}
		for _, name := range names {
			if strings.HasPrefix(name, snapshotPrefix) && strings.HasSuffix(name, snapshotSuffix+unfinished) {
				out = append(out, fs.PathJoin(dir, name))
			}
		}
	}
	return out, nil
}

// SnapshotFile is one snapshot on disk, as its name tells.
type SnapshotFile struct {
	Path string
	Time time.Time
}

// Snapshots returns the snapshots in the folders, the newest first. A folder that is
// not there has none.
func Snapshots(fs vfs.FS, dirs ...string) ([]SnapshotFile, error) {
	var out []SnapshotFile
	for _, dir := range dirs {
		names, err := fs.List(dir)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, errs.Newf(errs.Unavailable, "the folder of snapshots cannot be read: %w", err)
		}
		for _, name := range names {
			text, ok := strings.CutPrefix(name, snapshotPrefix)
			text, ends := strings.CutSuffix(text, snapshotSuffix)
			if at, err := time.Parse(snapshotTime, text); ok && ends && err == nil {
				out = append(out, SnapshotFile{fs.PathJoin(dir, name), at})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b SnapshotFile) int { return b.Time.Compare(a.Time) })
	return out, nil
}

// ReadSnapshotHeader reads what a snapshot is of, and nothing else.
func ReadSnapshotHeader(ctx context.Context, fs vfs.FS, path string) (*SnapshotHeader, error) {
	var h *SnapshotHeader
	stop := errors.New("enough")
	_, err := readSnapshot(ctx, fs, path, func(got *SnapshotHeader) error { h = got; return stop },
		func(_, _ []byte) error { return stop })
	if err != nil && !errors.Is(err, stop) {
		return nil, err
	}
	if h == nil {
		return nil, errs.Newf(errs.Corrupt, "the head of the snapshot %s is damaged", path)
	}
	return h, nil
}

// CheckSnapshot reads all of a snapshot, from the disk itself where the system lets it.
// errs.Corrupt if any of it is damaged.
func CheckSnapshot(ctx context.Context, fs vfs.FS, path string) error {
	whole := false
	damage, err := readSnapshot(ctx, fs, path, func(*SnapshotHeader) error { whole = true; return nil }, func(_, _ []byte) error { return nil })
	if err == nil && (!whole || damage.Cut || damage.Blocks > 0) {
		err = errs.Newf(errs.Corrupt, "the snapshot %s is damaged in %d places", path, max(1, damage.Blocks))
	}
	return err
}

func readSnapshot(ctx context.Context, fs vfs.FS, path string, header func(*SnapshotHeader) error, row func(key, value []byte) error) (kv.StreamDamage, error) {
	f, err := fs.Open(path)
	if err != nil {
		return kv.StreamDamage{}, errs.Newf(errs.Unavailable, "a snapshot cannot be opened: %w", err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return kv.StreamDamage{}, errs.Newf(errs.Unavailable, "a snapshot cannot be looked at: %w", err)
	}
	vfs.Forget(f, 0, st.Size())
	defer vfs.Forget(f, 0, st.Size())
	return kv.ReadStream(ctx, f, st.Size(), func(raw []byte) error {
		h := new(SnapshotHeader)
		if err := codec.Decode(raw, h); err != nil {
			return nil // rows count without it
		}
		return header(h)
	}, row)
}
