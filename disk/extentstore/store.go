package extentstore

import (
	"context"
	"encoding/binary"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/base/vfs"
	"rhizome/disk/kv"
)

// Options tune a store. The zero value is right for a home machine.
type Options struct {
	// SmallBytes: an extent of at most that many frame bytes lies in a segment.
	// MaxFrame if zero; at most that.
	SmallBytes int64
	// SegmentBytes: a segment takes no more records beyond it. 64 MiB if zero.
	SegmentBytes int64
	// Home is where a disk may lie that moves with what the rows are part of: if it holds
	// a known disk, that is where this disk is, whatever path is on record. May be empty.
	Home string
	// Capacity limits what all extents and the row store occupy, in bytes; 0: no limit.
	Capacity int64
	// Beside, if set, is what else counts against Capacity, in bytes: files that lie
	// beside extents and rows. It is called often and must not wait for a disk that sleeps.
	Beside func() int64
	// Reserve is what stays free on each file system, in bytes. If zero, a fiftieth of
	// it, but 128 MiB to 1 GiB, and never more than a quarter.
	Reserve int64
	// Owner is whose extents these are: a disk of another is refused.
	Owner Owner
	// Adopt takes any disk, whosever it was, as Owner's: for rows that are made anew
	// from the disks, where no extent counts as left over.
	Adopt bool
	// Busy, if set, reports whether people wait for the disks: what is copied from place to
	// place then takes a fifth of the time.
	Busy   func() bool
	Logger *slog.Logger
	// Rand chooses disks; seeded by the system if nil.
	Rand *rand.Rand

	retry   time.Duration // after what could not be removed or drained is tried again
	recheck time.Duration // between two looks for absent disks
}

// Store keeps extents on disks. All methods are safe for concurrent use, but for
// Close, which must come last.
type Store struct {
	fs   vfs.FS
	rows *kv.Store
	opt  Options
	log  *slog.Logger

	// indexMu orders what changes places: deletion and moving.
	indexMu sync.Mutex
	space   room
	reaper  reaper
	keeper  keeper

	// change is held while a disk comes or goes. It comes before every other lock.
	change sync.Mutex
	ready  bool // Open is through

	mu    sync.RWMutex
	disks map[ident.ID]*disk
	back  func(dir string) // is told of disks that come back

	randMu sync.Mutex
	// adoption is closed once the index knows every extent on the disks.
	adoption chan struct{}
	stop     context.CancelFunc
	work     sync.WaitGroup
	ctx      context.Context
}

// Open opens the store on the disks that rows knows and those given, which are added
// if new. A known disk whose folder has lost its identity is taken as absent: its
// extents are unavailable, nothing is made in its place. rows must be kept open
// until Close has returned.
func Open(fs vfs.FS, rows *kv.Store, disks []Disk, o Options) (*Store, error) {
	s := &Store{fs: fs, rows: rows, opt: o.filled(), disks: map[ident.ID]*disk{}}
	s.log = s.opt.Logger
	s.ctx, s.stop = context.WithCancel(context.Background())
	s.space.init(s)
	s.reaper.init(s)
	s.keeper.init(s)
	if err := s.open(disks); err != nil {
		s.stop()
		s.work.Wait()
		s.unlock()
		return nil, err
	}
	s.work.Go(s.reaper.run)
	s.work.Go(s.keeper.run)
	s.work.Go(s.watch)
	s.keeper.poke()
	return s, nil
}

func (o Options) filled() Options {
	if o.SmallBytes == 0 || o.SmallBytes > MaxFrame {
		o.SmallBytes = MaxFrame
	}
	if o.SegmentBytes == 0 {
		o.SegmentBytes = 64 << 20
	}
	if o.retry == 0 {
		o.retry = 10 * time.Minute
	}
	if o.recheck == 0 {
		o.recheck = time.Minute
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Rand == nil {
		seed := ident.New()
		o.Rand = rand.New(rand.NewPCG(binary.BigEndian.Uint64(seed[:8]), binary.BigEndian.Uint64(seed[8:])))
	}
	return o
}

// Close waits for work under way and closes the open segments. Writers must have
// ended.
func (s *Store) Close() error {
	s.stop()
	s.work.Wait()
	defer s.unlock()
	for _, d := range s.allDisks() {
		if err := d.app.close(s, d); err != nil {
			return err
		}
	}
	b := s.rows.NewBatch()
	if !s.adopting() && s.allServe() {
		b.Set(key(keyClean), nil)
	}
	b.Set(key(keyTick), nil)
	return b.Commit()
}

// unlock gives the disks' folders back.
func (s *Store) unlock() {
	for _, d := range s.allDisks() {
		d.unlock()
	}
}

func (s *Store) disk(id ident.ID) (*disk, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	d := s.disks[id]
	if d == nil {
		return nil, errs.Newf(errs.Corrupt, "the extent lay on disk %s, which this node no longer has", id)
	}
	return d, nil
}

// allServe reports whether no disk is absent: one that is away may hold what the
// index lacks.
func (s *Store) allServe() bool {
	for _, d := range s.allDisks() {
		if d.usable() != nil {
			return false
		}
	}
	return true
}

func (s *Store) allDisks() []*disk {
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := make([]*disk, 0, len(s.disks))
	for _, d := range s.disks {
		out = append(out, d)
	}
	return out
}

// lookup returns where the extent lies, or errs.NotFound.
func (s *Store) lookup(id ident.ID) (*entry, error) {
	v, err := s.rows.Get(extentKey(id))
	if err == nil {
		return decodeEntry(v)
	}
	if errs.KindOf(err) == errs.NotFound {
		return nil, notFound(id)
	}
	return nil, err
}
