package extentstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/base/vfs"
	"rhizome/disk/kv"
)

// bench is a store on a file system that can crash.
type bench struct {
	t     testing.TB
	fs    vfs.FS
	rows  *kv.Store
	s     *Store
	disks []Disk
	opt   Options
}

var ctx = context.Background()

func diskID(n byte) ident.ID { return ident.ID{0xd1, n} }

func newBench(t testing.TB, fs vfs.FS, o Options, disks ...Disk) *bench {
	t.Helper()
	if len(disks) == 0 {
		disks = []Disk{{ID: diskID(1), Dir: "/d1"}}
	}
	b := &bench{t: t, fs: fs, disks: disks, opt: o}
	b.open()
	t.Cleanup(func() {
		if b.s != nil {
			b.close()
		}
	})
	return b
}

func (b *bench) open() {
	b.t.Helper()
	var err error
	if b.rows, err = kv.Open(b.fs, b.fs.PathJoin(b.fs.PathDir(b.disks[0].Dir), "rows"), kv.Options{MemTableBytes: 64 << 10}); err != nil {
		b.t.Fatal(err)
	}
	if b.s, err = Open(b.fs, b.rows, b.disks, b.opt); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) close() {
	b.t.Helper()
	if err := b.s.Close(); err != nil {
		b.t.Error(err)
	}
	if err := b.rows.Close(); err != nil {
		b.t.Error(err)
	}
	b.s = nil
}

func (b *bench) reopen() {
	b.t.Helper()
	b.close()
	b.open()
}

// frames makes reproducible frames of the given lengths for an extent.
func frames(id ident.ID, lengths ...int) [][]byte {
	r := rand.NewChaCha8([32]byte(append(id[:], id[:]...)))
	out := make([][]byte, len(lengths))
	for i, n := range lengths {
		out[i] = make([]byte, n)
		_, _ = r.Read(out[i])
	}
	return out
}

func put(s *Store, id ident.ID, fr [][]byte, desc string) error {
	w, err := s.Create(ctx, id, -1)
	if err != nil {
		return err
	}
	defer w.Abort()
	for _, f := range fr {
		if err := w.Append(f); err != nil {
			return err
		}
	}
	return w.Commit([]byte(desc))
}

func check(s *Store, id ident.ID, fr [][]byte, desc string) error {
	r, err := s.Reader(ctx, id)
	if err != nil {
		return err
	}
	defer r.Close()
	if r.Frames() != len(fr) {
		return fmt.Errorf("extent %s has %d frames, want %d", id, r.Frames(), len(fr))
	}
	for i, want := range fr {
		got, err := r.ReadFrame(i, nil)
		if err != nil {
			return err
		}
		if !bytes.Equal(got, want) {
			return fmt.Errorf("frame %d of %s differs", i, id)
		}
	}
	got, err := r.Descriptor()
	if err == nil && string(got) != desc {
		err = fmt.Errorf("descriptor %q, want %q", got, desc)
	}
	return err
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantKind(t testing.TB, err error, kind errs.Kind) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Fatalf("got %v, want %v", err, kind)
	}
}

var shapes = map[string][]int{
	"empty":         {},
	"empty frame":   {0},
	"small":         {100},
	"64 KiB":        {64 << 10},
	"one frame":     {MaxFrame},
	"two frames":    {1 << 20, 5},
	"five frames":   {1 << 20, 1 << 20, 3, 1 << 20, 77},
	"many frames":   {9, 8, 7, 6, 5, 4, 3, 2, 1, 0},
	"another small": {1 << 10},
}

func TestRoundTrip(t *testing.T) {
	b := newBench(t, vfs.NewCrashable(), Options{})
	ids := map[string]ident.ID{}
	for name, lengths := range shapes {
		ids[name] = ident.New()
		must(t, put(b.s, ids[name], frames(ids[name], lengths...), name))
	}
	for range 2 {
		for name, lengths := range shapes {
			if err := check(b.s, ids[name], frames(ids[name], lengths...), name); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		b.reopen()
	}
	n := 0
	must(t, b.s.Each(ctx, func(Info) error { n++; return nil }))
	if n != len(shapes) {
		t.Errorf("%d extents, want %d", n, len(shapes))
	}
}

func TestDeleteGivesRoomBack(t *testing.T) {
	b := newBench(t, vfs.NewCrashable(), Options{SegmentBytes: 1 << 20})
	var ids []ident.ID
	for i := range 20 {
		id := ident.New()
		ids = append(ids, id)
		lengths := []int{100 << 10}
		if i%3 == 0 {
			lengths = []int{MaxFrame, 10}
		}
		must(t, put(b.s, id, frames(id, lengths...), "x"))
	}
	for _, id := range ids {
		must(t, b.s.Delete(ctx, id))
		_, err := b.s.Reader(ctx, id)
		wantKind(t, err, errs.NotFound)
		wantKind(t, b.s.Delete(ctx, id), errs.NotFound)
	}
	b.reopen()
	b.s.reaper.wait()
	if n := onDisk(t, b.fs, "/d1"); n != 0 {
		t.Errorf("%d bytes are left on disk", n)
	}
	checkAccounts(t, b.s)
}

// onDisk returns the sum of all extents' and segments' file sizes.
func onDisk(t testing.TB, fs vfs.FS, dir string) (n int64) {
	dirs := []string{fs.PathJoin(dir, tmpDir), fs.PathJoin(dir, segmentsDir)}
	for i := range fanOut {
		dirs = append(dirs, fs.PathJoin(dir, extentsDir, fmt.Sprintf("%02x", i)))
	}
	for _, d := range dirs {
		names, err := fs.List(d)
		must(t, err)
		for _, name := range names {
			st, err := fs.Stat(fs.PathJoin(d, name))
			must(t, err)
			n += st.Size()
		}
	}
	return n
}

// checkAccounts compares what the store believes with what is on the disks.
func checkAccounts(t testing.TB, s *Store) {
	t.Helper()
	must(t, s.adopted(ctx))
	s.keeper.wait()
	s.reaper.wait()
	live := map[ident.ID]map[uint64]int64{}
	must(t, s.each(ctx, ident.ID{}, func(id ident.ID, e *entry) error {
		if live[e.disk] == nil {
			live[e.disk] = map[uint64]int64{}
		}
		live[e.disk][e.seg] += e.bytes()
		return nil
	}))
	for _, d := range s.allDisks() {
		if got, want := d.usedBytes, onDisk(t, s.fs, d.dir); got != want {
			t.Errorf("disk %s: %d bytes counted, %d there", d.dir, got, want)
		}
		if d.reserved != 0 {
			t.Errorf("disk %s: %d bytes still set aside", d.dir, d.reserved)
		}
		files, err := s.rows.Counter(key(keyFiles, d.id[:]))
		must(t, err)
		if files != live[d.id][0] {
			t.Errorf("disk %s: %d bytes in files counted, %d indexed", d.dir, files, live[d.id][0])
		}
		for num, seg := range d.segments {
			row, err := s.rows.Counter(segmentKey(keyLive, d.id, num))
			must(t, err)
			if seg.live != live[d.id][num] || row != seg.live {
				t.Errorf("segment %d: live %d, counter %d, indexed %d", num, seg.live, row, live[d.id][num])
			}
		}
	}
}

func TestAbortLeavesNothing(t *testing.T) {
	b := newBench(t, vfs.NewCrashable(), Options{})
	for _, lengths := range shapes {
		id := ident.New()
		w, err := b.s.Create(ctx, id, 10)
		must(t, err)
		for _, f := range frames(id, lengths...) {
			must(t, w.Append(f))
		}
		w.Abort()
		if err := w.Commit(nil); err == nil {
			t.Error("Commit after Abort")
		}
		_, err = b.s.Reader(ctx, id)
		wantKind(t, err, errs.NotFound)
	}
	if n := onDisk(t, b.fs, "/d1"); n != 0 {
		t.Errorf("%d bytes are left on disk", n)
	}
	checkAccounts(t, b.s)
}
