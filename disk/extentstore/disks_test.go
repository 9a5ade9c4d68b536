package extentstore

import (
	"errors"
	"math/rand/v2"
	"testing"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/base/vfs"
)

// several puts n extents of mixed shapes.
func several(t testing.TB, s *Store, n int) map[ident.ID][]int {
	out := map[ident.ID][]int{}
	for i := range n {
		id := ident.New()
		shape := []int{100 + 37*i}
		if i%4 == 0 {
			shape = []int{3000, 5000, i}
		}
		must(t, put(s, id, frames(id, shape...), id.String()))
		out[id] = shape
	}
	return out
}

func checkAll(t testing.TB, s *Store, want map[ident.ID][]int) {
	t.Helper()
	for id, shape := range want {
		if err := check(s, id, frames(id, shape...), id.String()); err != nil {
			t.Errorf("%s %v: %v", id, shape, err)
		}
	}
}

func (b *bench) status(id ident.ID) DiskStatus {
	b.t.Helper()
	for _, st := range b.s.Disks() {
		if st.ID == id {
			return st
		}
	}
	b.t.Fatalf("no disk %s", id)
	return DiskStatus{}
}

func TestSpreadByFreeRoom(t *testing.T) {
	o := Options{Rand: rand.New(rand.NewPCG(1, 1))}
	b := newBench(t, vfs.NewCrashable(), o,
		Disk{ID: diskID(1), Dir: "/d1", Capacity: 10 << 20}, Disk{ID: diskID(2), Dir: "/d2", Capacity: 40 << 20})
	for range 400 {
		id := ident.New()
		must(t, put(b.s, id, frames(id, 10<<10), ""))
	}
	small, large := b.status(diskID(1)).Used, b.status(diskID(2)).Used
	if ratio := float64(large) / float64(small); ratio < 2.5 || ratio > 7 {
		t.Errorf("%d and %d bytes on disks of 10 and 40 MiB", small, large)
	}
}

func TestDrainAndRemove(t *testing.T) {
	b := newBench(t, vfs.NewCrashable(), crashOptions, crashDisks...)
	want := several(t, b.s, 100)
	if b.status(diskID(1)).Live == 0 {
		t.Fatal("nothing on the first disk")
	}
	wantKind(t, b.s.RemoveDisk(ctx, diskID(1), nil), errs.Conflict)
	must(t, b.s.DrainDisk(diskID(1), true))
	b.s.keeper.wait()
	b.s.reaper.wait()
	if st := b.status(diskID(1)); st.Live != 0 || st.Used != 0 || onDisk(t, b.fs, "/d1") != 0 {
		t.Errorf("after draining: %+v, %d bytes there", st, onDisk(t, b.fs, "/d1"))
	}
	checkAll(t, b.s, want)
	checkAccounts(t, b.s)
	must(t, b.s.RemoveDisk(ctx, diskID(1), nil))
	checkAll(t, b.s, want)
	b.disks = b.disks[1:]
	b.reopen()
	checkAll(t, b.s, want)
	if n := len(b.s.Disks()); n != 1 {
		t.Errorf("%d disks, want 1", n)
	}
	// The folder can be a new disk.
	must(t, b.s.AddDisk(ctx, Disk{ID: diskID(3), Dir: "/d1"}))
	several(t, b.s, 20)
	checkAccounts(t, b.s)
}

func TestLostDisk(t *testing.T) {
	mem := vfs.NewCrashable()
	b := newBench(t, mem, crashOptions, crashDisks...)
	want := several(t, b.s, 60)
	must(t, mem.Rename("/d1", "/unplugged")) // while it runs
	kept := map[ident.ID][]int{}
	lost := 0
	for id, shape := range want {
		err := check(b.s, id, frames(id, shape...), id.String())
		if err == nil {
			kept[id] = shape
			continue
		}
		lost++
		wantKind(t, err, errs.Unavailable)
	}
	if lost == 0 || len(kept) == 0 {
		t.Fatalf("%d lost, %d kept", lost, len(kept))
	}
	more := several(t, b.s, 20)
	checkAll(t, b.s, more)
	b.reopen()
	checkAll(t, b.s, kept)
	checkAll(t, b.s, more)
	if b.status(diskID(1)).Absent == nil {
		t.Error("the lost disk is not reported")
	}
	if _, err := mem.Stat("/d1/" + identityName); err == nil {
		t.Error("a lost disk was made anew")
	}
	must(t, mem.Rename("/unplugged", "/d1"))
	b.s.Recheck()
	checkAll(t, b.s, want)
	checkAccounts(t, b.s)
}

func TestLostDiskRemoved(t *testing.T) {
	mem := vfs.NewCrashable()
	b := newBench(t, mem, crashOptions, crashDisks...)
	want := several(t, b.s, 60)
	on := map[ident.ID]bool{}
	for id := range want {
		i, err := b.s.Info(ctx, id)
		must(t, err)
		on[id] = i.Disk == diskID(1)
	}
	must(t, mem.Rename("/d1", "/broken"))
	b.reopen()
	gone := map[ident.ID]bool{}
	must(t, b.s.RemoveDisk(ctx, diskID(1), func(id ident.ID) { gone[id] = true }))
	for id := range want {
		if gone[id] != on[id] {
			t.Errorf("extent %s: lost %v, was there %v", id, gone[id], on[id])
		}
		_, err := b.s.Info(ctx, id)
		if on[id] != errors.Is(err, errs.NotFound) {
			t.Errorf("extent %s: %v", id, err)
		}
	}
}

func TestIdentityIsChecked(t *testing.T) {
	mem := vfs.NewCrashable()
	b := newBench(t, mem, crashOptions, crashDisks...)
	want := several(t, b.s, 30)
	wantKind(t, b.s.AddDisk(ctx, Disk{ID: diskID(3), Dir: "/d2"}), errs.Invalid)
	must(t, writeSynced(mem, "/d1/"+identityName, []byte("rubbish")))
	b.reopen()
	if b.status(diskID(1)).Absent == nil {
		t.Error("a disk with a damaged identity serves")
	}
	must(t, writeSynced(mem, "/d1/"+identityName, identity{disk: diskID(2)}.encode()))
	b.reopen()
	if b.status(diskID(1)).Absent == nil {
		t.Error("a disk with another's identity serves")
	}
	must(t, writeSynced(mem, "/d1/"+identityName, identity{disk: diskID(1)}.encode()))
	b.reopen()
	checkAll(t, b.s, want)
}

// TestHome: the disk beside the rows is where they are, wherever it was before; one
// that is elsewhere, or unknown, is left alone.
func TestHome(t *testing.T) {
	mem := vfs.NewCrashable()
	o := crashOptions
	o.Home = "/new"
	b := newBench(t, mem, o, crashDisks...)
	want := several(t, b.s, 30)
	must(t, mem.Rename("/d1", "/new"))
	b.close()
	b.disks = b.disks[1:]
	b.open()
	checkAll(t, b.s, want)
	if got := b.status(diskID(1)).Dir; got != "/new" {
		t.Errorf("the disk is in %s", got)
	}
	must(t, mem.MkdirAll("/strange", 0o700))
	must(t, writeSynced(mem, "/strange/"+identityName, identity{disk: diskID(9)}.encode()))
	b.opt.Home = "/strange"
	b.reopen()
	checkAll(t, b.s, want)
	if len(b.s.Disks()) != len(crashDisks) {
		t.Error("an unknown disk was taken in")
	}
}

func TestRowsLost(t *testing.T) {
	mem := vfs.NewCrashable()
	b := newBench(t, mem, crashOptions, crashDisks...)
	want := several(t, b.s, 100)
	b.close()
	must(t, mem.RemoveAll("/rows"))
	b.open()
	must(t, b.s.adopted(ctx))
	checkAll(t, b.s, want)
	checkAccounts(t, b.s)
	b.reopen()
	checkAll(t, b.s, want)
}

// flip changes one bit of a file.
func flip(t testing.TB, fs vfs.FS, name string, at int64) {
	t.Helper()
	f, err := fs.OpenReadWrite(name, category)
	must(t, err)
	defer f.Close()
	var b [1]byte
	_, err = f.ReadAt(b[:], at)
	must(t, err)
	b[0] ^= 4
	_, err = f.WriteAt(b[:], at)
	must(t, err)
	must(t, f.Sync())
}
