package extentstore

import (
	"context"

	"rhizome/base/errs"
	"rhizome/base/ident"
)

// Info says where an extent lies.
type Info struct {
	ID     ident.ID
	Frames int
	// Data is the sum of all frames' stored bytes; Stored adds what the extent says
	// about itself, and is what its deletion frees.
	Data, Stored int64
	Disk         ident.ID
	// File is the path within the disk's folder, Offset where the first frame begins.
	Dir, File string
	Offset    int64
	// Digest identifies the bytes: BLAKE3 over all frames' lengths and checksums.
	Digest [sumSize]byte
}

func (s *Store) info(id ident.ID, e *entry) Info {
	i := Info{ID: id, Frames: e.table.frames(), Data: e.table.bytes(), Stored: e.bytes(), Disk: e.disk,
		File: e.name(id), Offset: e.data, Digest: sum(e.table)}
	if d, err := s.disk(e.disk); err == nil {
		i.Dir = d.dir
	}
	return i
}

// Info returns where the extent lies, without looking at its bytes.
func (s *Store) Info(ctx context.Context, id ident.ID) (Info, error) {
	e, err := s.locate(id)
	if err != nil {
		return Info{}, err
	}
	return s.info(id, e), nil
}

// Descriptor returns what Commit was given.
func (s *Store) Descriptor(ctx context.Context, id ident.ID) ([]byte, error) {
	r, err := s.Reader(ctx, id)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return r.Descriptor()
}

// Verify reads all of the extent and returns the numbers of damaged frames; -1 among
// them stands for its descriptor. An error says that it could not be looked at.
func (s *Store) Verify(ctx context.Context, id ident.ID) (damaged []int, err error) {
	r, err := s.Reader(ctx, id)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if _, err := r.Descriptor(); err != nil {
		damaged = append(damaged, -1)
	}
	return append(damaged, r.damaged()...), nil
}

const pageSize = 512

// Each calls f for every extent, in the order of IDs, until f returns an error, which
// is returned. f may take its time and change the store; extents that come or go
// meanwhile may be told or not.
func (s *Store) Each(ctx context.Context, f func(Info) error) error {
	if err := s.adopted(ctx); err != nil {
		return err
	}
	return s.each(ctx, ident.ID{}, func(id ident.ID, e *entry) error { return f(s.info(id, e)) })
}

func (s *Store) each(ctx context.Context, from ident.ID, f func(ident.ID, *entry) error) error {
	at := extentKey(from)
	for at != nil {
		ids, entries, err := s.page(at)
		if err != nil {
			return err
		}
		at = nil
		if len(ids) == pageSize {
			at = append(extentKey(ids[pageSize-1]), 0)
		}
		for i, id := range ids {
			if err := ctx.Err(); err != nil {
				return errs.Newf(errs.Unavailable, "walking the extents was given up: %w", err)
			}
			if err := f(id, entries[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// page reads up to pageSize index entries; the view is not held while they are used.
func (s *Store) page(from []byte) (ids []ident.ID, entries []*entry, err error) {
	it, err := s.rows.Iter(from, after(key(keyExtent)))
	if err != nil {
		return nil, nil, err
	}
	for ok := it.First(); ok && len(ids) < pageSize; ok = it.Next() {
		id, err := ident.FromKey(string(it.Key()[2:]))
		v, verr := it.Value()
		if err == nil && verr == nil {
			var e *entry
			if e, err = decodeEntry(v); err == nil {
				ids, entries = append(ids, id), append(entries, e)
			}
		}
		if err != nil || verr != nil {
			s.log.Warn("an index entry cannot be read and is passed over", "key", string(it.Key()), "error", err)
		}
	}
	return ids, entries, it.Close()
}
