package extentstore

import "rhizome/base/codec"

// Doubt says that rows may have been lost with nodes that are gone for good: that no row
// uses an extent then proves nothing, on any disk, until a rebuild of the rows looked at
// what the extents say of themselves, or a person gives up what only lost nodes knew. It is
// durable when it returns; false ends it.
func (s *Store) Doubt(on bool) error {
	s.change.Lock()
	defer s.change.Unlock()
	b := s.rows.NewBatch()
	disks := s.allDisks()
	for _, d := range disks {
		d.mu.Lock()
		row := d.row()
		d.mu.Unlock()
		row.Doubtful = on
		b.Set(key(keyDisk, d.id[:]), codec.Encode(row))
	}
	if err := b.Commit(); err != nil {
		return err
	}
	for _, d := range disks {
		d.mu.Lock()
		d.doubtful = on
		d.mu.Unlock()
	}
	return nil
}

// Doubtful reports whether there is such a doubt.
func (s *Store) Doubtful() bool {
	for _, d := range s.allDisks() {
		d.mu.Lock()
		doubt := d.doubtful
		d.mu.Unlock()
		if doubt {
			return true
		}
	}
	return false
}
