package extentstore

import (
	"rhizome/base/codec"
	"rhizome/base/ident"
)

// open brings up every known and every given disk.
func (s *Store) open(given []Disk) error {
	known, err := s.knownDisks()
	if err != nil {
		return err
	}
	for id, row := range known {
		d := newDisk(s, Disk{id, row.Dir, row.Capacity}, row.Draining)
		d.apart, d.doubtful = row.Uncompared, row.Doubtful
		d.unread, d.adopt = row.Unread, d.adopt || row.Unread
		s.disks[id] = d
	}
	if err := s.findHome(); err != nil {
		return err
	}
	for _, d := range s.allDisks() {
		if d.absent = s.bringUp(d, true, d.unread); d.absent != nil {
			s.log.Error("a disk cannot be used; its extents are unavailable", "disk", d.dir, "error", d.absent)
		}
	}
	for _, d := range given {
		if err := s.addOrAdjust(d); err != nil {
			return err
		}
	}
	s.ready = true
	return s.startAdopting()
}

// findHome notes where the disk in Options.Home is, if it is a known one.
func (s *Store) findHome() error {
	if s.opt.Home == "" {
		return nil
	}
	is, err := readIdentity(s.fs, s.opt.Home)
	if err != nil {
		return nil // no disk, or a damaged one, which mounting tells
	}
	d := s.disks[is.disk]
	if d == nil || d.dir == s.opt.Home {
		return nil
	}
	d.dir = s.opt.Home
	return s.saveDisk(d)
}

func newDisk(s *Store, d Disk, draining bool) *disk {
	return &disk{id: d.ID, dir: d.Dir, fs: s.fs, owner: s.opt.Owner, log: s.log, adopt: s.opt.Adopt, capacity: d.Capacity,
		draining: draining, segments: map[uint64]*segment{}, next: 1}
}

func (s *Store) knownDisks() (map[ident.ID]diskRow, error) {
	out := map[ident.ID]diskRow{}
	err := s.scan(key(keyDisk), func(k, v []byte) error {
		id, err := ident.FromKey(string(k))
		if err != nil {
			return err
		}
		var row diskRow
		err = codec.Decode(v, &row)
		out[id] = row
		return err
	})
	return out, err
}

// scan calls f with each key under prefix, without the prefix, and its value. Both
// are valid during the call.
func (s *Store) scan(prefix []byte, f func(k, v []byte) error) error {
	it, err := s.rows.Iter(prefix, after(prefix))
	if err != nil {
		return err
	}
	for ok := it.First(); ok; ok = it.Next() {
		v, err := it.Value()
		if err == nil {
			err = f(it.Key()[len(prefix):], v)
		}
		if err != nil {
			_ = it.Close()
			return err
		}
	}
	return it.Close()
}
