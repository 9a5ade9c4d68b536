package repair_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"testing"

	"rhizome/base/clock"
	"rhizome/base/ident"
	"rhizome/base/vfs"
	"rhizome/cluster/layout"
	"rhizome/model/object"
	"rhizome/node/repair"
)

// TestVersionsComeBack: the rows of a node are gone, whose bucket has versions and locks. With
// a snapshot from the midst of it, or none, every version is there again in order, large ones
// and those that came in parts, and who locked one still has it locked.
func TestVersionsComeBack(t *testing.T) {
	for _, snapshot := range []bool{true, false} {
		t.Run(fmt.Sprintf("snapshot=%v", snapshot), func(t *testing.T) {
			fs := vfs.NewCrashable()
			id := identity{node: newNode(), root: ident.NewSecret(), clock: clock.System{}}
			for _, d := range []string{data, data + "/disk"} {
				if err := fs.MkdirAll(d, 0o700); err != nil {
					t.Fatal(err)
				}
			}
			h, err := open(fs, id)
			if err != nil {
				t.Fatal(err)
			}
			w := &world{t: t, ctx: context.Background(), h: h, rng: rand.New(rand.NewPCG(9, 8)), all: map[string]*thing{}}
			w.key, err = h.keys.CreateKey(w.ctx, "test", ident.ID{}, true)
			w.must(err)
			b, err := h.objects.CreateLocked(w.ctx, "kept", w.key, false)
			w.must(err)
			_, err = h.objects.SetLock(w.ctx, b, object.BucketLock{On: true, Mode: object.Compliance, Days: 30})
			w.must(err)
			w.put("kept", "k", 20_000)
			w.put("kept", "k", 1_200_000)
			if snapshot {
				w.multipart("kept", "parts", true, 5<<20, 20_000)
				w.multipart("kept", "parts", true, 5<<20, 30_000)
				s := &repair.Snapshotter{FS: fs, Data: data, Rows: h.rows, Ring: h.ring, Layout: func() *layout.Layout { return h.layout },
					Disks: func() []string { return []string{data + "/disk"} }, Node: id.node, Clock: id.clock, Logger: slog.New(slog.DiscardHandler)}
				_, err := s.Once(w.ctx)
				w.must(err)
			}
			w.put("kept", "k", 30_000)
			w.cleanUp()
			w.put("kept", "k", 40_000)
			h.close()
			if err := fs.RemoveAll(data + "/rows"); err != nil {
				t.Fatal(err)
			}
			again, rep := (&built{id: id, fs: fs}).rebuild(t, fs)
			defer again.close()
			if b, err = again.objects.BucketByID(w.ctx, b.ID); err != nil {
				t.Fatal(err)
			}
			if !b.Lock.On || b.Versioning != object.VersioningOn {
				t.Errorf("the bucket has lock %v, versioning %v", b.Lock.On, b.Versioning)
			}
			if !slices.ContainsFunc(rep.Made, func(f object.Finding) bool { return f.What == object.HeldAnew && f.Key == "k" }) {
				t.Errorf("findings %+v", rep.Made)
			}
			w.h = again
			for _, when := range []string{"at once", "after clean-up"} {
				for _, x := range w.all {
					w.sameVersions(when, b, x)
				}
				w.cleanUp()
				if _, err := again.extents.Sweep(w.ctx, func(ident.ID) {}); err != nil {
					t.Fatal(err)
				}
			}
			_, err = again.objects.Put(w.ctx, b, object.Put{Key: "k", Body: body([]byte("goes on"))})
			w.must(err)
		})
	}
}

// sameVersions holds the versions of an object to what they were.
func (w *world) sameVersions(when string, b *object.Bucket, x *thing) {
	w.t.Helper()
	p, err := w.h.objects.ListVersions(w.ctx, b, object.ListVersions{Prefix: x.key, Limit: 100})
	w.must(err)
	want := append([][]byte{x.bytes}, slices.Clone(x.past)...)
	slices.Reverse(want[1:])
	if len(p.Versions) != len(want) {
		w.t.Fatalf("%s: %s has %d versions, had %d", when, x.key, len(p.Versions), len(want))
	}
	for i, v := range p.Versions {
		o, err := w.h.objects.Get(w.ctx, b, object.Get{Key: v.Key, Version: v.VersionID})
		w.must(err)
		got, err := io.ReadAll(o.Body)
		if err = errors.Join(err, o.Body.Close()); err != nil || !bytes.Equal(got, want[i]) {
			w.t.Errorf("%s: version %d of %s has %d bytes, had %d; %v", when, i, x.key, len(got), len(want[i]), err)
		}
		if _, err := w.h.objects.DeleteVersion(w.ctx, b, v.Key, v.VersionID, object.Conditions{Bypass: true}); !errors.Is(err, object.ErrLocked) {
			w.t.Errorf("%s: version %d of %s is deleted: %v", when, i, x.key, err)
		}
	}
}
