package extentstore

import (
	"context"
	"errors"
	"fmt"
	"os"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/disk/kv"
)

// After a process that did not close the store, extents in files of their own may
// be missing from the index. Until all folders were looked through, a lookup that
// finds nothing looks at the file's path itself.

// startAdopting begins to look through the folders if the last process left no word
// that it closed the store, and takes that word back.
func (s *Store) startAdopting() error {
	s.adoption = make(chan struct{})
	_, err := s.rows.Get(key(keyClean))
	if err == nil {
		close(s.adoption)
		b := s.rows.NewBatch()
		b.Delete(key(keyClean))
		return b.Commit()
	}
	if errs.KindOf(err) != errs.NotFound {
		return err
	}
	s.work.Go(func() {
		if s.adoptAll() {
			close(s.adoption)
		}
	})
	return nil
}

// adopting reports whether the index may lack extents.
func (s *Store) adopting() bool {
	select {
	case <-s.adoption:
		return false
	default:
		return true
	}
}

// adopted waits until the index is complete.
func (s *Store) adopted(ctx context.Context) error {
	select {
	case <-s.adoption:
		return nil
	case <-s.ctx.Done():
		return errs.New(errs.Unavailable, "the disks are being closed")
	case <-ctx.Done():
		return errs.New(errs.Unavailable, "the disks are still being looked through after a crash")
	}
}

func (s *Store) adoptAll() bool {
	for _, d := range s.allDisks() {
		s.adoptDisk(d)
	}
	return s.ctx.Err() == nil
}

func (s *Store) adoptDisk(d *disk) {
	for i := range fanOut {
		if s.ctx.Err() == nil && d.usable() == nil {
			s.adoptFolder(d, fmt.Sprintf("%02x", i))
		}
	}
}

// adoptFolder indexes the files of one folder that the index does not know.
func (s *Store) adoptFolder(d *disk, folder string) {
	names, err := d.fs.List(d.path(extentsDir, folder))
	if err != nil {
		s.log.Error("a folder of extents cannot be listed", "folder", d.path(extentsDir, folder), "error", err)
		return
	}
	synced := false
	for _, name := range names {
		id, err := ident.Parse(name)
		if err != nil || s.ctx.Err() != nil {
			continue
		}
		if e, err := s.lookup(id); err == nil && (e.disk != d.id || e.seg != 0) {
			s.discardDouble(d, id)
			continue
		} else if errs.KindOf(err) != errs.NotFound {
			continue
		}
		if !synced {
			err = syncDir(d.fs, d.path(extentsDir, folder))
			synced = true
		}
		if err == nil {
			_, err = s.adopt(d, id)
		}
		if err != nil && errs.KindOf(err) != errs.NotFound {
			s.log.Error("an extent's file cannot be read", "file", d.path(fileName(id)), "error", err)
		}
	}
}

// discardDouble removes the file of an extent that the index has elsewhere: a crash
// cut a move short. It looks again: the keeper may have moved the extent to this very
// file since.
func (s *Store) discardDouble(d *disk, id ident.ID) {
	s.indexMu.Lock()
	defer s.indexMu.Unlock()
	if e, err := s.lookup(id); err != nil || e.disk == d.id && e.seg == 0 {
		return
	}
	b := s.rows.NewBatch()
	err := s.discardFile(b, d, id)
	if cerr := b.CommitLazily(); err == nil {
		err = cerr
	}
	if err != nil {
		s.log.Warn("a second copy of an extent could not be removed", "file", d.path(fileName(id)), "error", err)
	}
}

// discardFile discards the extent's own file on a disk, if there is one and it is no
// garbage already; indexMu is held.
func (s *Store) discardFile(b *kv.Batch, d *disk, id ident.ID) error {
	name := fileName(id)
	if _, err := s.rows.Get(garbageKey(d.id, name)); errs.KindOf(err) != errs.NotFound {
		return err
	}
	st, err := s.fs.Stat(d.path(name))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err == nil {
		s.discard(b, d, name, st.Size())
	}
	return translate(err, "look at "+d.path(name))
}

// discardDoubles discards in b what adoption has not come to yet: a second copy of an
// extent that is being deleted would be adopted in its place. indexMu is held.
func (s *Store) discardDoubles(b *kv.Batch, id ident.ID, e *entry) error {
	if e.seg != 0 || !s.adopting() {
		return nil
	}
	for _, d := range s.allDisks() {
		if d.id == e.disk || d.usable() != nil {
			continue
		}
		if err := s.discardFile(b, d, id); err != nil {
			return err
		}
	}
	return nil
}

// adopt indexes the extent's own file on that disk if there is one and it is no
// garbage.
func (s *Store) adopt(d *disk, id ident.ID) (*entry, error) {
	s.indexMu.Lock()
	defer s.indexMu.Unlock()
	return s.adoptLocked(d, id)
}

func (s *Store) adoptLocked(d *disk, id ident.ID) (*entry, error) {
	if e, err := s.lookup(id); errs.KindOf(err) != errs.NotFound {
		return e, err
	}
	if _, err := s.rows.Get(garbageKey(d.id, fileName(id))); errs.KindOf(err) != errs.NotFound {
		return nil, notFound(id)
	}
	f, err := d.openOwn(id)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	m, e, err := readTail(f)
	if err != nil {
		return nil, err
	}
	if m.id != id {
		return nil, errs.Newf(errs.Corrupt, "the file of extent %s holds extent %s", id, m.id)
	}
	e.disk = d.id
	return e, s.setFile(s.rows.NewBatch(), d, id, e)
}

// locate is lookup that also finds what is not adopted yet.
func (s *Store) locate(id ident.ID) (*entry, error) {
	e, err := s.lookup(id)
	if errs.KindOf(err) != errs.NotFound || !s.adopting() {
		return e, err
	}
	s.indexMu.Lock()
	defer s.indexMu.Unlock()
	return s.find(id)
}

// find is locate with indexMu held.
func (s *Store) find(id ident.ID) (*entry, error) {
	e, err := s.lookup(id)
	if errs.KindOf(err) != errs.NotFound || !s.adopting() {
		return e, err
	}
	for _, d := range s.allDisks() {
		if d.usable() != nil {
			continue
		}
		if e, err := s.adoptLocked(d, id); err == nil {
			return e, nil
		}
	}
	return nil, notFound(id)
}
