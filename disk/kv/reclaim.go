package kv

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"math"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"rhizome/base/errs"
)

// What is deleted or replaced stays in the logs and files until the tree writes them anew,
// which by itself it does when much else was written. A reclaimer has it done soon: a while
// after about a megabyte of blobs was given up, and at once when room is wanted. A store in
// which nothing is given up is left alone.
const (
	// enoughCalm is how many bytes of blobs must have been given up, and at least one part
	// in calmShare of the store, before a store that has room is written anew; enoughTight
	// and tightShare the same when room is wanted.
	enoughCalm, calmShare   = 1 << 20, 16
	enoughTight, tightShare = 64 << 10, 1024
	// calmGarbage and tightGarbage are the parts of all values apart that may be garbage.
	calmGarbage, tightGarbage = 0.2, 0.05
	// reclaimAfter is how long more is waited for, and how long the store rests at least
	// after it was written anew; when room is wanted it does not wait and rests a sixth.
	reclaimAfter = time.Minute
	// smallStore is how large a store may be for its blobs to be compacted once after each
	// start, in bytes: what was given up before is not known then.
	smallStore = 256 << 20
	// Files of values of which little is in use are written anew one by one, and small files
	// remain: more than scatteredFiles, which hold less than scatteredBytes on the average, are
	// brought together. A file is several times as large at first, so that this writes a value
	// once for several that were given up.
	scatteredFiles, scatteredBytes = 100, 1 << 20
	// checkedFor is how long a file that was read and is whole is taken to be so.
	checkedFor = 6 * time.Hour
	// restParts is how many times as long as it took the store rests afterwards.
	restParts = 10
)

// reclaimer gives back the room of blobs that were given up, and merges tables (tidy.go).
type reclaimer struct {
	log     *slog.Logger
	damaged func(error)   // Options.Damaged
	after   time.Duration // see reclaimAfter

	wasted atomic.Int64            // about how many bytes were given up since the last time
	policy atomic.Pointer[float64] // see garbage
	gather atomic.Bool             // see depth
	wake   chan struct{}           // enough was given up
	urgent chan struct{}           // room is wanted
	grown  chan struct{}           // there are new tables
	whole  map[string]time.Time    // when files of values were read and whole

	ctx  context.Context
	stop context.CancelFunc
	done chan struct{}
}

func newReclaimer(o Options) *reclaimer {
	r := &reclaimer{log: o.Logger, damaged: o.Damaged, after: o.ReclaimAfter, wake: make(chan struct{}, 1), urgent: make(chan struct{}, 1), grown: make(chan struct{}, 1), done: make(chan struct{})}
	if r.after == 0 {
		r.after = reclaimAfter
	}
	// What was given up before the store was opened is not known.
	r.wasted.Store(enoughTight)
	poke(r.grown)
	r.ctx, r.stop = context.WithCancel(context.Background())
	return r
}

// garbage is the part of all values apart that may be garbage before Pebble writes files of
// them anew; 1: it must not.
func (r *reclaimer) garbage() float64 {
	if p := r.policy.Load(); p != nil {
		return *p
	}
	return 1
}

func (r *reclaimer) failed(what string, err error) {
	if r.ctx.Err() != nil {
		return
	}
	r.log.Warn(what, "error", err)
	if r.damaged != nil && errors.Is(err, errs.Corrupt) {
		r.damaged(err)
	}
}

// depth is how many files of values a table may refer to, about, before its values are
// written to new ones when it is merged with others.
func (r *reclaimer) depth() int {
	if r.gather.Load() {
		return 1
	}
	return anyDepth
}

// Wasted tells the store that about n bytes of blobs ('b' keys) were deleted or replaced.
// Once they are worth it, their room is given back.
func (s *Store) Wasted(n int64) {
	if s.reclaimer.wasted.Add(n) >= enoughCalm {
		poke(s.reclaimer.wake)
	}
}

// Squeeze tells the store that room is wanted: what was given up is given back at once. It
// does not wait for it.
func (s *Store) Squeeze() { poke(s.reclaimer.urgent) }

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (r *reclaimer) run(s *Store) {
	defer close(r.done)
	if files := s.filesBytes(); files <= smallStore {
		s.Wasted(max(enoughCalm, files/calmShare))
	}
	for r.ctx.Err() == nil {
		tight := false
		select {
		case <-r.ctx.Done():
			return
		case <-r.urgent:
			tight = true
		case <-r.wake:
			tight = r.pause(r.after, r.urgent)
		case <-r.grown:
			r.tidy(s)
			continue
		}
		if r.ctx.Err() == nil && s.worthReclaiming(tight) {
			r.once(s, tight)
		}
	}
}

// once gives room back, and rests.
func (r *reclaimer) once(s *Store, tight bool) {
	rest, most := r.after, calmGarbage
	if tight {
		rest, most = rest/6, tightGarbage
	}
	began := time.Now() // stopwatch
	if err := s.reclaim(tight, most); err != nil {
		r.failed("the room of what was deleted could not all be given back; it is tried again", err)
	}
	rest = max(rest, restParts*time.Since(began)) // stopwatch
	// Pebble writes files of values anew as long as it may.
	for left := int64(math.MaxInt64); ; {
		r.pause(rest, nil)
		dead, all := s.valueGarbage()
		if r.garbage() == 1 || float64(dead) <= most*float64(all) || dead >= left || r.ctx.Err() != nil {
			break
		}
		left = dead
	}
	r.policy.Store(nil)
}

// valueGarbage returns how many bytes of values that lie apart are garbage, and of how many.
func (s *Store) valueGarbage() (dead, all int64) {
	m := s.db.Metrics()
	return int64(m.BlobFiles.ValueSize - m.BlobFiles.ReferencedValueSize), int64(m.BlobFiles.ValueSize)
}

// scattered reports whether values lie in many small files.
func (s *Store) scattered() bool {
	b := s.db.Metrics().BlobFiles
	return b.LiveCount > scatteredFiles && b.ReferencedValueSize/b.LiveCount < scatteredBytes
}

// pause waits that long, or until early or the store's end, and reports whether it was early.
func (r *reclaimer) pause(d time.Duration, early <-chan struct{}) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-r.ctx.Done():
	case <-early:
		return true
	}
	return false
}

// worthReclaiming reports whether so much was given up that the store is to be written anew.
func (s *Store) worthReclaiming(tight bool) bool {
	files := s.filesBytes()
	least, most := max(enoughCalm, files/calmShare), calmGarbage
	if tight {
		least, most = max(enoughTight, files/tightShare), tightGarbage
	}
	dead, all := s.valueGarbage()
	return s.reclaimer.wasted.Load() >= least || float64(dead) > most*float64(all)
}

// filesBytes is how much the store occupies without its logs.
func (s *Store) filesBytes() int64 {
	m := s.db.Metrics()
	return int64(m.DiskSpaceUsage() - m.WAL.PhysicalSize - m.WAL.ObsoletePhysicalSize)
}

// reclaim writes the memtable out and compacts the blobs, or everything if room is wanted,
// piece by piece, so that what else there is to compact gets its turn. Then it lets Pebble
// write files of values anew until at most that part of them is garbage.
func (s *Store) reclaim(all bool, most float64) (err error) {
	defer rescue(&err)
	s.reclaimer.wasted.Store(0) // what is given up meanwhile counts for the next time
	if err := s.db.Flush(); err != nil {
		return translate(err)
	}
	from, to := []byte{apart}, []byte{apart + 1}
	if all {
		from, to = []byte{0}, []byte{0xff}
	}
	edges, err := s.edges(from, to)
	if err != nil {
		return err
	}
	if s.scattered() {
		if err := s.checkValues(); err != nil {
			return err
		}
		s.reclaimer.gather.Store(true)
		defer s.reclaimer.gather.Store(false)
	}
	for i := 1; i < len(edges); i++ {
		if err := s.db.Compact(s.reclaimer.ctx, edges[i-1], edges[i], false); err != nil {
			return translate(err)
		}
	}
	if dead, all := s.valueGarbage(); float64(dead) <= most*float64(all) {
		return nil
	}
	if err := s.checkValues(); err != nil {
		return err
	}
	s.reclaimer.policy.Store(&most)
	return s.View().Close() // has Pebble look what there is to do
}

// checkValues reads the files of values that it did not read within checkedFor, and fails if
// one is damaged: over such a one Pebble 2.1 ends the process when it writes it anew.
func (s *Store) checkValues() error {
	files, err := s.Files()
	if err != nil {
		return err
	}
	r := s.reclaimer
	whole := make(map[string]time.Time, len(files)) // of those that are there still
	defer func() { r.whole = whole }()
	for _, f := range files {
		if !f.values {
			continue
		}
		at, known := r.whole[f.Name]
		if !known || time.Since(at) > checkedFor { // stopwatch
			at = time.Now() // stopwatch
			if err := s.CheckFile(r.ctx, f, nil); err != nil && !errors.Is(err, errs.NotFound) {
				return err
			}
		}
		whole[f.Name] = at
	}
	return nil
}

// edges divides a range of keys where the tables of the lowest level begin.
func (s *Store) edges(from, to []byte) ([][]byte, error) {
	levels, err := s.db.SSTables(pebble.WithKeyRangeFilter(from, to))
	if err != nil {
		return nil, translate(err)
	}
	out := [][]byte{from}
	for _, t := range levels[len(levels)-1] {
		if k := t.Smallest.UserKey; bytes.Compare(k, out[len(out)-1]) > 0 && bytes.Compare(k, to) < 0 {
			out = append(out, k)
		}
	}
	return append(out, to), nil
}
