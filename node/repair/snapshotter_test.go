package repair_test

import (
	"context"
	"errors"
	"log/slog"
	"path"
	"strings"
	"testing"
	"time"

	"rhizome/base/clock"
	"rhizome/base/ident"
	"rhizome/base/vfs"
	"rhizome/cluster/layout"
	"rhizome/cluster/register"
	"rhizome/disk/keyring"
	"rhizome/disk/kv"
	"rhizome/node/repair"
)

// shots is a snapshotter whose rows change before every snapshot.
type shots struct {
	t  *testing.T
	fs *vfs.MemFS
	at *clock.Manual
	s  *repair.Snapshotter
}

func newShots(t *testing.T) *shots {
	fs := vfs.NewCrashable()
	for _, dir := range []string{data, "/d2"} {
		if err := fs.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	rows, err := kv.Open(fs, data+"/rows", kv.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { rows.Close() })
	ring, err := keyring.Open(fs, nil, data)
	if err != nil {
		t.Fatal(err)
	}
	node := newNode()
	l := layout.Single(ident.New(), layout.Node{ID: node, Zone: "home"})
	x := &shots{t: t, fs: fs, at: clock.NewManual(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))}
	x.s = &repair.Snapshotter{FS: fs, Data: data, Rows: rows, Ring: ring, Layout: func() *layout.Layout { return l },
		Disks: func() []string { return nil }, Node: node, Clock: x.at, Logger: slog.New(slog.DiscardHandler)}
	return x
}

// once changes a row and takes a snapshot a day later.
func (x *shots) once() (string, error) {
	x.t.Helper()
	x.at.Advance(24 * time.Hour)
	b := x.s.Rows.NewBatch()
	b.Set([]byte("r"), []byte(x.at.Now().String()))
	if err := b.Commit(); err != nil {
		x.t.Fatal(err)
	}
	return x.s.Once(context.Background())
}

func (x *shots) must() string {
	x.t.Helper()
	p, err := x.once()
	if err != nil {
		x.t.Fatal(err)
	}
	return p
}

func (x *shots) in(dir string) []string {
	names, _ := x.fs.List(path.Join(dir, repair.SnapshotsDir))
	return names
}

// TestSnapshotsAreKeptInAll: two on all disks together, and none that was cut short.
func TestSnapshotsAreKeptInAll(t *testing.T) {
	x := newShots(t)
	for range 3 {
		x.must()
	}
	cut := path.Join(data, repair.SnapshotsDir, "rows-20260102T000000.000Z.snapshot.new")
	f, err := x.fs.Create(cut, "test")
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	if n := len(x.in(data)); n != 3 {
		t.Fatalf("%v", x.in(data))
	}
	x.s.Disks = func() []string { return []string{"/d2"} }
	if p := x.must(); !strings.HasPrefix(p, "/d2/") || len(x.in(data)) != 1 {
		t.Errorf("%s, left in the data folder: %v", p, x.in(data))
	}
	x.must()
	if len(x.in(data)) != 0 || len(x.in("/d2")) != 2 {
		t.Errorf("%v and %v", x.in(data), x.in("/d2"))
	}
}

// TestADamagedSnapshotIsTakenAgain, though no row changed: once the check is due, and not before.
func TestADamagedSnapshotIsTakenAgain(t *testing.T) {
	for _, damaged := range []bool{true, false} {
		x := newShots(t)
		x.s.Recheck = 10 * 24 * time.Hour
		p := x.must()
		if damaged {
			flip(t, x.fs, p)
		}
		taken := 0
		for day := 1; day <= 25; day++ {
			x.at.Advance(24 * time.Hour)
			again, err := x.s.Once(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if again == "" {
				continue
			}
			if taken++; day != 10 {
				t.Errorf("another is taken on day %d", day)
			}
			if err := register.CheckSnapshot(t.Context(), x.fs, again); err != nil {
				t.Error(err)
			}
		}
		if damaged != (taken == 1) {
			t.Errorf("taken %d times; damaged: %v", taken, damaged)
		}
	}
}

// flip changes a byte in the midst of a file.
func flip(t *testing.T, fs vfs.FS, name string) {
	t.Helper()
	f, err := fs.OpenReadWrite(name, "test")
	if err != nil {
		t.Fatal(err)
	}
	st, err := f.Stat()
	b := []byte{0}
	if err == nil {
		_, err = f.ReadAt(b, st.Size()/2)
	}
	b[0] ^= 0xff
	if err == nil {
		_, err = f.WriteAt(b, st.Size()/2)
	}
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

// TestKeyringCopiesAreMended daily.
func TestKeyringCopiesAreMended(t *testing.T) {
	x := newShots(t)
	if err := x.s.Ring.AddPlace("/d2"); err != nil {
		t.Fatal(err)
	}
	id := ident.New()
	if err := x.s.Ring.Keep(id, []byte("a sealed key of some length")); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{data, "/d2"} {
		flip(t, x.fs, dir+"/"+keyring.Name)
		x.must()
		if keys, _ := keyring.Read(x.fs, dir); string(keys[id]) != "a sealed key of some length" {
			t.Errorf("%s: the copy lacks the key still", dir)
		}
	}
}

// TestSnapshotsCount tells what lies beside the rows, and how the last attempt went.
func TestSnapshotsCount(t *testing.T) {
	x := newShots(t)
	x.s.Look()
	none := x.s.Beside()
	if !x.s.State().Last.IsZero() || none == 0 {
		t.Errorf("without snapshots: %+v, %d bytes set aside", x.s.State(), none)
	}
	p := x.must()
	st, err := x.fs.Stat(p)
	if err != nil {
		t.Fatal(err)
	}
	if got := x.s.Beside(); got != 2*st.Size() {
		t.Errorf("%d bytes count, of one snapshot of %d", got, st.Size())
	}
	if !x.s.State().Last.Equal(x.at.Now()) {
		t.Errorf("the last was taken %v", x.s.State().Last)
	}
	aside := data + "/rows.damaged-20260101T000000Z"
	if err := x.fs.MkdirAll(aside, 0o700); err != nil {
		t.Fatal(err)
	}
	f, err := x.fs.Create(aside+"/1.sst", "test")
	if err == nil {
		_, err = f.Write(make([]byte, 1000))
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	if got := x.s.Beside(); got != 2*st.Size()+1000 {
		t.Errorf("%d bytes with a store that was put aside", got)
	}
	last := x.at.Now()
	x.fs.TestingSetDiskUsage(vfs.DiskUsage{AvailBytes: 1 << 20, TotalBytes: 1 << 30})
	if _, err := x.once(); err == nil || x.s.State().Failed == nil || !x.s.State().Last.Equal(last) {
		t.Errorf("%v, %+v", err, x.s.State())
	}
}
