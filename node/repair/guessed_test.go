package repair_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"testing"

	"rhizome/base/clock"
	"rhizome/base/ident"
	"rhizome/base/vfs"
	"rhizome/cluster/layout"
	"rhizome/model/object"
	"rhizome/node/repair"
)

// started is a home with nothing but a key.
func started(t *testing.T, fs *vfs.MemFS, disks ...string) (*built, *world) {
	t.Helper()
	b := &built{fs: fs, id: identity{node: newNode(), root: ident.NewSecret(), clock: clock.System{}, disks: disks}}
	for _, d := range append([]string{data, data + "/disk"}, disks...) {
		if err := fs.MkdirAll(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	h, err := open(fs, b.id)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, ctx: context.Background(), h: h, rng: rand.New(rand.NewPCG(3, 4)), all: map[string]*thing{}}
	w.key, err = h.keys.CreateKey(w.ctx, "test", ident.ID{}, true)
	w.must(err)
	return b, w
}

// TestNoBucketOfAKeyAlone: the key of a bucket that was deleted is in the keyring yet, and a
// rebuild that finds nothing else of it makes no bucket, nor counts rows that are gone.
func TestNoBucketOfAKeyAlone(t *testing.T) {
	fs := vfs.NewCrashable()
	b, w := started(t, fs)
	h := w.h
	for _, name := range []string{"alpha", "beta"} {
		_, err := h.objects.CreateBucket(w.ctx, name, w.key, false)
		w.must(err)
	}
	for i := range 9 {
		w.put("alpha", fmt.Sprint(i), 100)
	}
	for i := range 7 {
		w.delete("alpha", fmt.Sprint(i))
	}
	s := &repair.Snapshotter{FS: fs, Data: data, Rows: h.rows, Ring: h.ring, Layout: func() *layout.Layout { return h.layout },
		Disks: func() []string { return []string{data + "/disk"} }, Node: b.id.node, Clock: b.id.clock, Logger: slog.New(slog.DiscardHandler)}
	w.must(h.objects.DeleteBucket(w.ctx, w.bucket("beta")))
	_, err := s.Once(w.ctx)
	w.must(err)
	_, err = h.objects.CreateBucket(w.ctx, "gamma", w.key, false) // of which no snapshot knows
	w.must(err)
	w.must(h.objects.DeleteBucket(w.ctx, w.bucket("gamma")))
	h.close()
	w.must(fs.RemoveAll(data + "/rows"))

	h, rep := b.rebuild(t, fs)
	defer h.close()
	all, err := h.objects.AllBuckets(w.ctx)
	w.must(err)
	if len(all) != 1 || all[0].Names[0] != "alpha" {
		t.Errorf("%d buckets: %+v", len(all), all)
	}
	for _, f := range rep.Buckets {
		if f.What == object.NewSettings {
			t.Errorf("said: %+v", f)
		}
	}
	if rep.Saved > rep.Rows || rep.Saved == 0 {
		t.Errorf("%d rows, %d of them saved", rep.Rows, rep.Saved)
	}
}

// TestABucketOnAForgottenDisk: a rebuild that finds nothing of a bucket makes none; the next one,
// with the disk that all of it lies on, makes it with what it held.
func TestABucketOnAForgottenDisk(t *testing.T) {
	fs := vfs.NewCrashable()
	b, w := started(t, fs, "/other")
	bucket, err := w.h.objects.CreateBucket(w.ctx, "alpha", w.key, false)
	w.must(err)
	for i := range 30 {
		w.put("alpha", fmt.Sprint(i), 40_000)
	}
	w.h.close()
	for _, dir := range []string{"/rows", "/disk"} {
		w.must(fs.RemoveAll(data + dir))
	}
	b.id.disks = nil
	h, rep := b.rebuild(t, fs)
	if all, err := h.objects.AllBuckets(w.ctx); err != nil || len(all) != 0 || len(rep.Buckets) != 0 {
		t.Errorf("nothing is left: %+v, %+v, %v", all, rep.Buckets, err)
	}
	h.close()
	b.id.disks = []string{"/other"}
	h, rep = b.rebuild(t, fs)
	defer h.close()
	all, err := h.objects.AllBuckets(w.ctx)
	w.must(err)
	if len(rep.Made) == 0 || len(all) != 1 || all[0].ID != bucket.ID {
		t.Fatalf("with the disk: %+v\n%s", all, rep.Text(english()))
	}
	for _, f := range rep.Made {
		if got, err := h.get(w.ctx, all[0].Names[0], f.Key); err != nil || string(got) != string(w.all["alpha/"+f.Key].bytes) {
			t.Errorf("%s: %d bytes, %v", f.Key, len(got), err)
		}
	}
}
