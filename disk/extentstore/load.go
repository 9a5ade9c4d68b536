package extentstore

import (
	"strconv"
	"strings"

	"rhizome/base/codec"
)

// contents is what a disk holds.
type contents struct {
	segments map[uint64]*segment
	next     uint64 // above every segment's number
	used     int64  // bytes of segments, extents' own files, and files to be removed
}

// loader collects the contents of one disk, aside from what the disk knows so far.
type loader struct {
	s *Store
	d *disk
	contents
}

// load learns what the disk holds and finishes what a crash left undone. all: the
// index knows nothing of the disk. Nobody may write to the disk meanwhile; on one whose
// extents are in the index, nobody may delete either.
func (s *Store) load(d *disk, all bool) (*contents, error) {
	l := &loader{s: s, d: d, contents: contents{segments: map[uint64]*segment{}, next: 1}}
	if !d.served { // else they may be of writers at work
		if err := d.clearTmp(); err != nil {
			return nil, err
		}
	}
	files, err := s.rows.Counter(key(keyFiles, d.id[:]))
	if err != nil {
		return nil, err
	}
	l.used = files
	gone := map[string]bool{}
	err = s.scan(garbageKey(d.id, ""), func(k, v []byte) error {
		gone[string(k)] = true
		l.used += decodeSize(v)
		return nil
	})
	if err == nil {
		err = l.loadSegments(gone, all)
	}
	s.reaper.poke()
	return &l.contents, err
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

func (l *loader) loadSegments(gone map[string]bool, all bool) error {
	s, d := l.s, l.d
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
		l.numberAfter(strings.TrimPrefix(name, segmentsDir+"/"))
	}
	for _, name := range names {
		num, ok := l.numberAfter(name)
		if !ok || gone[segmentsDir+"/"+name] {
			continue
		}
		row := rows[num]
		delete(rows, num)
		if err := l.loadSegment(num, row, all); err != nil {
			return err
		}
	}
	return l.missingSegments(rows)
}

// numberAfter parses a segment's name and makes the next number higher.
func (l *loader) numberAfter(name string) (uint64, bool) {
	num, err := strconv.ParseUint(name, 16, 64)
	if err != nil || len(name) != 16 {
		return 0, false
	}
	l.next = max(l.next, num+1)
	return num, true
}

// missingSegments keeps rows without a file: their extents are damaged, which is said
// when they are read, and their rows go when the last is deleted.
func (l *loader) missingSegments(rows map[uint64]segmentRow) error {
	s, d := l.s, l.d
	for num := range rows {
		live, err := s.rows.Counter(segmentKey(keyLive, d.id, num))
		if err != nil {
			return err
		}
		l.next = max(l.next, num+1)
		seg := &segment{num: num, live: live, sealed: true}
		l.segments[num] = seg
		if live > 0 {
			s.log.Error("a segment file is gone and the extents in it are lost", "disk", d.dir, "file", segmentName(num), "bytes", live)
		}
		l.dropIfEmpty(seg)
	}
	return nil
}

// dropIfEmpty is the store's, for a segment that only this loader knows.
func (l *loader) dropIfEmpty(seg *segment) {
	if seg.sealed && seg.live <= 0 {
		delete(l.segments, seg.num)
		l.s.discardSegment(l.d, seg)
	}
}
