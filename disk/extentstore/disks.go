package extentstore

import (
	"context"
	"errors"
	"os"
	"time"

	"rhizome/base/errs"
	"rhizome/base/ident"
)

// DiskStatus says how a disk stands.
type DiskStatus struct {
	ID       ident.ID
	Dir      string
	Capacity int64 // 0: no limit
	// Used is what is occupied and set aside; Live what extents need of it: the rest
	// is waiting for compaction or removal. All in bytes.
	Used, Live int64
	// Free is what may still be written, by the disk and by the node's capacity.
	Free int64
	// Draining: extents are on their way to other disks; Live counts down to 0.
	Draining bool
	// Absent says why the disk cannot be used; nil: it serves.
	Absent error
	// Suspect: a write failed here; other disks are preferred until the next start.
	Suspect bool
	// Refusing: lately something did not fit on this node, and no more room was made since.
	Refusing bool
	// Unmeasured: the free space of its file system is not known; Free is 0 then.
	Unmeasured bool
	// Uncompared: the rows were made anew while the disk was away; see Store.Uncompared.
	Uncompared bool
}

// Disks returns the state of every disk.
func (s *Store) Disks() []DiskStatus {
	var out []DiskStatus
	left, refusing := s.left(), s.refusing()
	for _, d := range s.allDisks() {
		_, uerr := d.fs.GetDiskUsage(d.dir)
		if errors.Is(uerr, os.ErrNotExist) {
			d.distrust() // nobody has to write first to notice that it is gone
		}
		live, err := s.rows.Counter(key(keyFiles, d.id[:]))
		if err != nil {
			s.log.Warn("a disk's counter cannot be read", "disk", d.dir, "error", err)
		}
		d.mu.Lock()
		for _, seg := range d.segments {
			live += seg.live
		}
		st := DiskStatus{
			ID: d.id, Dir: d.dir, Capacity: d.capacity, Used: d.usedBytes, Live: live,
			Draining: d.draining, Absent: d.absent, Suspect: d.suspect, Uncompared: d.apart,
			Refusing: refusing, Unmeasured: d.absent == nil && uerr != nil,
		}
		if d.absent == nil && uerr == nil {
			st.Free = max(0, min(d.free(s.opt.Reserve), left))
		}
		d.mu.Unlock()
		out = append(out, st)
	}
	return out
}

// AddDisk takes a disk into use, or changes the capacity of one that is. A folder
// that was in use before, or whose rows were lost, is indexed before it returns. One
// that is another rhizome's or node's, or in use by another process, is refused with
// errs.Conflict, a disk of this node by another path with errs.Exists. A known disk
// that is still not there is errs.Unavailable.
func (s *Store) AddDisk(ctx context.Context, d Disk) error {
	s.change.Lock()
	defer s.change.Unlock()
	if err := s.addOrAdjust(d); err != nil {
		return err
	}
	s.space.refusedAt.Store(0)
	s.recheck()
	for _, x := range s.allDisks() {
		if x.dir != d.Dir {
			continue
		}
		if err := x.usable(); err != nil {
			return err
		}
		s.adoptDisk(x)
	}
	s.keeper.poke()
	return nil
}

// Recheck looks whether absent disks are back. The store does it every minute too.
func (s *Store) Recheck() {
	s.change.Lock()
	defer s.change.Unlock()
	s.recheck()
}

func (s *Store) recheck() {
	for _, d := range s.allDisks() {
		if d.usable() == nil {
			continue
		}
		if err := d.away(s.takeBack(d)); err != nil {
			d.unlock()
			d.mu.Lock()
			d.absent = err
			d.mu.Unlock()
			continue
		}
		s.log.Info("a disk is back", "disk", d.dir)
		s.adoptDisk(d)
		s.keeper.poke()
		s.tellBack(d.dir)
	}
}

// takeBack takes a disk into use again that was absent for some time. Writers may
// still have its open segment: they lose it first, and what is in it is read anew.
func (s *Store) takeBack(d *disk) error {
	if err := d.mount(true); err != nil {
		return err
	}
	d.mu.Lock()
	unread := d.unread
	d.mu.Unlock()
	if unread { // at length, so that the second time is short
		if _, err := s.load(d, true); err != nil {
			return err
		}
	}
	if err := d.app.reload(s, d); err != nil {
		return err
	}
	return s.noteRead(d)
}

// reload counts anew what is on a disk while others change the index.
func (s *Store) reload(d *disk) error {
	d.reaping.Lock()
	defer d.reaping.Unlock()
	s.indexMu.Lock()
	defer s.indexMu.Unlock()
	c, err := s.load(d, false)
	if err == nil {
		d.serve(c)
	}
	return err
}

// watch looks for absent disks until the store closes. A disk that is asleep is not
// woken: it is not absent.
func (s *Store) watch() {
	tick := time.NewTicker(s.opt.recheck)
	defer tick.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-tick.C:
			if !s.allServe() {
				s.Recheck()
			}
		}
	}
}

// OnReturn has f called with the folder of each disk that comes back, once it serves.
// f must not add, drain, remove or recheck disks.
func (s *Store) OnReturn(f func(dir string)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.back = f
}

func (s *Store) tellBack(dir string) {
	s.mu.RLock()
	f := s.back
	s.mu.RUnlock()
	if f != nil {
		f(dir)
	}
}

// Uncompared reports whether the extent is on a disk that was away when the rows were
// made anew, or is nowhere and may be on such a disk: that no row uses it then proves
// nothing, and it must not be deleted for it.
func (s *Store) Uncompared(id ident.ID) (bool, error) {
	apart := map[ident.ID]bool{}
	for _, d := range s.allDisks() {
		d.mu.Lock()
		if d.apart {
			apart[d.id] = true
		}
		d.mu.Unlock()
	}
	if len(apart) == 0 {
		return false, nil
	}
	e, err := s.locate(id)
	if errs.KindOf(err) == errs.NotFound {
		return true, nil
	}
	return err == nil && apart[e.disk], err
}

// DrainDisk begins to move everything off a disk, or ends that, and returns. Nothing
// new is written to a disk that is drained; it goes on serving what it has. One that is
// uncompared is refused with errs.Conflict: elsewhere nothing would keep what it holds.
func (s *Store) DrainDisk(id ident.ID, on bool) error {
	s.change.Lock()
	defer s.change.Unlock()
	d, err := s.known(id)
	if err != nil {
		return err
	}
	d.mu.Lock()
	apart := d.apart
	if !apart {
		d.draining = on
	}
	d.mu.Unlock()
	if apart && on {
		return errs.Newf(errs.Conflict, "the disk %s was away when the rows were made anew: stop the node and run rhizome repair rebuild with the disk in its place first", d.dir)
	}
	s.keeper.poke()
	return s.saveDisk(d)
}

func (s *Store) known(id ident.ID) (*disk, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if d := s.disks[id]; d != nil {
		return d, nil
	}
	return nil, errs.Newf(errs.NotFound, "this node has no disk %s", id)
}

// RemoveDisk forgets a disk. One that still has extents is refused with
// errs.Conflict, unless lost is given: it is called with every extent that is lost
// with the disk.
func (s *Store) RemoveDisk(ctx context.Context, id ident.ID, lost func(ident.ID)) error {
	s.change.Lock()
	defer s.change.Unlock()
	d, err := s.known(id)
	if err != nil {
		return err
	}
	if err := s.adopted(ctx); err != nil {
		return err
	}
	s.reaper.wait()
	reopen, err := d.shut()
	if err != nil {
		return err
	}
	gone, err := s.extentsOn(ctx, id)
	if err == nil && len(gone) > 0 && lost == nil {
		err = errs.Newf(errs.Conflict, "disk %s still holds %d pieces of objects: empty it first with rhizome disk drain, or give them up with --force", id, len(gone))
	}
	if err != nil {
		reopen()
		return err
	}
	if err := d.retire(len(gone) == 0); err != nil {
		return err
	}
	return s.forgetDisk(d, gone, lost)
}

// shut lets nothing new begin on the disk; one that is being written to is refused.
func (d *disk) shut() (reopen func(), err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.reserved > 0 {
		return nil, errs.Newf(errs.Conflict, "disk %s is being written to: empty it first with rhizome disk drain", d.id)
	}
	was := d.draining
	d.draining = true
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.draining = was
	}, nil
}

// retire makes the disk absent for good. One that is empty may be taken into use again
// as a new disk, of any rhizome; one that is not stays its owner's.
func (d *disk) retire(empty bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.absent != nil {
		return nil
	}
	d.absent = errs.Newf(errs.Unavailable, "disk %s was removed from this node", d.id)
	if !empty {
		return nil
	}
	return removeFile(d.fs, d.path(identityName))
}

func (s *Store) extentsOn(ctx context.Context, disk ident.ID) (out []ident.ID, err error) {
	err = s.each(ctx, ident.ID{}, func(id ident.ID, e *entry) error {
		if e.disk == disk {
			out = append(out, id)
		}
		return nil
	})
	return out, err
}

func (s *Store) forgetDisk(d *disk, gone []ident.ID, lost func(ident.ID)) error {
	if err := d.app.close(s, d); err != nil {
		return err
	}
	s.indexMu.Lock()
	defer s.indexMu.Unlock()
	b := s.rows.NewBatch()
	for _, id := range gone {
		b.Delete(extentKey(id))
	}
	for _, kind := range []byte{keySegment, keyLive, keyGarbage} {
		b.DeleteRange(key(kind, d.id[:]), after(key(kind, d.id[:])))
	}
	b.Delete(key(keyFiles, d.id[:]))
	b.Delete(key(keyDisk, d.id[:]))
	if err := b.Commit(); err != nil {
		return err
	}
	s.mu.Lock()
	delete(s.disks, d.id)
	s.mu.Unlock()
	d.unlock()
	for _, id := range gone {
		lost(id)
	}
	return nil
}
