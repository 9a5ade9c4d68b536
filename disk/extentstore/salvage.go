package extentstore

import (
	"context"
	"errors"
	"fmt"
	"os"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/base/vfs"
)

// Found is an extent that Salvage came upon.
type Found struct {
	ID         ident.ID
	Descriptor []byte
	Frames     int
	// Data is the sum of the frames' stored bytes; File lies within the disk's folder.
	Data   int64
	File   string
	Offset int64
	// Damaged lists the numbers of frames that are not what was written.
	Damaged []int
	Digest  [sumSize]byte
}

// Salvage reads a disk without the index and calls f with every extent that can be
// read, whole or in part, deleted ones that are still there among them: rows decide
// which count. An extent may be told twice when a move was cut short. It stops at
// f's first error.
func (s *Store) Salvage(ctx context.Context, disk ident.ID, f func(Found) error) error {
	d, err := s.known(disk)
	if err != nil {
		return err
	}
	if err := d.usable(); err != nil {
		return err
	}
	if err := s.salvageSegments(ctx, d, f); err != nil {
		return err
	}
	for i := range fanOut {
		if err := s.salvageFolder(ctx, d, fmt.Sprintf("%s/%02x", extentsDir, i), f); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) salvageSegments(ctx context.Context, d *disk, visit func(Found) error) error {
	names, err := d.fs.List(d.path(segmentsDir))
	if err != nil {
		return translate(err, "list "+d.path(segmentsDir))
	}
	for _, name := range names {
		var num uint64
		if n, err := fmt.Sscanf(name, "%016x", &num); n != 1 || err != nil {
			continue
		}
		err := withFile(d, segmentsDir+"/"+name, func(file vfs.File, size int64) error {
			return walkWhole(ctx, file, num, size, func(m *meta, at int64) error {
				e := &entry{disk: d.id, seg: num, meta: at, data: at + metaLen(m.table.frames(), len(m.desc)), desc: len(m.desc), table: m.table}
				return visit(found(file, m, e, segmentsDir+"/"+name))
			})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) salvageFolder(ctx context.Context, d *disk, folder string, visit func(Found) error) error {
	names, err := d.fs.List(d.path(folder))
	if err != nil {
		return translate(err, "list "+d.path(folder))
	}
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return errs.Newf(errs.Unavailable, "salvaging was given up: %w", err)
		}
		err := withFile(d, folder+"/"+name, func(file vfs.File, _ int64) error {
			m, e, err := readTail(file)
			if err != nil {
				s.log.Error("an extent's file cannot be read", "file", d.path(folder, name), "error", err)
				return nil
			}
			return visit(found(file, m, e, folder+"/"+name))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// withFile calls f with an open file; one that is gone is passed over.
func withFile(d *disk, name string, f func(vfs.File, int64) error) error {
	file, err := d.fs.Open(d.path(name))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return translate(err, "open "+d.path(name))
	}
	defer file.Close()
	st, err := file.Stat()
	if err != nil {
		return translate(err, "look at "+d.path(name))
	}
	return f(file, st.Size())
}

func found(file vfs.File, m *meta, e *entry, name string) Found {
	r := newReader(m.id, e, file)
	return Found{ID: m.id, Descriptor: m.desc, Frames: r.Frames(), Data: e.table.bytes(), File: name,
		Offset: e.data, Damaged: r.damaged(), Digest: sum(e.table)}
}

// damaged reads all frames and returns the numbers of those that are not whole.
func (r *Reader) damaged() (out []int) {
	var buf []byte
	for i := range r.Frames() {
		b, err := r.ReadFrame(i, buf)
		if err != nil {
			out = append(out, i)
			continue
		}
		buf = b
	}
	return out
}
