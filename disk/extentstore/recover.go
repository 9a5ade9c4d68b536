package extentstore

import (
	"errors"
	"os"

	"rhizome/base/codec"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/base/vfs"
	"rhizome/disk/kv"
)

// loadSegment takes a segment file of an earlier process. Records behind the mark
// that are whole are indexed: their writers may have been told that they are
// durable. The first that is not whole ends the segment, because only a last group
// can have been written without being synced. A record that was moved here is not
// indexed: its old place goes only after a durable commit behind the index's move, so
// an index that does not have the move has the old place, or the extent was deleted
// while it moved and must not come back.
func (l *loader) loadSegment(num uint64, row segmentRow, all bool) error {
	s, d := l.s, l.d
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
	l.segments[num] = seg
	l.used += seg.size
	if !row.Sealed {
		from := max(row.Mark, headSize)
		index := s.indexTail
		if all {
			index = s.indexAll
		}
		if err := index(d, seg, from); err != nil {
			return err
		}
	}
	l.dropIfEmpty(seg)
	return nil
}

// indexTail indexes the records of a segment from an offset on and seals it.
func (s *Store) indexTail(d *disk, seg *segment, from int64) error {
	mark := from
	t := tailIndex{s: s, d: d, seg: seg, b: s.rows.NewBatch(), in: map[ident.ID]bool{}}
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
			if !whole(f, m.at(d.id, seg.num, at)) {
				return errStop
			}
			if m.moved {
				return nil
			}
			return t.add(m, at)
		})
		if err != nil {
			return err
		}
	}
	return t.end(mark)
}

// indexAll indexes what can be read of a segment that the row store does not know.
// Damage is found when the frames are read.
func (s *Store) indexAll(d *disk, seg *segment, _ int64) error {
	f, err := s.fs.Open(d.path(segmentName(seg.num)))
	if err != nil {
		return translate(err, "open "+segmentName(seg.num))
	}
	defer f.Close()
	t := tailIndex{s: s, d: d, seg: seg, b: s.rows.NewBatch(), in: map[ident.ID]bool{}}
	if err := walkWhole(s.ctx, f, seg.num, seg.size, t.add); err != nil {
		return err
	}
	return t.end(seg.size)
}

// tailIndex collects the index entries of one segment's records.
type tailIndex struct {
	s   *Store
	d   *disk
	seg *segment
	b   *kv.Batch
	// in are the extents of b, which the index does not show yet.
	in map[ident.ID]bool
}

func (m *meta) at(disk ident.ID, seg uint64, at int64) *entry {
	return &entry{disk, seg, at, at + metaLen(m.table.frames(), len(m.desc)), len(m.desc), m.table}
}

func (t *tailIndex) add(m *meta, at int64) error {
	if _, err := t.s.lookup(m.id); errs.KindOf(err) != errs.NotFound {
		return err // moved, and the other place counts
	}
	if t.in[m.id] {
		return nil
	}
	t.in[m.id] = true
	e := m.at(t.d.id, t.seg.num, at)
	t.b.Set(extentKey(m.id), e.encode())
	t.b.Add(segmentKey(keyLive, t.d.id, t.seg.num), e.bytes())
	t.seg.live += e.bytes()
	if len(t.in) < pageSize {
		return nil
	}
	b := t.b
	t.b = t.s.rows.NewBatch()
	clear(t.in)
	return b.CommitLazily()
}

func (t *tailIndex) end(mark int64) error {
	t.b.Set(segmentKey(keySegment, t.d.id, t.seg.num), codec.Encode(segmentRow{mark, true}))
	return t.b.CommitLazily()
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
