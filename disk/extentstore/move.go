package extentstore

import (
	"context"
	"errors"
	"io"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/base/vfs"
)

// moveBatch is how many bytes of records move under one fsync.
const moveBatch = 4 << 20

// emptySegment copies what is live in a sealed segment elsewhere, frame checksums as
// they are, so that damage stays visible. The last record that leaves makes the file
// garbage. What cannot be read stays.
func (s *Store) emptySegment(ctx context.Context, d *disk, seg *segment) error {
	f, err := s.fs.Open(d.path(segmentName(seg.num)))
	if err != nil {
		return translate(err, "open "+segmentName(seg.num))
	}
	defer f.Close()
	var batch []*record
	var bytes int64
	pace := s.pace(d)
	flush := func() error {
		err := s.moveRecords(d, batch, bytes)
		batch, bytes = batch[:0], 0
		pace.rest(ctx)
		return err
	}
	err = walkWhole(ctx, f, seg.num, seg.size, func(m *meta, at int64) error {
		from := &entry{disk: d.id, seg: seg.num, meta: at, desc: len(m.desc), table: m.table}
		if !s.stillAt(m.id, from) {
			return nil
		}
		r := &record{id: m.id, table: m.table, desc: m.desc, from: from, data: make([]byte, m.table.bytes())}
		if _, err := f.ReadAt(r.data, at+from.metaLen()); err != nil && len(r.data) > 0 {
			s.log.Error("an extent cannot be read and stays where it is", "extent", m.id, "disk", d.dir, "error", err)
			return nil
		}
		batch = append(batch, r)
		if bytes += from.bytes(); bytes >= moveBatch {
			return flush()
		}
		return nil
	})
	if err == nil && len(batch) > 0 {
		err = flush()
	}
	return err
}

// moveRecords appends records to an open segment: of the same disk, which may use
// its reserve because it gets more room back, or of another if this one is drained.
func (s *Store) moveRecords(d *disk, batch []*record, bytes int64) error {
	d.mu.Lock()
	to, leave := d, d.draining
	if !leave {
		d.reserved += bytes
		d.usedBytes += bytes
	}
	d.mu.Unlock()
	if leave {
		var err error
		if to, err = s.reserveBut(d, bytes); err != nil {
			return err
		}
	}
	defer to.release(bytes)
	return to.app.append(s, to, batch)
}

// moveFile copies an extent's own file to another disk.
func (s *Store) moveFile(ctx context.Context, d *disk, id ident.ID, from *entry) error {
	src, err := s.openAt(id, from)
	if err != nil {
		return err
	}
	defer src.Close()
	m, err := readMeta(src, from.meta, from.metaLen())
	if err != nil {
		return err
	}
	to, err := s.reserveBut(d, from.bytes())
	if err != nil {
		return err
	}
	defer to.release(from.bytes())
	if err := s.freeName(to, id); err != nil {
		return err
	}
	w, err := createFile(to, id)
	if err != nil {
		return err
	}
	e, err := copyFrames(ctx, w, src, from, m, s.pace(d))
	if err != nil {
		w.abort()
		return err
	}
	return s.indexMoved(w, id, e, from)
}

// freeName makes sure that no file of that extent waits to be removed from the disk: a
// move that a crash cut short may have left one, and the copy would be removed in its
// stead. indexMoved asks again: a disk that comes back may list one meanwhile.
func (s *Store) freeName(d *disk, id ident.ID) error {
	if s.nameIsFree(d, id) == nil {
		return nil
	}
	s.reaper.wait()
	return s.nameIsFree(d, id)
}

func (s *Store) nameIsFree(d *disk, id ident.ID) error {
	_, err := s.rows.Get(garbageKey(d.id, fileName(id)))
	if err == nil {
		return errs.Newf(errs.Unavailable, "an old file of extent %s in %s could not be removed yet", id, d.dir)
	}
	if errs.KindOf(err) == errs.NotFound {
		return nil
	}
	return err
}

func copyFrames(ctx context.Context, w *fileWriter, src vfs.File, from *entry, m *meta, pace *pacer) (*entry, error) {
	buf := make([]byte, 1<<20)
	for at := int64(0); at < from.table.bytes(); {
		if err := ctx.Err(); err != nil {
			return nil, errs.Newf(errs.Unavailable, "moving an extent was given up: %w", err)
		}
		b := buf[:min(int64(len(buf)), from.table.bytes()-at)]
		if _, err := src.ReadAt(b, from.data+at); err != nil {
			return nil, errs.Newf(errs.Corrupt, "extent %s cannot be read: %w", m.id, err)
		}
		if err := w.write(b); err != nil {
			return nil, err
		}
		at += int64(len(b))
		pace.rest(ctx)
	}
	return w.finish(m.id, from.table, m.desc)
}

// walkWhole calls visit with every readable record of a segment file. Behind an
// unreadable one it looks for the next that carries the segment's own salt.
func walkWhole(ctx context.Context, f vfs.File, num uint64, size int64, visit func(m *meta, at int64) error) error {
	at := int64(headSize)
	for at < size {
		next, err := walkSegment(f, num, at, size, func(m *meta, at int64) error {
			if err := ctx.Err(); err != nil {
				return errs.Newf(errs.Unavailable, "walking a segment was given up: %w", err)
			}
			return visit(m, at)
		})
		if err != nil || next >= size {
			return err
		}
		if at, err = nextMagic(f, next+1, size); err != nil {
			return err
		}
	}
	return nil
}

// nextMagic returns the offset of the next bytes that may begin a record, or size.
func nextMagic(f vfs.File, at, size int64) (int64, error) {
	buf := make([]byte, 64<<10)
	for at < size {
		n, err := f.ReadAt(buf, at)
		if err != nil && !errors.Is(err, io.EOF) {
			at += int64(len(buf)) // a place that the disk cannot read
			continue
		}
		if i := indexMagic(buf[:n]); i >= 0 {
			return at + int64(i), nil
		}
		if n < len(buf) {
			break
		}
		at += int64(n - len(metaMagic) + 1)
	}
	return size, nil
}
