package extentstore

import (
	"fmt"
	"io"
	"log/slog"
	"sync"

	"rhizome/base/codec"
	"rhizome/base/ident"
	"rhizome/base/vfs"
)

const (
	tmpDir      = "tmp"
	extentsDir  = "extents"
	segmentsDir = "segments"
	fanOut      = 256
)

// category labels the bytes written for a file system that counts them.
const category = "rhizome-extents"

// Disk names a folder that extents may lie in.
type Disk struct {
	// ID is the disk's identity; zero takes the one the folder has, or a fresh one.
	ID ident.ID
	// Dir is the folder's absolute path.
	Dir string
	// Capacity limits what extents occupy on the disk, in bytes; 0: no limit.
	Capacity int64
}

// disk is one folder at work. mu guards what is below it.
type disk struct {
	id     ident.ID
	dir    string
	fs     vfs.FS
	owner  Owner
	log    *slog.Logger
	app    appender
	stages vfs.Stages

	// reaping is held while files are removed and their rows, or all are counted.
	reaping sync.Mutex

	// These belong to who holds the store's change.
	lock   io.Closer // of the folder; nil: not in use
	served bool      // it was loaded in this process
	adopt  bool      // whosever the folder is by its identity, it becomes owner's

	mu       sync.Mutex
	absent   error // why it cannot be used; nil: it serves
	draining bool
	unread   bool // the index knows nothing of what it holds
	apart    bool // uncompared, as in diskRow
	doubtful bool // as in diskRow
	capacity int64
	suspect  bool // a write failed here: others are preferred
	tight    bool // it was full a while ago: segments are compacted harder
	segments map[uint64]*segment
	next     uint64 // number of the next segment

	// usedBytes is the sum of all segments' sizes, extents' own files, files about
	// to be removed, and reserved: what is set aside for writers under way.
	usedBytes int64
	reserved  int64
}

// segment is one segment file; guarded by its disk's mu.
type segment struct {
	num    uint64
	size   int64
	live   int64
	sealed bool
	stuck  bool // something in it cannot be read: not compacted again
}

func (d *disk) path(parts ...string) string {
	return d.fs.PathJoin(append([]string{d.dir}, parts...)...)
}

func fileName(id ident.ID) string {
	return fmt.Sprintf("%s/%02x/%s", extentsDir, id[0], id)
}

func segmentName(num uint64) string { return fmt.Sprintf("%s/%016x", segmentsDir, num) }

func (e *entry) name(id ident.ID) string {
	if e.seg == 0 {
		return fileName(id)
	}
	return segmentName(e.seg)
}

// usable returns the reason why the disk cannot be read, nil if it can.
func (d *disk) usable() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.absent
}

func (d *disk) makeDirs() error {
	if _, err := d.fs.Stat(d.path(extentsDir, "ff")); err == nil {
		return nil
	}
	dirs := []string{d.path(tmpDir), d.path(segmentsDir), d.path(extentsDir)}
	for i := range fanOut {
		dirs = append(dirs, d.path(extentsDir, fmt.Sprintf("%02x", i)))
	}
	for _, dir := range dirs {
		if err := d.fs.MkdirAll(dir, 0o700); err != nil {
			return translate(err, "make "+dir)
		}
	}
	for _, dir := range []string{d.path(extentsDir), d.dir, d.fs.PathDir(d.dir)} {
		if err := syncDir(d.fs, dir); err != nil {
			return err
		}
	}
	return nil
}

// writeSynced makes a small file that is there whole or not at all.
func writeSynced(fs vfs.FS, path string, b []byte) error {
	f, err := fs.Create(path+".new", category)
	if err != nil {
		return translate(err, "make "+path)
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.SyncData()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = fs.Rename(path+".new", path)
	}
	if err != nil {
		return translate(err, "write "+path)
	}
	return syncDir(fs, fs.PathDir(path))
}

func syncDir(fs vfs.FS, dir string) error {
	f, err := fs.OpenDir(dir)
	if err != nil {
		return translate(err, "open folder "+dir)
	}
	err = f.Sync()
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return translate(err, "sync folder "+dir)
}

func (s *Store) saveDisk(d *disk) error {
	d.mu.Lock()
	row := d.row()
	d.mu.Unlock()
	b := s.rows.NewBatch()
	b.Set(key(keyDisk, d.id[:]), codec.Encode(row))
	return b.Commit()
}

// row is what the row store knows of the disk. d.mu is held.
func (d *disk) row() diskRow {
	return diskRow{d.dir, d.capacity, d.draining, d.unread, d.apart, d.doubtful}
}
