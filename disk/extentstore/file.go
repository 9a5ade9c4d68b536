package extentstore

import (
	"errors"
	"os"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/base/vfs"
	"rhizome/disk/kv"
)

// syncStep is how many bytes of a file may wait in the page cache for the disk, where that is
// not passed by: writing back begins early, so that the last fsync is short.
const syncStep = 4 << 20

// fileWriter writes an extent's own file.
type fileWriter struct {
	d        *disk
	tmp      string
	f        vfs.File
	out      *vfs.Appender
	size     int64
	unsynced int64
}

func createFile(d *disk, id ident.ID) (*fileWriter, error) {
	w := &fileWriter{d: d, tmp: d.path(tmpDir, id.String())}
	f, err := d.fs.Create(w.tmp, category)
	if errors.Is(err, os.ErrNotExist) { // it was whole when the disk came into use
		d.distrust()
	}
	if err != nil {
		return nil, translate(err, "make "+w.tmp)
	}
	w.f, w.out = f, d.stages.NewAppender(f)
	return w, nil
}

func (w *fileWriter) write(b []byte) error {
	n, err := w.out.Write(b)
	if err == nil {
		err = w.out.Rest() // more may come late, and of many
	}
	w.size += int64(n)
	if w.unsynced += int64(n); err == nil && w.unsynced >= syncStep {
		w.unsynced = 0
		_, err = w.f.SyncTo(w.size)
	}
	return w.failed(err)
}

// failed marks the disk when a write did not work for another reason than room.
func (w *fileWriter) failed(err error) error {
	if err == nil {
		return nil
	}
	w.d.distrust()
	return translate(err, "write "+w.tmp)
}

// distrust makes others be preferred; a disk that lost its identity is absent.
func (d *disk) distrust() {
	gone := d.identityGone()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.suspect = true
	if gone != nil && d.absent == nil {
		d.absent = gone
	}
}

// identityGone returns a reason if the folder's identity file is missing: the disk
// was taken away.
func (d *disk) identityGone() error {
	if _, err := d.fs.Stat(d.path(identityName)); errors.Is(err, os.ErrNotExist) {
		return errs.Newf(errs.Unavailable, "disk %s is not there any more: %s does not hold it. Mount it, and it is used again within a minute; or give it up with rhizome disk remove %s --force", d.id, d.dir, d.id)
	}
	return nil
}

// finish writes the file's end and makes its bytes durable, still under tmp/.
func (w *fileWriter) finish(id ident.ID, t table, desc []byte) (*entry, error) {
	e := &entry{disk: w.d.id, meta: w.size, desc: len(desc), table: t}
	m := meta{id: id, place: inFile, table: t, desc: desc}
	if err := w.write(append(m.encode(), encodeTail(w.size)...)); err != nil {
		return nil, err
	}
	if err := w.out.Sync(); err != nil {
		return nil, w.failed(err)
	}
	f := w.f
	w.f = nil
	if err := f.Close(); err != nil {
		return nil, w.failed(err)
	}
	return e, nil
}

// publish gives the finished file its name, durably.
func (w *fileWriter) publish(id ident.ID) error {
	name := w.d.path(fileName(id))
	if err := w.d.fs.Rename(w.tmp, name); err != nil {
		return w.failed(err)
	}
	w.tmp = name
	return w.failed(syncDir(w.d.fs, w.d.fs.PathDir(name)))
}

func (w *fileWriter) abort() {
	if w.f != nil {
		w.out.Release()
		_ = w.f.Close()
	}
	_ = w.d.fs.Remove(w.tmp)
}

// indexFile records a new extent's durable file in the index.
func (s *Store) indexFile(d *disk, id ident.ID, e *entry) error {
	s.indexMu.Lock()
	defer s.indexMu.Unlock()
	if s.stillAt(id, e) { // adopted meanwhile
		return nil
	}
	return s.setFile(s.rows.NewBatch(), d, id, e)
}

// indexMoved gives a finished copy its name and moves the index from one place to it;
// if the index no longer says from, the copy goes. The name comes under indexMu:
// were the extent deleted between name and index, a power cut would leave a file that
// nothing says is garbage, and it would be adopted.
func (s *Store) indexMoved(w *fileWriter, id ident.ID, e, from *entry) error {
	s.indexMu.Lock()
	defer s.indexMu.Unlock()
	if !s.stillAt(id, from) {
		w.abort()
		return nil
	}
	err := s.nameIsFree(w.d, id)
	if err == nil {
		err = w.publish(id)
	}
	if err != nil {
		w.abort()
		return err
	}
	// In one batch: a crash that kept only the first half would count the old file for ever.
	b := s.rows.NewBatch()
	s.unplace(b, id, from)
	if err := s.setFile(b, w.d, id, e); err != nil {
		return err
	}
	s.unplaced(from)
	return nil
}

// setFile commits b, in which the index says that the extent is the file e; indexMu is
// held.
func (s *Store) setFile(b *kv.Batch, d *disk, id ident.ID, e *entry) error {
	b.Set(extentKey(id), e.encode())
	b.Add(key(keyFiles, d.id[:]), e.bytes())
	if err := b.CommitLazily(); err != nil {
		return err
	}
	d.occupy(e.bytes())
	return nil
}

// occupy counts n more bytes on the disk, or less.
func (d *disk) occupy(n int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.usedBytes += n
}

// stillAt reports whether the index has the extent at that place. Who relies on it
// later than now holds indexMu.
func (s *Store) stillAt(id ident.ID, at *entry) bool {
	now, err := s.lookup(id)
	return err == nil && now.same(at)
}

// discard puts a file on the list of those to remove; its bytes count as used until
// it is gone.
func (s *Store) discard(b *kv.Batch, d *disk, name string, bytes int64) {
	b.Set(garbageKey(d.id, name), encodeSize(bytes))
	d.occupy(bytes)
	s.reaper.poke()
}

func removeFile(fs vfs.FS, path string) error {
	err := fs.Remove(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return translate(err, "remove "+path)
}
