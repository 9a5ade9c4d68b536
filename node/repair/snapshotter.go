package repair

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	"rhizome/base/clock"
	"rhizome/base/codec"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/base/vfs"
	"rhizome/cluster/layout"
	"rhizome/cluster/register"
	"rhizome/disk/keyring"
	"rhizome/disk/kv"
)

// Snapshotter takes a snapshot of the rows when asked to, which is to be once a day, in
// the window in which disks are awake anyway. It is safe for concurrent use.
type Snapshotter struct {
	FS   vfs.FS
	Data string
	Rows *kv.Store
	Ring *keyring.Ring
	// Layout returns the present layout, Disks the folders of the disks that are there.
	Layout func() *layout.Layout
	Disks  func() []string
	Node   ident.NodeID
	// Keep is how many snapshots are kept, on all disks together; 2 if zero.
	Keep int
	// Recheck is how long after it was taken or read a snapshot is read again, to see whether it
	// is whole; 30 days if zero.
	Recheck time.Duration
	Clock   clock.Clock
	Logger  *slog.Logger

	once    sync.Mutex // one at a time
	taken   bool
	changes uint64    // of rows when the last one was taken
	read    time.Time // when the last one was taken, or read again

	mu    sync.Mutex
	state State
	held  int64 // bytes of all snapshots
	next  int64 // bytes that the next one may take; 0: not known yet
}

// State says how the snapshots are.
type State struct {
	// Last is when the newest was taken, zero if there is none.
	Last time.Time
	// Failed is why the last attempt failed, nil if it did not.
	Failed error
}

// rowKeys is the first byte of the keys whose change makes a new snapshot worthwhile.
const rowKeys = 'r'

// minRoom is what has to stay free where a snapshot goes, in bytes.
const minRoom = 256 << 20

// Once takes a snapshot, unless no row changed since the last one of this process, and that is
// whole. Copies of the keyring are read too, and mended. It
// goes to another disk when there is one, with the bytes of small objects then; beside
// the row store these would only take twice the room. path is empty if none was needed.
func (s *Snapshotter) Once(ctx context.Context) (path string, err error) {
	s.once.Lock()
	defer s.once.Unlock()
	s.Ring.Check()
	changes := s.Rows.Changes(rowKeys)
	targets := s.targets()
	if s.taken && changes == s.changes && s.whole(ctx, targets) {
		return "", nil
	}
	s.prune(targets)
	path, err = s.take(ctx, targets)
	if err == nil {
		s.taken, s.changes, s.read = true, changes, s.Clock.Now()
		s.prune(targets)
	}
	if ctx.Err() == nil {
		s.mu.Lock()
		s.state.Failed = err
		s.mu.Unlock()
	}
	s.Look()
	return path, err
}

// whole reports whether the newest snapshot can be read, as far as that is known: it is read again
// when that is due.
func (s *Snapshotter) whole(ctx context.Context, targets []target) bool {
	every := s.Recheck
	if every == 0 {
		every = 30 * 24 * time.Hour
	}
	now := s.Clock.Now()
	if now.Sub(s.read) < every {
		return true
	}
	all, err := register.Snapshots(s.FS, folders(s.FS, targets)...)
	if err == nil && len(all) == 0 {
		return false
	}
	if err == nil {
		err = register.CheckSnapshot(ctx, s.FS, all[0].Path)
	}
	if ctx.Err() != nil {
		return true
	}
	if err != nil {
		s.Logger.Warn("a snapshot of the rows cannot be read any more; another is taken", "error", err)
		return false
	}
	s.read = now
	return true
}

// take tries the targets in turn.
func (s *Snapshotter) take(ctx context.Context, targets []target) (path string, err error) {
	h := s.header()
	for _, t := range targets {
		h.Blobs = t.other
		if err = s.room(t, s.Rows.DiskBytes()); err == nil {
			path, err = register.WriteSnapshot(ctx, s.Rows, s.FS, s.FS.PathJoin(t.dir, SnapshotsDir), h)
		}
		if err == nil {
			return path, nil
		}
		if ctx.Err() != nil {
			break
		}
		s.Logger.Warn("a snapshot of the rows could not be taken here", "folder", t.dir, "error", err)
	}
	return "", err
}

func (s *Snapshotter) header() register.SnapshotHeader {
	l := s.Layout()
	h := register.SnapshotHeader{Node: s.Node, Lineage: l.Lineage, Layout: codec.Encode(l), Version: l.Version,
		Time: s.Clock.Now().UnixMilli(), Keys: map[string][]byte{}}
	for id, sealed := range s.Ring.Keys() {
		h.Keys[id.Key()] = sealed
	}
	return h
}

// prune removes what is too many, wherever it lies. What cannot be removed stays in
// nobody's way and is tried again with the next snapshot.
func (s *Snapshotter) prune(targets []target) {
	keep := s.Keep
	if keep == 0 {
		keep = 2
	}
	if err := register.PruneSnapshots(s.FS, keep, folders(s.FS, targets)...); err != nil {
		s.Logger.Warn("old snapshots could not be removed", "error", err)
	}
}

// target is a folder that snapshots may go to.
type target struct {
	dir   string
	other bool // than the row store's disk
}

// targets returns the folders to try, in order.
func (s *Snapshotter) targets() (out []target) {
	for _, dir := range s.Disks() {
		if dir != s.Data && !strings.HasPrefix(dir, s.Data+"/") {
			out = append(out, target{dir, true})
		}
	}
	return append(out, target{s.Data, false})
}

// room refuses a folder on a disk that a snapshot would fill. A snapshot is smaller
// than the rows; without blobs by far.
func (s *Snapshotter) room(t target, rows uint64) error {
	use, err := s.FS.GetDiskUsage(t.dir)
	if err != nil {
		return nil // where that is not known, writing tells
	}
	if need := rows/4 + minRoom; !t.other && use.AvailBytes < need || t.other && use.AvailBytes < rows+minRoom {
		return errs.Newf(errs.Full, "there is no room for a snapshot of the rows in %s: %d bytes are free", t.dir, use.AvailBytes)
	}
	return nil
}

func folders(fs vfs.FS, targets []target) (out []string) {
	for _, t := range targets {
		out = append(out, fs.PathJoin(t.dir, SnapshotsDir))
	}
	return out
}

// Look looks what snapshots there are. Once does it too.
func (s *Snapshotter) Look() {
	all, err := register.Snapshots(s.FS, folders(s.FS, s.targets())...)
	if err != nil {
		s.Logger.Warn("the snapshots could not be looked at", "error", err)
		return
	}
	var last time.Time
	var held, next int64
	for i, f := range all {
		st, err := s.FS.Stat(f.Path)
		if err != nil {
			continue
		}
		if held += st.Size(); i == 0 {
			last, next = f.Time, st.Size()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.Last, s.held, s.next = last, held, next
}

// State returns how the snapshots are. It is safe for concurrent use.
func (s *Snapshotter) State() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state
}

// Beside returns the bytes of all snapshots and of row stores that a rebuild put aside,
// and as much as the next snapshot may take before the oldest goes, so that room stays
// set aside for it. It looks into the data folder only and is safe for concurrent use.
func (s *Snapshotter) Beside() int64 {
	s.mu.Lock()
	n, next := s.held, s.next
	s.mu.Unlock()
	if next == 0 {
		next = int64(s.Rows.DiskBytes() / 4)
	}
	return n + next + setAside(s.FS, s.Data)
}

// setAside returns the bytes of row stores beside the one in use.
func setAside(fs vfs.FS, data string) (n int64) {
	names, _ := fs.List(data)
	for _, name := range names {
		if !strings.HasPrefix(name, damagedDir) && name != newDir && name != scratchDir {
			continue
		}
		files, _ := fs.List(fs.PathJoin(data, name))
		for _, f := range files {
			if st, err := fs.Stat(fs.PathJoin(data, name, f)); err == nil {
				n += st.Size()
			}
		}
	}
	return n
}
