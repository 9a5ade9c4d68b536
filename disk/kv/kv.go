package kv

import (
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"

	"rhizome/base/errs"
	"rhizome/base/vfs"
)

// Most of a store's bytes are blobs, which lie apart from their keys, and Pebble reckons
// them to the tables that refer to them. So a memtable of 8 MiB becomes a megabyte of
// tables: these are merged with the next level only when several have come together. Tables are
// larger than Pebble's, since each remembers the files of blobs that it refers to, which may be
// all. And blobs stay where they were written first until enough of their file is garbage:
// bringing them into the order of their keys would write each fourteen times (measured with ten
// million of 1 KiB; docs/decisions/023-blobs-stay.md). A reclaimer brings them together where
// little is left in many files.
const (
	l0Threshold = 12 // merged at six layers of tables
	l0Stop      = 40
	fileBytes   = 8 << 20
	anyDepth    = 1 << 20
)

// Options tune a store. The zero value is right for a home machine.
type Options struct {
	// CacheBytes is the block cache of a small store; 32 MiB if zero. MaxCacheBytes is how
	// far it grows with the store, and CacheSized is told each time it does.
	CacheBytes, MaxCacheBytes int64
	CacheSized                func(bytes int64)
	// OpenFiles bounds the files that are kept open; 500 if zero. A store with more files
	// opens one nearly each time it looks a key up.
	OpenFiles int
	// MemTableBytes bounds one memtable; 8 MiB if zero.
	MemTableBytes uint64
	Logger        *slog.Logger
	// Fatal is told of a failed log write, after which the store can promise nothing
	// more: every later call may block. The owner must stop the process.
	Fatal func(error)
	// Damaged is told of each damage that reading or compaction meets, maybe many times
	// of the same. The store goes on with what it can read. It must not call the store.
	Damaged func(error)
	// NoteAfter is how long after a commit the store notes, beside its log, up to where
	// that is durable. What was committed longer ago is missed if the log is damaged, cut
	// or gone after a crash. Zero keeps no such notes.
	NoteAfter time.Duration
	// ReclaimAfter is how long after blobs were given up their room is given back, if
	// nobody wants it sooner; a minute if zero.
	ReclaimAfter time.Duration
}

// Store is an open ordered store. All methods are safe for concurrent use, but for
// Close, which must come last.
type Store struct {
	fs    vfs.FS
	dir   string
	db    *pebble.DB
	cache *fitted
	noter *noter
	hot   *hot

	reclaimer *reclaimer
	// logRoom is what Pebble sets aside on disk for each log, in bytes.
	logRoom uint64

	barrier *barrier
	changes [256]atomic.Uint64 // commits by first byte of a key
}

// Open opens or makes the store in dir of fs. A store that another process holds
// open, or that is damaged beyond Pebble's own recovery, is refused with a reason.
func Open(fs vfs.FS, dir string, o Options) (*Store, error) {
	if o.CacheBytes == 0 {
		o.CacheBytes = 32 << 20
	}
	if o.MemTableBytes == 0 {
		o.MemTableBytes = 8 << 20
	}
	if o.OpenFiles == 0 {
		o.OpenFiles = 500
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if err := precheck(fs, dir); err != nil {
		return nil, err
	}
	if err := noteOpening(fs, dir); err != nil {
		return nil, translate(err)
	}
	cache := newFitted(o)
	noter := newNoter()
	reclaimer := newReclaimer(o)
	opts := &pebble.Options{
		FS:                          fs,
		Cache:                       cache.cache,
		MemTableSize:                o.MemTableBytes,
		MemTableStopWritesThreshold: 4,
		L0CompactionThreshold:       l0Threshold,
		L0StopWritesThreshold:       l0Stop,
		TargetFileSizes:             [7]int64{fileBytes}, // twice as much on each level below
		MaxOpenFiles:                o.OpenFiles,
		Merger:                      counters,
		FormatMajorVersion:          pebble.FormatNewest,
		Logger:                      logger{o.Logger, o.Fatal},
		EventListener:               &pebble.EventListener{DataCorruption: o.corruption, WALCreated: noter.created, FlushEnd: reclaimer.flushed},
	}
	opts.Levels[0].FilterPolicy = bloom.FilterPolicy(10)
	opts.Levels[0].FilterType = pebble.TableFilter
	opts.Experimental.ValueSeparationPolicy = func() pebble.ValueSeparationPolicy {
		return pebble.ValueSeparationPolicy{
			Enabled:               true,
			MinimumSize:           1 << 10,
			MaxBlobReferenceDepth: reclaimer.depth(),
			TargetGarbageRatio:    reclaimer.garbage(),
		}
	}
	// Only blobs ('b' keys) lie apart from their keys: they say themselves whose they
	// are, so that Salvage need not know which file a key means.
	opts.Experimental.SpanPolicyFunc = func(start []byte) (pebble.SpanPolicy, []byte, error) {
		if len(start) == 0 || start[0] <= apart {
			return pebble.SpanPolicy{}, []byte{apart + 1}, nil
		}
		return pebble.SpanPolicy{ValueStoragePolicy: pebble.ValueStorageLowReadLatency}, nil, nil
	}
	db, err := open(dir, opts)
	if err != nil {
		cache.cache.Unref()
		return nil, openError(err)
	}
	if err := noter.opened(fs, dir); err != nil {
		err = errors.Join(err, db.Close())
		cache.cache.Unref()
		return nil, translate(err)
	}
	s := &Store{fs: fs, dir: dir, db: db, cache: cache, noter: noter, hot: newHot(), reclaimer: reclaimer, barrier: newBarrier(), logRoom: o.MemTableBytes + o.MemTableBytes/10}
	s.fit()
	s.keepNotes(o)
	go reclaimer.run(s)
	return s, nil
}

func (s *Store) keepNotes(o Options) {
	if o.NoteAfter == 0 {
		close(s.noter.done)
		return
	}
	go s.noter.run(s, o.NoteAfter, func(err error) {
		o.Logger.Warn("what is durable in the row store could not be noted", "error", err)
	})
}

// apart is the last first byte of keys whose long values lie in files of their own.
const apart = 'b'

// open is pebble.Open, which panics over some kinds of damage.
func open(dir string, opts *pebble.Options) (db *pebble.DB, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", pebble.ErrCorruption, r)
		}
	}()
	return pebble.Open(dir, opts)
}

// Close waits for commits under way and closes the store. It writes the memtable out,
// so that a store that is not in use needs no log to be whole.
func (s *Store) Close() (err error) {
	defer s.cache.cache.Unref()
	defer rescue(&err)
	close(s.noter.stop)
	s.reclaimer.stop()
	<-s.noter.done
	<-s.reclaimer.done
	flushErr := s.db.Flush()
	return translate(errors.Join(flushErr, s.db.Close()))
}

// Get returns a copy of key's value, or errs.NotFound. What it returns may not be
// durable yet: see Barrier.
func (s *Store) Get(key []byte) (_ []byte, err error) {
	defer rescue(&err)
	out, epoch, ok := s.hot.get(key)
	if ok {
		return out, nil
	}
	v, closer, err := s.db.Get(key)
	if err != nil {
		return nil, translate(err)
	}
	s.hot.keep(key, v, epoch)
	out = append([]byte(nil), v...)
	return out, translate(closer.Close())
}

// GetRare is Get for a key that is probably not there. Get reads a block of the lowest level to
// find that out, which in a large store means the disk; GetRare asks the filters of that level
// first, as of every other, and takes a little longer for a key that is there.
func (s *Store) GetRare(key []byte) (_ []byte, err error) {
	if len(key) == 0 { // Pebble takes an empty prefix for none
		return s.Get(key)
	}
	defer rescue(&err)
	out, epoch, ok := s.hot.get(key)
	if ok {
		return out, nil
	}
	it, err := s.db.NewIter(&pebble.IterOptions{UseL6Filters: true})
	if err != nil {
		return nil, translate(err)
	}
	var v []byte
	there := it.SeekPrefixGE(key) // Pebble's prefix of a key is the key
	if there {
		if v, err = it.ValueAndErr(); err == nil {
			s.hot.keep(key, v, epoch)
			out = append([]byte(nil), v...)
		}
	}
	if closed := it.Close(); err == nil {
		err = closed
	}
	if err == nil && !there {
		err = pebble.ErrNotFound
	}
	return out, translate(err)
}

// Rest gives back what is kept in memory only to answer sooner. It is called when nobody
// asks.
func (s *Store) Rest() {
	s.cache.rest()
	s.hot.clear()
}

// Find is Get, and says of a key that is not there that it is not.
func (s *Store) Find(key []byte) (value []byte, found bool, err error) {
	value, err = s.Get(key)
	if errors.Is(err, errs.NotFound) {
		return nil, false, nil
	}
	return value, err == nil, err
}

// Set writes one key; it is durable when Set returns.
func (s *Store) Set(key, value []byte) error {
	b := s.NewBatch()
	b.Set(key, value)
	return b.Commit()
}

// Delete removes one key; it is durable when Delete returns.
func (s *Store) Delete(key []byte) error {
	b := s.NewBatch()
	b.Delete(key)
	return b.Commit()
}

// Barrier returns when every Commit that began before the call has ended, and so is
// durable unless it failed. CommitLazily is not waited for. When no Commit is under way
// it costs a lock.
func (s *Store) Barrier() { s.barrier.wait() }

// Batch collects writes that take effect together or not at all. It is not safe
// for concurrent use.
type Batch struct {
	s    *Store
	b    *pebble.Batch
	keys touched
	gone int64 // about how many bytes of blobs its ranges take away
}

// NewBatch returns an empty batch.
func (s *Store) NewBatch() *Batch { return &Batch{s: s, b: s.db.NewBatch()} }

// Set records key = value; both are copied.
func (b *Batch) Set(key, value []byte) {
	b.keys.add(key)
	_ = b.b.Set(key, value, nil)
}

// Delete records that key is to be absent.
func (b *Batch) Delete(key []byte) {
	b.keys.add(key)
	_ = b.b.Delete(key, nil)
}

// DeleteRange records that every key in [from, to) is to be absent. Of blobs it looks how
// much they are (see Wasted).
func (b *Batch) DeleteRange(from, to []byte) {
	if len(from) > 0 && from[0] == apart {
		if n, err := b.s.db.EstimateDiskUsage(from, to); err == nil {
			b.gone += int64(n)
		}
	}
	_ = b.b.DeleteRange(from, to, nil)
}

// Add records that the 64-bit counter at key grows by n, which may be negative.
// Counters are read with Counter.
func (b *Batch) Add(key []byte, n int64) { _ = b.b.Merge(key, counter(n), nil) }

// Empty reports whether nothing was recorded.
func (b *Batch) Empty() bool { return b.b.Empty() }

// Commit applies the batch and returns when it is durable. The batch is spent.
func (b *Batch) Commit() error {
	defer b.s.barrier.end(b.s.barrier.begin())
	defer b.b.Close()
	defer b.s.count(&b.keys)
	defer b.s.hot.end(b.s.hot.begin(b.b))
	log := b.s.noter.log()
	if err := b.b.Commit(pebble.Sync); err != nil {
		return translate(err)
	}
	b.s.noter.durable(log, uint64(b.b.SeqNum())+uint64(b.b.Count()))
	b.s.Wasted(b.gone)
	return nil
}

// CommitLazily applies the batch without waiting for the disk: a power cut may
// undo it, but never it alone while a later Commit stands. The batch is spent.
func (b *Batch) CommitLazily() error {
	defer b.b.Close()
	defer b.s.count(&b.keys)
	defer b.s.hot.end(b.s.hot.begin(b.b))
	if err := b.b.Commit(pebble.NoSync); err != nil {
		return translate(err)
	}
	b.s.Wasted(b.gone)
	return nil
}

// Discard drops a batch that will not be committed.
func (b *Batch) Discard() { _ = b.b.Close() }

// Iter walks keys in byte order over one moment's view of the store. It is not
// safe for concurrent use. Key and Value are valid until the next move.
type Iter struct{ it *pebble.Iterator }

// Iter returns an iterator over [from, to); a nil bound is open. The view may hold
// commits that are not durable yet: see Barrier.
func (s *Store) Iter(from, to []byte) (*Iter, error) {
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: to})
	if err != nil {
		return nil, translate(err)
	}
	return &Iter{it}, nil
}

// First moves to the first key; SeekGE to the first at or after key; SeekLT to the
// last before key; Next one further. All report whether there is such a key; when
// there is not, Err says whether that is the end or a failure.
func (i *Iter) First() bool            { return i.it.First() }
func (i *Iter) SeekGE(key []byte) bool { return i.it.SeekGE(key) }
func (i *Iter) SeekLT(key []byte) bool { return i.it.SeekLT(key) }
func (i *Iter) Next() bool             { return i.it.Next() }
func (i *Iter) Valid() bool            { return i.it.Valid() }

// Key returns the present key.
func (i *Iter) Key() []byte { return i.it.Key() }

// Value returns the present value.
func (i *Iter) Value() (_ []byte, err error) {
	defer rescue(&err)
	v, err := i.it.ValueAndErr()
	return v, translate(err)
}

// Err returns what stopped the iterator, nil at the end of the range.
func (i *Iter) Err() error { return translate(i.it.Error()) }

// Close releases the iterator and returns what stopped it.
func (i *Iter) Close() error { return translate(i.it.Close()) }

// Counter reads a counter that Batch.Add made; a missing one is 0.
func (s *Store) Counter(key []byte) (int64, error) {
	v, err := s.Get(key)
	if errors.Is(err, errs.NotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return parseCounter(v)
}

// Space returns the free and total bytes of the store's file system; a file system
// that cannot tell gives 0, 0.
func (s *Store) Space() (free, total uint64) {
	u, err := s.fs.GetDiskUsage(s.dir)
	if err != nil {
		return 0, 0
	}
	return u.AvailBytes, u.TotalBytes
}

// DiskBytes returns how much the store occupies on disk, logs included: each has its
// room set aside from the beginning.
func (s *Store) DiskBytes() uint64 {
	m := s.db.Metrics()
	logs := uint64(m.WAL.Files+m.WAL.ObsoleteFiles) * s.logRoom
	return m.DiskSpaceUsage() - m.WAL.PhysicalSize - m.WAL.ObsoletePhysicalSize + max(logs, m.WAL.PhysicalSize+m.WAL.ObsoletePhysicalSize)
}

// Flush writes the memtable out.
func (s *Store) Flush() error {
	poke(s.reclaimer.wake) // the disk is awake
	return translate(s.db.Flush())
}
