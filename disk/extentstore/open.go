package extentstore

import (
	"strconv"
	"strings"

	"rhizome/base/codec"
	"rhizome/base/errs"
	"rhizome/base/ident"
)

// open brings up every known and every given disk.
func (s *Store) open(given []Disk) error {
	known, err := s.knownDisks()
	if err != nil {
		return err
	}
	for id, row := range known {
		s.disks[id] = newDisk(s, Disk{id, row.Dir, row.Capacity}, row.Draining)
	}
	if err := s.findHome(); err != nil {
		return err
	}
	for _, d := range s.allDisks() {
		d.absent = d.mount(true)
		if d.absent == nil {
			d.absent = s.load(d, false)
		}
		if d.absent != nil {
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
	id, err := readIdentity(s.fs, s.fs.PathJoin(s.opt.Home, identityName))
	if err != nil {
		return nil // no disk, or a damaged one, which mounting tells
	}
	d := s.disks[id]
	if d == nil || d.dir == s.opt.Home {
		return nil
	}
	d.dir = s.opt.Home
	return s.saveDisk(d)
}

func newDisk(s *Store, d Disk, draining bool) *disk {
	return &disk{id: d.ID, dir: d.Dir, fs: s.fs, capacity: d.Capacity, draining: draining,
		segments: map[uint64]*segment{}, next: 1}
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

// addOrAdjust takes a disk that the caller names: a known one may have a new
// capacity, or a new path if its ID is given or found there, as when the folder was
// moved or came back from a backup.
func (s *Store) addOrAdjust(given Disk) error {
	if !s.ready && given.ID.IsZero() {
		if id, err := readIdentity(s.fs, s.fs.PathJoin(given.Dir, identityName)); err == nil && s.knows(id) {
			given.ID = id
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
	if err := next.mount(true); err != nil {
		return err
	}
	if err := s.load(next, false); err != nil {
		return err
	}
	s.disks[d.id] = next
	return s.saveDisk(next)
}

// add takes a disk that the row store does not know. One that has an identity was in
// use: its extents are indexed anew.
func (s *Store) add(given Disk) error {
	id, err := readIdentity(s.fs, s.fs.PathJoin(given.Dir, identityName))
	used := err == nil
	switch {
	case errs.KindOf(err) == errs.Corrupt:
		return errs.Newf(errs.Corrupt, "%s: %w", given.Dir, err)
	case used && !given.ID.IsZero() && id != given.ID:
		return errs.Newf(errs.Invalid, "%s holds disk %s, not %s", given.Dir, id, given.ID)
	case used:
		given.ID = id
	case given.ID.IsZero():
		given.ID = ident.New()
	}
	d := newDisk(s, given, false)
	if err := d.mount(false); err != nil {
		return err
	}
	if err := s.load(d, used); err != nil {
		return err
	}
	s.mu.Lock()
	_, twice := s.disks[d.id]
	if !twice {
		s.disks[d.id] = d
	}
	s.mu.Unlock()
	if twice {
		return errs.Newf(errs.Exists, "disk %s is in use already", d.id)
	}
	return s.saveDisk(d)
}

// load learns what the disk holds and finishes what a crash left undone. all: the
// index knows nothing of the disk.
func (s *Store) load(d *disk, all bool) error {
	if err := d.clearTmp(); err != nil {
		return err
	}
	files, err := s.rows.Counter(key(keyFiles, d.id[:]))
	if err != nil {
		return err
	}
	d.usedBytes = files
	gone := map[string]bool{}
	err = s.scan(garbageKey(d.id, ""), func(k, v []byte) error {
		gone[string(k)] = true
		d.usedBytes += decodeSize(v)
		return nil
	})
	if err == nil {
		err = s.loadSegments(d, gone, all)
	}
	s.reaper.poke()
	return err
}

// clearTmp removes extents that were being written when the last process ended.
func (d *disk) clearTmp() error {
	names, err := d.fs.List(d.path(tmpDir))
	if err != nil {
		return translate(err, "list "+d.path(tmpDir))
	}
	for _, name := range names {
		if err := removeFile(d.fs, d.path(tmpDir, name)); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) loadSegments(d *disk, gone map[string]bool, all bool) error {
	rows := map[uint64]segmentRow{}
	err := s.scan(key(keySegment, d.id[:]), func(k, v []byte) error {
		var row segmentRow
		err := codec.Decode(v, &row)
		rows[uint64(decodeSize(k))] = row
		return err
	})
	if err != nil {
		return err
	}
	names, err := d.fs.List(d.path(segmentsDir))
	if err != nil {
		return translate(err, "list "+d.path(segmentsDir))
	}
	for name := range gone {
		d.numberAfter(strings.TrimPrefix(name, segmentsDir+"/"))
	}
	for _, name := range names {
		num, ok := d.numberAfter(name)
		if !ok || gone[segmentsDir+"/"+name] {
			continue
		}
		row, known := rows[num]
		delete(rows, num)
		if err := s.loadSegment(d, num, row, known, all); err != nil {
			return err
		}
	}
	return s.missingSegments(d, rows)
}

// numberAfter parses a segment's name and makes the next number higher.
func (d *disk) numberAfter(name string) (uint64, bool) {
	num, err := strconv.ParseUint(name, 16, 64)
	if err != nil || len(name) != 16 {
		return 0, false
	}
	d.next = max(d.next, num+1)
	return num, true
}

// missingSegments keeps rows without a file: their extents are damaged, which is said
// when they are read, and their rows go when the last is deleted.
func (s *Store) missingSegments(d *disk, rows map[uint64]segmentRow) error {
	for num := range rows {
		live, err := s.rows.Counter(segmentKey(keyLive, d.id, num))
		if err != nil {
			return err
		}
		d.next = max(d.next, num+1)
		seg := &segment{num: num, live: live, sealed: true}
		d.segments[num] = seg
		if live > 0 {
			s.log.Error("a segment file is gone and the extents in it are lost", "disk", d.dir, "file", segmentName(num), "bytes", live)
		}
		s.dropIfEmpty(d, seg)
	}
	return nil
}
