package extentstore

import (
	"errors"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/base/vfs"
	"rhizome/disk/kv"
)

func owner(n byte) Owner { return Owner{ident.ID{n}, ident.NodeID{n}} }

// another is a second node's bench on the same file system.
func another(t *testing.T, fs vfs.FS, o Options) *bench {
	t.Helper()
	must(t, fs.MkdirAll("/second", 0o700))
	return newBench(t, fs, o, Disk{Dir: "/second/disk"})
}

// TestForeignDiskIsRefused: neither another rhizome's nor another node's disk is taken
// in, nor touched.
func TestForeignDiskIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		owner Owner
		say   string
	}{
		"rhizome": {Owner{ident.ID{2}, ident.NodeID{1}}, ident.ID{1}.String()},
		"node":    {Owner{ident.ID{1}, ident.NodeID{2}}, "rhizome repair rebuild --disk /d1,"},
	} {
		t.Run(name, func(t *testing.T) {
			mem := vfs.NewCrashable()
			mine := crashOptions
			mine.Owner = owner(1)
			b := newBench(t, mem, mine, crashDisks...)
			want := several(t, b.s, 30)
			b.close()
			before, err := mem.List("/d1")
			must(t, err)
			other := another(t, mem, Options{Owner: c.owner})
			err = other.s.AddDisk(ctx, Disk{Dir: "/d1"})
			wantKind(t, err, errs.Conflict)
			if !strings.Contains(err.Error(), c.say) {
				t.Errorf("the answer does not say what to do: %v", err)
			}
			if n := len(other.s.Disks()); n != 1 {
				t.Errorf("%d disks", n)
			}
			must(t, other.s.Each(ctx, func(i Info) error { t.Errorf("extent %s is indexed", i.ID); return nil }))
			if after, _ := mem.List("/d1"); len(after) != len(before) {
				t.Errorf("the folder holds %v, before %v", after, before)
			}
			b.open()
			checkAll(t, b.s, want)
			checkAccounts(t, b.s)
		})
	}
}

// TestKnownDiskOfAnother: a disk that became another's while it was away does not serve.
func TestKnownDiskOfAnother(t *testing.T) {
	mem := vfs.NewCrashable()
	o := crashOptions
	o.Owner = owner(1)
	b := newBench(t, mem, o, crashDisks...)
	several(t, b.s, 10)
	b.close()
	must(t, writeSynced(mem, "/d1/"+identityName, identity{diskID(1), owner(2)}.encode()))
	b.open()
	wantKind(t, b.status(diskID(1)).Absent, errs.Unavailable)
}

// TestFolderWithoutIdentity: extents of which nobody knows whose they are stay as they are.
func TestFolderWithoutIdentity(t *testing.T) {
	for _, shape := range [][]int{{100}, {3000, 5000}} {
		mem := vfs.NewCrashable()
		b := newBench(t, mem, crashOptions)
		id := ident.New()
		must(t, put(b.s, id, frames(id, shape...), ""))
		b.close()
		must(t, mem.Remove("/d1/"+identityName))
		other := another(t, mem, Options{})
		wantKind(t, other.s.AddDisk(ctx, Disk{Dir: "/d1"}), errs.Conflict)
		must(t, writeSynced(mem, "/d1/"+identityName, identity{disk: diskID(1)}.encode()))
		b.open()
		must(t, check(b.s, id, frames(id, shape...), ""))
	}
}

// TestAdopt: rows that are made anew take the disks, and those that come back later.
func TestAdopt(t *testing.T) {
	mem := vfs.NewCrashable()
	o := crashOptions
	o.Owner = owner(1)
	b := newBench(t, mem, o, crashDisks...)
	want := several(t, b.s, 60)
	for id := range want { // segments with moved records, which are indexed only anew
		must(t, b.s.Delete(ctx, id))
		delete(want, id)
		if len(want) == 20 {
			break
		}
	}
	b.s.keeper.wait()
	b.close()
	must(t, mem.RemoveAll("/rows"))
	must(t, mem.Rename("/d2", "/away"))
	b.opt.Owner, b.opt.Adopt, b.disks = owner(2), true, []Disk{{Dir: "/d1"}}
	rows, err := kv.Open(mem, "/rows", kv.Options{})
	must(t, err)
	must(t, Expect(rows, Disk{ID: diskID(2), Dir: "/d2"}))
	must(t, rows.Close())
	b.open()
	b.opt.Adopt = false
	b.reopen()
	must(t, b.status(diskID(1)).Absent)
	must(t, mem.Rename("/away", "/d2"))
	b.s.Recheck()
	must(t, b.s.adopted(ctx))
	checkAll(t, b.s, want)
	checkAccounts(t, b.s)
	b.reopen()
	checkAll(t, b.s, want)
	for _, dir := range []string{"/d1", "/d2"} {
		if is, err := readIdentity(mem, dir); err != nil || is.owner != owner(2) {
			t.Errorf("%s: %+v, %v", dir, is, err)
		}
	}
}

// TestFolderIsLocked: two processes do not use one disk, even of one node.
func TestFolderIsLocked(t *testing.T) {
	mem := vfs.NewCrashable()
	b := newBench(t, mem, crashOptions, crashDisks...)
	want := several(t, b.s, 20)
	other := another(t, mem, Options{})
	wantKind(t, other.s.AddDisk(ctx, Disk{Dir: "/d1"}), errs.Conflict)
	checkAll(t, b.s, want)
	b.close()
	must(t, other.s.AddDisk(ctx, Disk{Dir: "/d1"}))
	b.open()
	wantKind(t, b.status(diskID(1)).Absent, errs.Unavailable)
	must(t, b.status(diskID(2)).Absent)
}

// TestSameFolderByAnotherPath: a disk in use is refused before anything of it is touched.
func TestSameFolderByAnotherPath(t *testing.T) {
	dir := t.TempDir()
	b := newBench(t, vfs.Default, Options{SmallBytes: 1000}, Disk{Dir: dir + "/d1"})
	must(t, os.Symlink(dir+"/d1", dir+"/link"))
	small := ident.New()
	must(t, put(b.s, small, frames(small, 1000), ""))
	big := ident.New()
	w, err := b.s.Create(ctx, big, -1)
	must(t, err)
	must(t, w.Append(frames(big, 3000)[0]))
	wantKind(t, b.s.AddDisk(ctx, Disk{Dir: dir + "/link"}), errs.Exists)
	wantKind(t, b.s.AddDisk(ctx, Disk{Dir: dir + "/d1/"}), errs.Exists)
	must(t, w.Commit(nil))
	must(t, check(b.s, big, frames(big, 3000), ""))
	must(t, check(b.s, small, frames(small, 1000), ""))
	checkAccounts(t, b.s)
}

// TestSameFolderThenPowerCut: what is written after the refusal is found after a crash.
func TestSameFolderThenPowerCut(t *testing.T) {
	mem := vfs.NewCrashable()
	b := newBench(t, mem, Options{})
	first, id := ident.New(), ident.New()
	must(t, put(b.s, first, frames(first, 1000), ""))
	b.durable()
	wantKind(t, b.s.AddDisk(ctx, Disk{Dir: "/d1/"}), errs.Exists)
	b.durable()
	must(t, put(b.s, id, frames(id, 1000), ""))
	c := b.afterPowerCut(mem)
	must(t, c.s.adopted(ctx))
	must(t, check(c.s, id, frames(id, 1000), ""))
}

// TestAddTwiceAtOnce: one folder is one disk, however often it is added at once.
func TestAddTwiceAtOnce(t *testing.T) {
	for range 30 {
		b := newBench(t, vfs.NewCrashable(), Options{})
		must(t, b.fs.MkdirAll("/new", 0o700))
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() { must(t, b.s.AddDisk(ctx, Disk{Dir: "/new"})) })
		}
		wg.Wait()
		n := 0
		for _, d := range b.s.Disks() {
			if d.Dir == "/new" {
				n++
			}
		}
		if n != 1 {
			t.Fatalf("%d disks in one folder", n)
		}
	}
}

// TestGivenUpDisk: a disk that was removed with extents on it is not free for others,
// and comes back to its owner.
func TestGivenUpDisk(t *testing.T) {
	mem := vfs.NewCrashable()
	o := crashOptions
	o.Owner = owner(1)
	b := newBench(t, mem, o, crashDisks...)
	want := several(t, b.s, 40)
	must(t, b.s.RemoveDisk(ctx, diskID(1), func(ident.ID) {}))
	other := another(t, mem, Options{Owner: owner(2)})
	wantKind(t, other.s.AddDisk(ctx, Disk{Dir: "/d1"}), errs.Conflict)
	must(t, b.s.AddDisk(ctx, Disk{Dir: "/d1"}))
	checkAll(t, b.s, want)
	checkAccounts(t, b.s)
}

// TestFileSystemWithoutLocks: a disk on one serves all the same; one that another process
// has does not.
func TestFileSystemWithoutLocks(t *testing.T) {
	for _, c := range []struct {
		err           error
		serves, taken bool
	}{
		{syscall.ENOLCK, true, false}, {syscall.ENOTSUP, true, false}, {syscall.ENOSYS, true, false}, {syscall.EINVAL, true, false},
		{syscall.EAGAIN, false, true}, {syscall.EACCES, false, true}, {errors.New("lock held by current process"), false, true},
		{syscall.EIO, false, false},
	} {
		f := &failing{kind: errorfs.OpLock, err: c.err}
		f.on.Store(true)
		b := newBench(t, errorfs.Wrap(vfs.NewCrashable(), f), Options{}, Disk{Dir: "/d2"})
		err := b.s.AddDisk(ctx, Disk{Dir: "/d1"})
		if (err == nil) != c.serves || errors.Is(err, errs.Conflict) != c.taken {
			t.Errorf("%v: %v", c.err, err)
		}
	}
}
