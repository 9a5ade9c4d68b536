package extentstore

import (
	"errors"
	"os"

	"rhizome/base/codec"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/base/vfs"
)

// loadSegment takes a segment file of an earlier process. Records behind the mark
// that are whole are indexed: their writers may have been told that they are
// durable. The first that is not whole ends the segment, because only a last group
// can have been written without being synced.
func (s *Store) loadSegment(d *disk, num uint64, row segmentRow, known, all bool) error {
	name := d.path(segmentName(num))
	st, err := s.fs.Stat(name)
	if err != nil {
		return translate(err, "look at "+name)
	}
	live, err := s.rows.Counter(segmentKey(keyLive, d.id, num))
	if err != nil {
		return err
	}
	seg := &segment{num: num, size: st.Size(), live: live, sealed: true}
	d.segments[num] = seg
	d.usedBytes += seg.size
	if !row.Sealed {
		from := max(row.Mark, headSize)
		if err := s.indexTail(d, seg, from, !all); err != nil {
			return err
		}
	}
	s.dropIfEmpty(d, seg)
	return nil
}

// indexTail indexes the records of a segment from an offset on and seals it.
func (s *Store) indexTail(d *disk, seg *segment, from int64, verify bool) error {
	mark := from
	b := s.rows.NewBatch()
	var added int64
	if seg.size > from {
		f, err := s.fs.OpenReadWrite(d.path(segmentName(seg.num)), category)
		if err != nil {
			return translate(err, "open "+segmentName(seg.num))
		}
		defer f.Close()
		// What a killed process wrote may be in memory only.
		if err := f.SyncData(); err != nil {
			return translate(err, "sync "+segmentName(seg.num))
		}
		mark, err = walkSegment(f, seg.num, from, seg.size, func(m *meta, at int64) error {
			e := &entry{d.id, seg.num, at, at + metaLen(m.table.frames(), len(m.desc)), len(m.desc), m.table}
			if verify && !whole(f, e) {
				return errStop
			}
			if _, err := s.lookup(m.id); errs.KindOf(err) != errs.NotFound {
				return err // moved, and the old place still counts
			}
			b.Set(extentKey(m.id), e.encode())
			added += e.bytes()
			return nil
		})
		if err != nil {
			return err
		}
	}
	b.Add(segmentKey(keyLive, d.id, seg.num), added)
	b.Set(segmentKey(keySegment, d.id, seg.num), codec.Encode(segmentRow{mark, true}))
	seg.live += added
	return b.CommitLazily()
}

var errStop = errors.New("enough")

// walkSegment calls f with each record from an offset on, until one is not readable
// or f returns errStop, and returns where that is.
func walkSegment(f vfs.File, num uint64, from, size int64, visit func(m *meta, at int64) error) (int64, error) {
	head := make([]byte, headSize)
	if _, err := f.ReadAt(head, 0); err != nil {
		return from, nil
	}
	got, salt, err := decodeSegmentHead(head)
	if err != nil || got != num {
		return from, nil
	}
	for at := from; ; {
		m, n := recordAt(f, at, size)
		if m == nil || m.place != inSegment || m.salt != salt {
			return at, nil
		}
		if err := visit(m, at); errors.Is(err, errStop) {
			return at, nil
		} else if err != nil {
			return at, err
		}
		at += n
	}
}

// recordAt reads the description of the record at an offset; nil if there is none
// that fits into the file.
func recordAt(f vfs.File, at, size int64) (*meta, int64) {
	fixed := make([]byte, metaFixed)
	if at+metaFixed > size {
		return nil, 0
	}
	if _, err := f.ReadAt(fixed, at); err != nil {
		return nil, 0
	}
	n, err := metaSize(fixed)
	if err != nil || at+n > size {
		return nil, 0
	}
	m, err := readMeta(f, at, n)
	if err != nil || at+n+m.table.bytes() > size {
		return nil, 0
	}
	return m, n + m.table.bytes()
}

// whole reports whether every frame is what was written.
func whole(f vfs.File, e *entry) bool {
	r := newReader(ident.ID{}, e, f)
	var buf []byte
	for i := range r.Frames() {
		b, err := r.ReadFrame(i, buf)
		if err != nil {
			return false
		}
		buf = b
	}
	return true
}

// readTail reads what an extent's own file says at its end.
func readTail(f vfs.File) (*meta, *entry, error) {
	st, err := f.Stat()
	if err != nil {
		return nil, nil, translate(err, "look at an extent's file")
	}
	tail := make([]byte, tailSize)
	if st.Size() < tailSize {
		return nil, nil, errs.New(errs.Corrupt, "an extent's file is too short")
	}
	if _, err := f.ReadAt(tail, st.Size()-tailSize); err != nil {
		return nil, nil, translate(err, "read an extent's file")
	}
	at, err := decodeTail(tail, st.Size())
	if err != nil {
		return nil, nil, err
	}
	m, err := readMeta(f, at, st.Size()-tailSize-at)
	if err != nil {
		return nil, nil, err
	}
	if m.place != inFile || m.table.bytes() != at {
		return nil, nil, errs.New(errs.Corrupt, "an extent's file contradicts itself")
	}
	return m, &entry{meta: at, desc: len(m.desc), table: m.table}, nil
}

// openOwn opens the extent's own file on one disk, if it is there.
func (d *disk) openOwn(id ident.ID) (vfs.File, error) {
	f, err := d.fs.Open(d.path(fileName(id)))
	if errors.Is(err, os.ErrNotExist) {
		return nil, notFound(id)
	}
	return f, translate(err, "open extent "+id.String())
}
