package extentstore

import (
	"errors"
	"os"

	"rhizome/base/errs"
	"rhizome/base/ident"
)

// addOrAdjust takes a disk that the caller names: a known one may have a new
// capacity, or a new path if its ID is given or found there, as when the folder was
// moved or came back from a backup. Who calls it holds change, or is Open.
func (s *Store) addOrAdjust(given Disk) error {
	if !s.ready && given.ID.IsZero() {
		if is, err := readIdentity(s.fs, given.Dir); err == nil && s.knows(is.disk) {
			given.ID = is.disk
		}
	}
	for _, d := range s.allDisks() {
		if d.id != given.ID && d.dir != given.Dir {
			continue
		}
		if !given.ID.IsZero() && d.id != given.ID {
			return errs.Newf(errs.Invalid, "the folder %s is that of disk %s, not %s", d.dir, d.id, given.ID)
		}
		return s.adjust(d, given)
	}
	return s.add(given)
}

// knows reports whether the row store knows a disk, mounted or not.
func (s *Store) knows(id ident.ID) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.disks[id] != nil
}

func (s *Store) adjust(d *disk, given Disk) error {
	if d.dir == given.Dir {
		d.mu.Lock()
		d.capacity = given.Capacity
		d.mu.Unlock()
		return s.saveDisk(d)
	}
	if s.ready {
		return errs.Newf(errs.Conflict, "disk %s is in use in %s: its path can change at the next start", d.id, d.dir)
	}
	next := newDisk(s, Disk{d.id, given.Dir, given.Capacity}, d.draining)
	next.unread, next.adopt, next.apart, next.doubtful = d.unread, d.adopt, d.apart, d.doubtful
	d.unlock() // both may be one folder
	if err := s.bringUp(next, true, next.unread); err != nil {
		return err
	}
	s.disks[d.id] = next
	return s.saveDisk(next)
}

// add takes a disk that the row store does not know. One that has an identity was in
// use: its extents are indexed anew.
func (s *Store) add(given Disk) error {
	is, err := readIdentity(s.fs, given.Dir)
	used := err == nil
	switch {
	case errs.KindOf(err) == errs.Corrupt:
		return errs.Newf(errs.Corrupt, "%s: %w", given.Dir, err)
	case err != nil && !errors.Is(err, os.ErrNotExist):
		return translate(err, "read the identity of "+given.Dir)
	case used && !given.ID.IsZero() && is.disk != given.ID:
		return errs.Newf(errs.Invalid, "%s holds disk %s, not %s", given.Dir, is.disk, given.ID)
	case used && s.knows(is.disk):
		// Nothing of it may be touched: it is in use, by another path.
		return errs.Newf(errs.Exists, "%s is disk %s of this node already", given.Dir, is.disk)
	case used:
		given.ID = is.disk
	case given.ID.IsZero():
		given.ID = ident.New()
	}
	d := newDisk(s, given, false)
	d.doubtful = s.Doubtful() // what moves here from the others stays in doubt
	if err := s.bringUp(d, false, used); err != nil {
		return err
	}
	if err := s.saveDisk(d); err != nil {
		d.unlock()
		return err
	}
	s.mu.Lock()
	s.disks[d.id] = d
	s.mu.Unlock()
	return nil
}

// bringUp takes a disk into use on which nothing works yet. unread: the index knows
// nothing of it.
func (s *Store) bringUp(d *disk, known, unread bool) error {
	err := d.mount(known)
	var c *contents
	if err == nil {
		if c, err = s.load(d, unread); err != nil {
			d.unlock()
		}
	}
	if err != nil {
		if known {
			err = d.away(err)
		}
		return err
	}
	d.serve(c)
	return s.noteRead(d)
}

// serve makes what load found the disk's, which is not written to meanwhile.
func (d *disk) serve(c *contents) {
	d.served = true
	d.mu.Lock()
	defer d.mu.Unlock()
	d.segments, d.next, d.usedBytes = c.segments, max(d.next, c.next), c.used+d.reserved
	d.absent, d.suspect = nil, false
}

// noteRead notes that the index knows the disk, if it did not.
func (s *Store) noteRead(d *disk) error {
	d.mu.Lock()
	unread := d.unread
	d.unread = false
	d.mu.Unlock()
	d.adopt = s.opt.Adopt
	if !unread {
		return nil
	}
	return s.saveDisk(d)
}
