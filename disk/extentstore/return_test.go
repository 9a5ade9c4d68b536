package extentstore

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/base/vfs"
)

// blink makes a disk miss its identity for a moment, while its segment is open.
func blink(t *testing.T, mem *vfs.MemFS, d *disk) {
	t.Helper()
	must(t, mem.Rename(d.path(identityName), d.path("elsewhere")))
	d.distrust()
	must(t, mem.Rename(d.path("elsewhere"), d.path(identityName)))
}

// TestAwayAndBack: a disk that comes back with a segment open loses nothing that is
// written afterwards.
func TestAwayAndBack(t *testing.T) {
	mem := vfs.NewCrashable()
	b := newBench(t, mem, Options{})
	before, after := ident.New(), ident.New()
	must(t, put(b.s, before, frames(before, 1000), ""))
	d, err := b.s.disk(diskID(1))
	must(t, err)
	blink(t, mem, d)
	wantKind(t, d.usable(), errs.Unavailable)
	b.s.Recheck()
	must(t, d.usable())
	must(t, put(b.s, after, frames(after, 1000), ""))
	must(t, b.s.Delete(ctx, before))
	b.s.reaper.wait()
	must(t, check(b.s, after, frames(after, 1000), ""))
	checkAccounts(t, b.s)
	b.reopen()
	must(t, check(b.s, after, frames(after, 1000), ""))
	checkAccounts(t, b.s)
}

// TestAwayAndBackAtWork: the same while many write, delete and look.
func TestAwayAndBackAtWork(t *testing.T) {
	mem := vfs.NewCrashable()
	b := newBench(t, mem, crashOptions, crashDisks...)
	d, err := b.s.disk(diskID(1))
	must(t, err)
	var mu sync.Mutex
	want := map[ident.ID][]int{}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				id, shape := ident.New(), []int{500 + i%1000}
				if i%5 == 0 {
					shape = []int{3000, 3000}
				}
				if err := put(b.s, id, frames(id, shape...), id.String()); err != nil {
					continue // the disk was away
				}
				if i%3 == 0 {
					must(t, b.s.Delete(ctx, id))
					continue
				}
				mu.Lock()
				want[id] = shape
				mu.Unlock()
				b.s.Disks()
			}
		})
	}
	for range 40 {
		blink(t, mem, d)
		b.s.Recheck()
	}
	close(stop)
	wg.Wait()
	must(t, d.usable())
	checkAll(t, b.s, want)
	checkAccounts(t, b.s)
	b.reopen()
	checkAll(t, b.s, want)
	checkAccounts(t, b.s)
}

// TestAddKnownDisk: adding the path of a disk that was away takes it into use again.
func TestAddKnownDisk(t *testing.T) {
	mem := vfs.NewCrashable()
	b := newBench(t, mem, crashOptions, crashDisks...)
	want := several(t, b.s, 30)
	must(t, mem.Rename("/d1", "/unplugged"))
	b.reopen()
	wantKind(t, b.s.AddDisk(ctx, Disk{Dir: "/d1"}), errs.Unavailable)
	must(t, mem.Rename("/unplugged", "/d1"))
	must(t, b.s.AddDisk(ctx, Disk{Dir: "/d1"}))
	checkAll(t, b.s, want)
	checkAccounts(t, b.s)
}

// TestDiskComesBackByItself: nobody has to ask.
func TestDiskComesBackByItself(t *testing.T) {
	mem := vfs.NewCrashable()
	o := crashOptions
	o.recheck = time.Millisecond
	b := newBench(t, mem, o, crashDisks...)
	want := several(t, b.s, 30)
	must(t, mem.Rename("/d1", "/unplugged"))
	b.reopen()
	wantKind(t, b.status(diskID(1)).Absent, errs.Unavailable)
	back := make(chan string, 1)
	b.s.OnReturn(func(dir string) { back <- dir })
	must(t, mem.Rename("/unplugged", "/d1"))
	if dir := <-back; dir != "/d1" {
		t.Errorf("%s is back", dir)
	}
	checkAll(t, b.s, want)
}

// TestReaperTriesAgain: a file that cannot be removed goes later, without a deletion.
func TestReaperTriesAgain(t *testing.T) {
	mem := vfs.NewCrashable()
	f := &failing{kind: errorfs.OpRemove, err: errors.New("busy")}
	o := crashOptions
	o.retry = time.Millisecond
	b := newBench(t, errorfs.Wrap(mem, f), o)
	id := ident.New()
	must(t, put(b.s, id, frames(id, 3000, 5000), ""))
	f.on.Store(true)
	must(t, b.s.Delete(ctx, id))
	b.s.reaper.wait()
	if onDisk(t, mem, "/d1") == 0 {
		t.Fatal("the file could be removed")
	}
	f.on.Store(false)
	b.s.reaper.mu.Lock()
	for onDisk(t, mem, "/d1") > 0 {
		b.s.reaper.idle.Wait()
	}
	b.s.reaper.mu.Unlock()
	checkAccounts(t, b.s)
}
