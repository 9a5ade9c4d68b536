package repair

import (
	"context"
	"log/slog"
	"strings"
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
// the window in which disks are awake anyway. It is not safe for concurrent use.
type Snapshotter struct {
	FS   vfs.FS
	Data string
	Rows *kv.Store
	Ring *keyring.Ring
	// Layout returns the present layout, Disks the folders of the disks in use.
	Layout func() *layout.Layout
	Disks  func() []string
	Node   ident.NodeID
	// Keep is how many snapshots are kept; 2 if zero.
	Keep   int
	Clock  clock.Clock
	Logger *slog.Logger

	taken   bool
	changes uint64 // of rows when the last one was taken
}

// rowKeys is the first byte of the keys whose change makes a new snapshot worthwhile.
const rowKeys = 'r'

// minRoom is what has to stay free where a snapshot goes, in bytes.
const minRoom = 256 << 20

// Once takes a snapshot, unless no row changed since the last one of this process. It
// goes to another disk when there is one, with the bytes of small objects then; beside
// the row store these would only take twice the room. path is empty if none was needed.
func (s *Snapshotter) Once(ctx context.Context) (path string, err error) {
	changes := s.Rows.Changes(rowKeys)
	if s.taken && changes == s.changes {
		return "", nil
	}
	keep := s.Keep
	if keep == 0 {
		keep = 2
	}
	l := s.Layout()
	h := register.SnapshotHeader{Node: s.Node, Lineage: l.Lineage, Layout: codec.Encode(l), Version: l.Version,
		Time: s.Clock.Now().UnixMilli(), Keys: map[string][]byte{}}
	for id, sealed := range s.Ring.Keys() {
		h.Keys[id.Key()] = sealed
	}
	var failed error
	for _, t := range s.targets() {
		h.Blobs = t.other
		if failed = s.room(t, s.Rows.DiskBytes()); failed == nil {
			path, failed = register.WriteSnapshot(ctx, s.Rows, s.FS, s.FS.PathJoin(t.dir, SnapshotsDir), h, keep)
		}
		if failed == nil {
			s.taken, s.changes = true, changes
			return path, nil
		}
		if ctx.Err() != nil {
			break
		}
		s.Logger.Warn("a snapshot of the rows could not be taken here", "folder", t.dir, "error", failed)
	}
	return "", failed
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

// Latest returns the newest snapshot, zero if there is none.
func (s *Snapshotter) Latest() (time.Time, error) {
	dirs := []string{}
	for _, t := range s.targets() {
		dirs = append(dirs, s.FS.PathJoin(t.dir, SnapshotsDir))
	}
	all, err := register.Snapshots(s.FS, dirs...)
	if err != nil || len(all) == 0 {
		return time.Time{}, err
	}
	return all[0].Time, nil
}
