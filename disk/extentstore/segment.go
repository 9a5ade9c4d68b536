package extentstore

import (
	"slices"
	"sync"

	"rhizome/base/codec"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/base/vfs"
	"rhizome/disk/kv"
)

// record is one small extent on its way into a segment.
type record struct {
	id    ident.ID
	table table
	desc  []byte
	data  []byte // all frames
	from  *entry // where it moves from; nil: it is new
	once  bool   // it counts only if the index has nothing under its ID
	at    entry  // where it came to lie
}

// request is what one caller of append brings. It is told once: lead, or done.
type request struct {
	records []*record
	seal    bool // end the open segment
	reload  bool // give it up and load the disk anew; alone in its group
	err     error
	lead    chan bool
}

// groupBytes ends a group: what comes later waits for the next fsync.
const groupBytes = 16 << 20

// appender writes the records of many callers into one open segment file of its
// disk. The first caller leads: it writes and syncs for all that wait, then hands
// on to one that came meanwhile.
type appender struct {
	mu    sync.Mutex
	queue []*request
	busy  bool

	// The rest belongs to the leader.
	seg  *segment
	salt ident.ID
	file vfs.File
	out  *vfs.Appender // to file
	pos  int64
}

// append returns when the records are durable and in the index.
func (a *appender) append(s *Store, d *disk, records []*record) error {
	return a.do(s, d, &request{records: records, lead: make(chan bool, 1)})
}

// sealNow ends the open segment, if there is one.
func (a *appender) sealNow(s *Store, d *disk) error {
	return a.do(s, d, &request{seal: true, lead: make(chan bool, 1)})
}

// reload loads the disk anew while nobody appends to it. The open segment is given up
// as it is: its file is one of those that are loaded.
func (a *appender) reload(s *Store, d *disk) error {
	return a.do(s, d, &request{reload: true, lead: make(chan bool, 1)})
}

func (a *appender) do(s *Store, d *disk, r *request) error {
	a.mu.Lock()
	a.queue = append(a.queue, r)
	follow := a.busy
	a.busy = true
	a.mu.Unlock()
	if follow && !<-r.lead {
		return r.err
	}
	a.leadGroup(s, d)
	return r.err
}

// leadGroup serves a group, the caller's own request among it.
func (a *appender) leadGroup(s *Store, d *disk) {
	group := a.takeGroup()
	err := a.write(s, d, group)
	a.mu.Lock()
	if len(a.queue) > 0 {
		a.queue[0].lead <- true
	} else {
		a.busy = false
	}
	a.mu.Unlock()
	group[0].err = err
	for _, r := range group[1:] {
		r.err = err
		r.lead <- false
	}
}

func (a *appender) takeGroup() []*request {
	a.mu.Lock()
	defer a.mu.Unlock()
	var bytes int64
	n := 0
	for n < len(a.queue) && bytes < groupBytes {
		if a.queue[n].reload {
			n = max(n, 1)
			break
		}
		for _, r := range a.queue[n].records {
			bytes += int64(len(r.data))
		}
		n++
	}
	group := append([]*request(nil), a.queue[:n]...)
	a.queue = append(a.queue[:0], a.queue[n:]...)
	return group
}

func (a *appender) write(s *Store, d *disk, group []*request) error {
	if group[0].reload {
		if a.file != nil {
			_ = a.file.Close() // all that counts was synced
			a.file, a.out, a.seg = nil, nil, nil
		}
		return s.reload(d)
	}
	seal := slices.ContainsFunc(group, func(r *request) bool { return r.seal })
	if slices.ContainsFunc(group, func(r *request) bool { return len(r.records) > 0 }) {
		if err := a.writeRecords(s, d, group); err != nil {
			return err
		}
	}
	if a.file != nil && (seal || a.pos >= s.opt.SegmentBytes) {
		return a.seal(s, d, (*kv.Batch).CommitLazily)
	}
	return nil
}

func (a *appender) writeRecords(s *Store, d *disk, group []*request) error {
	if err := a.ready(s, d); err != nil {
		return err
	}
	start := a.pos
	if err := a.put(d, group); err != nil {
		d.distrust()
		a.fail(s, d, start)
		return translate(err, "write a segment in "+d.dir)
	}
	grown := a.pos - start
	d.mu.Lock()
	a.seg.size = a.pos
	d.usedBytes += grown
	d.mu.Unlock()
	return a.index(s, d, group)
}

// put writes and syncs.
func (a *appender) put(d *disk, group []*request) error {
	for _, req := range group {
		for _, r := range req.records {
			m := meta{id: r.id, place: inSegment, moved: r.from != nil, salt: a.salt, table: r.table, desc: r.desc}
			head := m.encode()
			r.at = entry{d.id, a.seg.num, a.pos, a.pos + int64(len(head)), len(r.desc), r.table}
			a.pos += int64(len(head) + len(r.data))
			if _, err := a.out.Write(head); err != nil {
				return err
			}
			if _, err := a.out.Write(r.data); err != nil {
				return err
			}
		}
	}
	return a.out.Sync()
}

// index records a durable group and how far the index knows the segment, in one
// batch. It need not be durable: the segment says the same.
func (a *appender) index(s *Store, d *disk, group []*request) error {
	s.indexMu.Lock()
	defer s.indexMu.Unlock()
	b := s.rows.NewBatch()
	var live int64
	var moved []*record
	for _, req := range group {
		for _, r := range req.records {
			if r.from != nil {
				if !s.stillAt(r.id, r.from) {
					continue
				}
				moved = append(moved, r)
			} else if r.once {
				if _, err := s.lookup(r.id); errs.KindOf(err) != errs.NotFound {
					continue
				}
			}
			b.Set(extentKey(r.id), r.at.encode())
			live += r.at.bytes()
		}
	}
	b.Add(segmentKey(keyLive, d.id, a.seg.num), live)
	a.mark(b, d, false)
	for _, r := range moved {
		s.unplace(b, r.id, r.from)
	}
	if err := b.CommitLazily(); err != nil {
		return err
	}
	d.mu.Lock()
	a.seg.live += live
	d.mu.Unlock()
	for _, r := range moved {
		s.unplaced(r.from)
	}
	return nil
}

func (a *appender) mark(b *kv.Batch, d *disk, sealed bool) {
	b.Set(segmentKey(keySegment, d.id, a.seg.num), codec.Encode(segmentRow{a.pos, sealed}))
}

// ready makes sure that a segment is open.
func (a *appender) ready(s *Store, d *disk) error {
	if a.file != nil {
		return nil
	}
	d.mu.Lock()
	num := d.next
	d.next++
	d.mu.Unlock()
	salt := ident.New()
	name := d.path(segmentName(num))
	f, err := d.fs.Create(name, category)
	if err != nil {
		return translate(err, "make "+name)
	}
	out := d.stages.NewAppender(f)
	if _, err = out.Write(encodeSegmentHead(num, salt)); err == nil {
		err = out.Sync()
	}
	if err == nil {
		err = syncDir(d.fs, d.path(segmentsDir))
	}
	if err != nil {
		_ = f.Close()
		_ = d.fs.Remove(name)
		d.distrust()
		return translate(err, "make "+name)
	}
	a.file, a.out, a.salt, a.pos = f, out, salt, headSize
	a.seg = &segment{num: num, size: headSize}
	d.mu.Lock()
	d.segments[num] = a.seg
	d.usedBytes += headSize
	d.mu.Unlock()
	b := s.rows.NewBatch()
	a.mark(b, d, false)
	return b.CommitLazily()
}

// seal ends the open segment.
func (a *appender) seal(s *Store, d *disk, commit func(*kv.Batch) error) error {
	seg := a.seg
	b := s.rows.NewBatch()
	a.mark(b, d, true)
	err := commit(b)
	_ = a.file.Close() // all of it was synced
	a.file, a.out, a.seg = nil, nil, nil
	d.mu.Lock()
	seg.sealed = true
	d.mu.Unlock()
	s.dropIfEmpty(d, seg)
	return err
}

// fail ends a segment whose last group did not reach the disk: what was written
// behind good never counts.
func (a *appender) fail(s *Store, d *disk, good int64) {
	size := a.pos
	if st, err := a.file.Stat(); err == nil {
		size = st.Size()
	}
	d.mu.Lock()
	a.seg.size = size
	d.usedBytes += size - good
	d.mu.Unlock()
	a.pos = good
	if err := a.seal(s, d, (*kv.Batch).Commit); err != nil {
		s.log.Warn("a failed segment could not be sealed", "disk", d.dir, "error", err)
	}
}

// close seals the open segment; no caller of append may be under way.
func (a *appender) close(s *Store, d *disk) error {
	if a.file == nil {
		return nil
	}
	return a.seal(s, d, (*kv.Batch).CommitLazily)
}
