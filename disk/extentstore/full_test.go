package extentstore

import (
	"errors"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/base/vfs"
)

// fill writes until there is no room and returns what was written.
func fill(t *testing.T, s *Store, size int) []ident.ID {
	t.Helper()
	for ids := []ident.ID(nil); ; {
		id := ident.New()
		err := put(s, id, frames(id, size), "")
		if errors.Is(err, errs.Full) {
			return ids
		}
		must(t, err)
		if ids = append(ids, id); len(ids) > 5000 {
			t.Fatal("no limit in sight")
		}
	}
}

// setAside tries to set n bytes aside.
func setAside(s *Store, n int64) error {
	d, err := s.reserve(n)
	if err == nil {
		d.release(n)
	}
	return err
}

func TestCapacityHolds(t *testing.T) {
	const limit = 8 << 20
	for name, o := range map[string]Options{
		"disk": {SegmentBytes: 512 << 10},
		"node": {SegmentBytes: 512 << 10, Capacity: limit},
	} {
		t.Run(name, func(t *testing.T) {
			d := Disk{ID: diskID(1), Dir: "/d1"}
			if name == "disk" {
				d.Capacity = limit
			}
			b := newBench(t, vfs.NewCrashable(), o, d)
			ids := fill(t, b.s, 60<<10)
			n := onDisk(t, b.fs, "/d1")
			if n > limit || n < limit*2/3 { // of a node's, rows and their logs take some
				t.Errorf("%d bytes on a disk of %d", n, limit)
			}
			wantKind(t, setAside(b.s, 2<<20), errs.Full)
			for i, id := range ids {
				if i%2 == 0 {
					must(t, b.s.Delete(ctx, id))
				} else {
					must(t, check(b.s, id, frames(id, 60<<10), ""))
				}
			}
			b.s.keeper.wait()
			b.s.reaper.wait()
			if more := fill(t, b.s, 60<<10); len(more) < len(ids)/3 {
				t.Errorf("half of %d deleted, %d more fit", len(ids), len(more))
			}
			checkAccounts(t, b.s)
			if n := onDisk(t, b.fs, "/d1"); n > limit {
				t.Errorf("%d bytes on a disk of %d", n, limit)
			}
		})
	}
}

// TestCapacityCountsWhatLiesBeside extents and rows, as it is now.
func TestCapacityCountsWhatLiesBeside(t *testing.T) {
	var beside atomic.Int64
	b := newBench(t, vfs.NewCrashable(), Options{Capacity: 64 << 20, Beside: beside.Load}, Disk{ID: diskID(1), Dir: "/d1"})
	must(t, b.s.RowsRoom(1<<20))
	beside.Store(60 << 20)
	wantKind(t, b.s.RowsRoom(rowsStep), errs.Full)
	beside.Store(0)
	must(t, b.s.RowsRoom(1<<20))
}

func TestADiskIsThereOrNot(t *testing.T) {
	b := newBench(t, vfs.NewCrashable(), Options{}, Disk{ID: diskID(1), Dir: "/d1"})
	must(t, b.s.There(diskID(1)))
	must(t, b.fs.Rename("/d1/disk", "/d1/away"))
	wantKind(t, b.s.There(diskID(1)), errs.Unavailable)
	must(t, b.fs.Rename("/d1/away", "/d1/disk"))
	must(t, b.s.There(diskID(1)))
	wantKind(t, b.s.There(diskID(2)), errs.NotFound)
}

func TestReserveStaysFree(t *testing.T) {
	mem := vfs.NewCrashable()
	mem.TestingSetDiskUsage(vfs.DiskUsage{AvailBytes: 10 << 20, TotalBytes: 100 << 20, UsedBytes: 90 << 20})
	b := newBench(t, mem, Options{Reserve: 8 << 20})
	must(t, setAside(b.s, 1<<20))
	wantKind(t, setAside(b.s, 3<<20), errs.Full)
	_, err := b.s.Create(ctx, ident.New(), 5<<20)
	wantKind(t, err, errs.Full)
	w, err := b.s.Create(ctx, ident.New(), -1)
	must(t, err)
	defer w.Abort()
	for err == nil {
		err = w.Append(make([]byte, 1<<20))
	}
	wantKind(t, err, errs.Full)
}

// failing lets a kind of operation fail from some point on.
type failing struct {
	on   atomic.Bool
	kind errorfs.OpKind
	err  error
	left atomic.Int64 // operations that still work
}

func (f *failing) String() string { return "failing" }

func (f *failing) MaybeError(op errorfs.Op) error {
	if f.on.Load() && op.Kind == f.kind && len(op.Path) > 3 && op.Path[:3] == "/d1" && f.left.Add(-1) < 0 {
		return f.err
	}
	return nil
}

func TestFailingDisk(t *testing.T) {
	for name, c := range map[string]struct {
		op   errorfs.OpKind
		err  error
		want errs.Kind
	}{
		"write":       {errorfs.OpFileWrite, errorfs.ErrInjected, errs.Internal},
		"full":        {errorfs.OpFileWrite, syscall.ENOSPC, errs.Full},
		"sync":        {errorfs.OpFileSyncData, errorfs.ErrInjected, errs.Internal},
		"folder sync": {errorfs.OpFileSync, errorfs.ErrInjected, errs.Internal},
		"create":      {errorfs.OpCreate, syscall.ENOSPC, errs.Full},
		"rename":      {errorfs.OpRename, errorfs.ErrInjected, errs.Internal},
	} {
		t.Run(name, func(t *testing.T) {
			mem := vfs.NewCrashable()
			f := &failing{kind: c.op, err: c.err}
			b := newBench(t, errorfs.Wrap(mem, f), crashOptions)
			want := several(t, b.s, 30)
			f.on.Store(true)
			failed := map[ident.ID]bool{}
			for i := range 40 {
				f.left.Store(int64(i % 3))
				id, shape := ident.New(), []int{500}
				if i%2 == 0 {
					shape = []int{500, 300}
				}
				err := put(b.s, id, frames(id, shape...), id.String())
				if err == nil {
					want[id] = shape
					continue
				}
				wantKind(t, err, c.want)
				failed[id] = true
			}
			if len(failed) == 0 {
				t.Error("nothing failed")
			}
			checkAll(t, b.s, want)
			f.on.Store(false)
			for id, shape := range several(t, b.s, 10) {
				want[id] = shape
			}
			checkAccounts(t, b.s)
			b.reopen()
			checkAll(t, b.s, want)
			checkAccounts(t, b.s)
			for id := range failed {
				if _, err := b.s.Info(ctx, id); !errors.Is(err, errs.NotFound) {
					t.Errorf("failed extent %s: %v", id, err)
				}
			}
		})
	}
}

// TestATinyCapacityComesBack: all that was written lies in the open segment when the
// capacity is used up; deleting it gives the room back while the store runs.
func TestATinyCapacityComesBack(t *testing.T) {
	b := newBench(t, vfs.NewCrashable(), Options{Capacity: 3 << 20})
	for round := range 3 {
		ids := fill(t, b.s, 9000)
		if len(ids) == 0 {
			t.Fatalf("round %d: nothing could be written", round)
		}
		if st := b.s.Disks()[0]; st.Free > 2<<20 {
			t.Errorf("round %d: %d bytes are said to be free, and writing is refused", round, st.Free)
		}
		for _, id := range ids {
			must(t, b.s.Delete(ctx, id))
		}
		b.s.keeper.wait()
		b.s.reaper.wait()
		if st := b.s.Disks()[0]; st.Used > 64<<10 {
			t.Fatalf("round %d: %d bytes are used when all is deleted", round, st.Used)
		}
	}
}
