package extentstore

import (
	"sync"
	"testing"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/base/vfs"
)

func TestCompactionReturnsRoom(t *testing.T) {
	b := newBench(t, vfs.NewCrashable(), Options{SegmentBytes: 64 << 10})
	var ids []ident.ID
	for range 200 {
		id := ident.New()
		ids = append(ids, id)
		must(t, put(b.s, id, frames(id, 2000), id.String()))
	}
	before := onDisk(t, b.fs, "/d1")
	for i, id := range ids {
		if i%5 != 0 {
			must(t, b.s.Delete(ctx, id))
		}
	}
	checkAccounts(t, b.s)
	if now := onDisk(t, b.fs, "/d1"); now > before/2 {
		t.Errorf("%d bytes on disk, a fifth of %d is live", now, before)
	}
	for i, id := range ids {
		if i%5 == 0 {
			must(t, check(b.s, id, frames(id, 2000), id.String()))
		}
	}
}

func TestReadersSeeNoGap(t *testing.T) {
	b := newBench(t, vfs.NewCrashable(), Options{SegmentBytes: 16 << 10}, crashDisks...)
	want := several(t, b.s, 60)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				for id, shape := range want {
					select {
					case <-stop:
						return
					default:
					}
					if err := check(b.s, id, frames(id, shape...), id.String()); err != nil {
						t.Errorf("%s: %v", id, err)
						return
					}
				}
			}
		})
	}
	for i := range 6 {
		from := diskID(byte(1 + i%2))
		must(t, b.s.DrainDisk(diskID(byte(1+(i+1)%2)), false))
		must(t, b.s.DrainDisk(from, true))
		b.s.keeper.wait()
		b.s.reaper.wait()
	}
	close(stop)
	wg.Wait()
	checkAccounts(t, b.s)
}

func TestDamagedRecordStaysDamagedAndVisible(t *testing.T) {
	mem := vfs.NewCrashable()
	b := newBench(t, mem, Options{SegmentBytes: 1 << 20})
	var ids []ident.ID
	for range 40 {
		id := ident.New()
		ids = append(ids, id)
		must(t, put(b.s, id, frames(id, 2000), id.String()))
	}
	data, err := b.s.Info(ctx, ids[0])
	must(t, err)
	desc, err := b.s.Info(ctx, ids[1])
	must(t, err)
	flip(t, mem, "/d1/"+data.File, data.Offset+100)
	flip(t, mem, "/d1/"+desc.File, desc.Offset-3)
	b.reopen() // seals the segment
	for _, id := range ids[10:] {
		must(t, b.s.Delete(ctx, id))
	}
	checkAccounts(t, b.s)
	damaged, err := b.s.Verify(ctx, ids[0])
	must(t, err)
	if len(damaged) != 1 || damaged[0] != 0 {
		t.Errorf("damaged frames %v", damaged)
	}
	wantKind(t, b.s.Read(ctx, ids[0], 0, 1, nil, func(int, []byte) error { return nil }), errs.Corrupt)
	damaged, err = b.s.Verify(ctx, ids[1])
	must(t, err)
	if len(damaged) != 1 || damaged[0] != -1 {
		t.Errorf("damaged descriptor: %v", damaged)
	}
	for _, id := range ids[2:10] {
		must(t, check(b.s, id, frames(id, 2000), id.String()))
	}
	for _, id := range ids[:10] {
		must(t, b.s.Delete(ctx, id))
	}
	b.reopen()
	checkAccounts(t, b.s)
	if n := onDisk(t, mem, "/d1"); n != 0 {
		t.Errorf("%d bytes are left", n)
	}
}

func TestManyStartsLeaveFewSegments(t *testing.T) {
	b := newBench(t, vfs.NewCrashable(), Options{})
	want := map[ident.ID][]int{}
	for range 30 {
		for id, shape := range several(t, b.s, 2) {
			want[id] = shape
		}
		b.reopen()
		b.s.keeper.wait()
	}
	checkAccounts(t, b.s)
	names, err := b.fs.List("/d1/" + segmentsDir)
	must(t, err)
	if len(names) > smallCrowd+1 {
		t.Errorf("%d segments after 30 starts", len(names))
	}
	checkAll(t, b.s, want)
}
