package extentstore

import (
	"context"

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
}

// Disks returns the state of every disk.
func (s *Store) Disks() []DiskStatus {
	var out []DiskStatus
	left := s.left()
	for _, d := range s.allDisks() {
		live, err := s.rows.Counter(key(keyFiles, d.id[:]))
		if err != nil {
			s.log.Warn("a disk's counter cannot be read", "disk", d.dir, "error", err)
		}
		d.mu.Lock()
		for _, seg := range d.segments {
			live += seg.live
		}
		st := DiskStatus{d.id, d.dir, d.capacity, d.usedBytes, live, 0, d.draining, d.absent, d.suspect}
		if d.absent == nil {
			st.Free = max(0, min(d.free(s.opt.Reserve), left))
		}
		d.mu.Unlock()
		out = append(out, st)
	}
	return out
}

// AddDisk takes a disk into use, or changes the capacity of one that is. A folder
// that was in use elsewhere, or whose rows were lost, is indexed before it returns.
func (s *Store) AddDisk(ctx context.Context, d Disk) error {
	if err := s.addOrAdjust(d); err != nil {
		return err
	}
	s.Recheck()
	for _, x := range s.allDisks() {
		if x.dir == d.Dir {
			s.adoptDisk(x)
		}
	}
	s.keeper.poke()
	return nil
}

// Recheck looks whether absent disks are back.
func (s *Store) Recheck() {
	for _, d := range s.allDisks() {
		if d.usable() == nil {
			continue
		}
		err := d.mount(true)
		if err == nil {
			d.mu.Lock()
			d.segments, d.next, d.usedBytes = map[uint64]*segment{}, 1, d.reserved
			d.mu.Unlock()
			err = s.load(d, false)
		}
		d.mu.Lock()
		d.absent = err
		d.mu.Unlock()
		if err == nil {
			s.adoptDisk(d)
		}
	}
}

// DrainDisk begins to move everything off a disk, or ends that, and returns. Nothing
// new is written to a disk that is drained; it goes on serving what it has.
func (s *Store) DrainDisk(id ident.ID, on bool) error {
	d, err := s.known(id)
	if err != nil {
		return err
	}
	d.mu.Lock()
	d.draining = on
	d.mu.Unlock()
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
		err = errs.Newf(errs.Conflict, "disk %s still holds %d extents: drain it first, or say that they are lost", id, len(gone))
	}
	if err != nil {
		reopen()
		return err
	}
	if err := d.retire(); err != nil {
		return err
	}
	return s.forgetDisk(d, gone, lost)
}

// shut lets nothing new begin on the disk; one that is being written to is refused.
func (d *disk) shut() (reopen func(), err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.reserved > 0 {
		return nil, errs.Newf(errs.Conflict, "disk %s is being written to: drain it first", d.id)
	}
	was := d.draining
	d.draining = true
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.draining = was
	}, nil
}

// retire makes the disk absent for good.
func (d *disk) retire() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.absent == nil {
		d.absent = errs.Newf(errs.Unavailable, "disk %s was removed from this node", d.id)
		// Without its identity the folder may be taken into use again as a new disk.
		return removeFile(d.fs, d.path(identityName))
	}
	return nil
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
	for _, id := range gone {
		lost(id)
	}
	return nil
}
