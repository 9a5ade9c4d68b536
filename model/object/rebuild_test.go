package object_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"rhizome/base/clock"
	"rhizome/base/ident"
	"rhizome/base/vfs"
	"rhizome/cluster/extent"
	"rhizome/cluster/register"
	"rhizome/disk/kv"
	"rhizome/model/object"
	"rhizome/model/object/objecttest"
)

// picture is the rows' bytes as they were once, by key of the row store.
type picture map[string][]byte

func (f *fixture) picture() picture {
	f.t.Helper()
	out := picture{}
	for _, first := range []byte("rb") {
		it, err := f.Rows.Iter([]byte{first}, []byte{first + 1})
		if err != nil {
			f.t.Fatal(err)
		}
		for ok := it.First(); ok; ok = it.Next() {
			v, err := it.Value()
			if err != nil {
				f.t.Fatal(err)
			}
			out[string(it.Key())] = bytes.Clone(v)
		}
		if err := it.Close(); err != nil {
			f.t.Fatal(err)
		}
	}
	return out
}

// kept is a home with one bucket, and pictures of its rows after each thing that happened.
type kept struct {
	t        *testing.T
	fs       *vfs.MemFS
	id       objecttest.Identity
	b        ident.ID
	clock    *clock.Manual
	since    int64 // Rebuild.Since
	pictures []picture
	want     [][]byte // the versions of "k" that have to be there, the oldest first
}

// newKept has things happen to a key: what f does is pictured before and after clean-up.
func newKept(t *testing.T, do func(*fixture, *kept)) *kept {
	h := &kept{t: t, fs: vfs.NewCrashable(), id: objecttest.NewIdentity(), since: math.MaxInt64}
	at := clock.NewManual(time.Now())
	f := &fixture{Home: objecttest.Open(t, h.fs, h.id, at), t: t, ctx: context.Background()}
	h.clock = at
	var err error
	if f.key, err = f.Accounts.CreateKey(f.ctx, "test", ident.ID{}, true); err != nil {
		t.Fatal(err)
	}
	f.b = f.bucket("bucket")
	h.b = f.b.ID
	do(f, h)
	f.Close(t)
	return h
}

func (h *kept) step(f *fixture) {
	h.t.Helper()
	h.pictures = append(h.pictures, f.picture())
	if err := f.Objects.CleanUp(f.ctx); err != nil {
		h.t.Fatal(err)
	}
	h.pictures = append(h.pictures, f.picture())
}

func (h *kept) put(f *fixture, n int) {
	h.t.Helper()
	p := random(n)
	h.clock.Advance(time.Second)
	f.put("k", p)
	h.want = append(h.want, p)
	h.step(f)
}

func versioning(f *fixture, v object.Versioning) {
	f.t.Helper()
	var err error
	if f.b, err = f.Objects.SetVersioning(f.ctx, f.b, v); err != nil {
		f.t.Fatal(err)
	}
}

// lost says what became of a row: as in which picture it is, -1 for none.
type lost map[register.Row]int

// rebuilt returns a home in which rows were lost, and a rebuild ended.
func (h *kept) rebuilt(l lost) (*fixture, *object.Findings) {
	h.t.Helper()
	fs := h.fs.CrashClone(vfs.CrashCloneCfg{})
	h.lose(fs, l)
	f := &fixture{Home: objecttest.Open(h.t, fs, h.id, h.clock), t: h.t, ctx: context.Background()}
	r := &object.Rebuild{Store: f.Objects, Disks: f.Disks, Since: h.since, Keys: h.id.Ring.Keys(),
		Strange: func(ident.ID) bool { return false },
		Known: func(row register.Row) (register.Knowledge, error) {
			at, is := l[row]
			switch {
			case !is && row.Table == object.Versions && l.any(row.Table) && !h.has(row):
				return register.Unknown, nil // numbers are known about
			case !is:
				return register.Known, nil
			case at < 0:
				return register.Unknown, nil
			}
			return register.Saved, nil
		}}
	found, err := r.Run(f.ctx)
	if err != nil {
		h.t.Fatal(err)
	}
	if f.b, err = f.Objects.BucketByID(f.ctx, h.b); err != nil {
		h.t.Fatal(err)
	}
	return f, found
}

func (l lost) any(t register.Table) bool {
	for row := range l {
		if row.Table == t {
			return true
		}
	}
	return false
}

func (h *kept) has(row register.Row) bool { return slices.Contains(h.rows(row.Table), row) }

func (h *kept) lose(fs vfs.FS, l lost) {
	h.t.Helper()
	rows, err := kv.Open(fs, "rows", kv.Options{})
	if err != nil {
		h.t.Fatal(err)
	}
	batch := rows.NewBatch()
	for row, at := range l {
		for key := range h.pictures[len(h.pictures)-1] {
			if is, err := register.DecodeKey([]byte(key)); err == nil && is == row {
				batch.Delete([]byte(key))
			}
		}
		if at < 0 {
			continue
		}
		for key, value := range h.pictures[at] {
			if is, err := register.DecodeKey([]byte(key)); err == nil && is == row {
				batch.Set([]byte(key), value)
			}
		}
	}
	if err := errors.Join(batch.Commit(), rows.Close()); err != nil {
		h.t.Fatal(err)
	}
}

// rows returns the rows of a table that any picture has.
func (h *kept) rows(t register.Table) (out []register.Row) {
	seen := map[register.Row]bool{}
	for _, p := range h.pictures {
		for key := range p {
			if row, err := register.DecodeKey([]byte(key)); err == nil && row.Table == t && !seen[row] {
				seen[row] = true
				out = append(out, row)
			}
		}
	}
	slices.SortFunc(out, func(a, b register.Row) int { return bytes.Compare([]byte(a.Sort), []byte(b.Sort)) })
	return out
}

// all returns the versions of "k" that can be read, the oldest first; none of a delete marker.
func all(f *fixture) (out [][]byte, heads []object.VersionHead, failed error) {
	p, err := f.Objects.ListVersions(f.ctx, f.b, object.ListVersions{Limit: 1000})
	if err != nil {
		return nil, nil, err
	}
	for _, v := range slices.Backward(p.Versions) {
		if v.Marker {
			continue
		}
		b, err := f.get(f.b, object.Get{Key: v.Key, Version: v.VersionID})
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("version %s: %w", v.VersionID, err))
			continue
		}
		out, heads = append(out, b), append(heads, v)
	}
	return out, heads, failed
}

// holds reports whether what there is has all that there should be, in order.
func holds(got, want [][]byte) bool {
	for _, g := range got {
		if len(want) > 0 && bytes.Equal(g, want[0]) {
			want = want[1:]
		}
	}
	return len(want) == 0
}

func sizes(all [][]byte) (out []int) {
	for _, b := range all {
		out = append(out, len(b))
	}
	return out
}

// check holds a rebuilt home to what there was: at once, after clean-up, after another write,
// and once what is current is deleted for good.
func (h *kept) check(name string, f *fixture) {
	h.t.Helper()
	defer f.Close(h.t)
	want := h.want
	look := func(when string) []object.VersionHead {
		h.t.Helper()
		got, heads, err := all(f)
		if !holds(got, want) {
			h.t.Errorf("%s, %s: versions of %d bytes, want %d, %v", name, when, sizes(got), sizes(want), err)
			return nil
		}
		if b, err := f.get(f.b, object.Get{Key: "k"}); err == nil && !bytes.Equal(b, got[len(got)-1]) {
			h.t.Errorf("%s, %s: the current version has %d bytes, of %d", name, when, len(b), sizes(got))
		}
		return heads
	}
	cleanUp := func() {
		h.t.Helper()
		for range 3 {
			if err := f.Objects.CleanUp(f.ctx); err != nil {
				h.t.Fatalf("%s: %v", name, err)
			}
		}
		if _, err := f.Extents.Sweep(f.ctx, func(ident.ID) {}); err != nil {
			h.t.Fatalf("%s: %v", name, err)
		}
	}
	look("at once")
	cleanUp()
	look("after clean-up")
	fresh := random(21_000)
	f.put("k", fresh)
	want = append(slices.Clone(want), fresh)
	cleanUp()
	heads := look("after a write")
	if heads == nil {
		return
	}
	if _, err := f.Objects.DeleteVersion(f.ctx, f.b, "k", heads[len(heads)-1].VersionID, object.Conditions{}); err != nil {
		h.t.Fatalf("%s: %v", name, err)
	}
	want = h.want
	cleanUp()
	look("after a deletion")
}

// histories are what may have happened to a key.
func histories() map[string]func(*fixture, *kept) {
	return map[string]func(*fixture, *kept){
		"versions": func(f *fixture, h *kept) {
			versioning(f, object.VersioningOn)
			for _, n := range []int{17_000, 18_000, 19_000} {
				h.put(f, n)
			}
		},
		"before versioning": func(f *fixture, h *kept) {
			h.put(f, 17_000)
			versioning(f, object.VersioningOn)
			h.put(f, 18_000)
			h.put(f, 19_000)
		},
		"deleted and there again": func(f *fixture, h *kept) {
			versioning(f, object.VersioningOn)
			h.put(f, 17_000)
			h.put(f, 18_000)
			h.put(f, 19_000)
			h.want = h.want[:2]
			_, heads, err := all(f)
			if err == nil {
				_, err = f.Objects.DeleteVersion(f.ctx, f.b, "k", heads[2].VersionID, object.Conditions{})
			}
			if err != nil {
				h.t.Fatal(err)
			}
			h.step(f)
		},
		"suspended": func(f *fixture, h *kept) {
			versioning(f, object.VersioningOn)
			h.put(f, 17_000)
			versioning(f, object.VersioningSuspended)
			h.put(f, 18_000)
			versioning(f, object.VersioningOn)
			h.put(f, 19_000)
		},
	}
}

// TestRebuildKeepsVersions: whatever rows of a key are lost, or are as they once were, no
// version is lost of which the bytes are there.
func TestRebuildKeepsVersions(t *testing.T) {
	for name, do := range histories() {
		t.Run(name, func(t *testing.T) {
			h := newKept(t, do)
			object1 := h.rows(object.Objects)[0]
			own := h.rows(object.Versions)
			last := len(h.pictures) - 1
			for at := -1; at <= last; at++ {
				for mask := range 1 << len(own) {
					for _, extents := range []int{-1, last} {
						l := lost{}
						if at != last {
							l[object1] = at
						}
						for i, row := range own {
							if mask&(1<<i) != 0 {
								l[row] = -1
							}
						}
						if extents < 0 {
							for _, row := range h.rows(extent.Extents) {
								l[row] = -1
							}
						}
						f, _ := h.rebuilt(l)
						h.check(fmt.Sprintf("object's row of %d, own lost %b, extents' rows %d", at, mask, extents), f)
					}
				}
			}
		})
	}
}

// TestRebuildKeepsLocks: a version whose rows are lost comes back with its lock, and with a
// legal hold, for one may have been set later; its bucket has object lock.
func TestRebuildKeepsLocks(t *testing.T) {
	until := time.Now().Add(100 * 24 * time.Hour).UnixMilli()
	h := newKept(t, func(f *fixture, h *kept) {
		versioning(f, object.VersioningOn)
		var err error
		if f.b, err = f.Objects.SetLock(f.ctx, f.b, object.BucketLock{On: true, Mode: object.Compliance, Days: 100}); err != nil {
			t.Fatal(err)
		}
		h.put(f, 17_000)
		h.put(f, 18_000)
	})
	for _, bucketToo := range []bool{false, true} {
		l := lost{}
		for _, table := range []register.Table{object.Objects, object.Versions, extent.Extents} {
			for _, row := range h.rows(table) {
				l[row] = -1
			}
		}
		if bucketToo {
			l[h.rows(object.Buckets)[0]] = -1
		}
		f, found := h.rebuilt(l)
		if len(found.Made) != 2 || found.Made[0].What != object.HeldAnew {
			t.Errorf("findings %+v", found.Made)
		}
		if !f.b.Lock.On || f.b.Versioning != object.VersioningOn {
			t.Errorf("the bucket has lock %+v, versioning %v", f.b.Lock, f.b.Versioning)
		}
		_, heads, err := all(f)
		if err != nil || len(heads) != 2 {
			t.Fatalf("%d versions, %v", len(heads), err)
		}
		for _, v := range heads {
			o, err := f.Objects.Stat(f.ctx, f.b, object.Get{Key: "k", Version: v.VersionID})
			if err != nil || o.Lock.Mode != object.Compliance || o.Lock.Until < until-time.Hour.Milliseconds() || o.Lock.Hold != object.HoldOn {
				t.Errorf("lock %+v, %v", o.Lock, err)
			}
			if _, err := f.Objects.DeleteVersion(f.ctx, f.b, "k", v.VersionID, object.Conditions{Bypass: true}); !errors.Is(err, object.ErrLocked) {
				t.Errorf("a locked version: %v", err)
			}
		}
		f.Close(t)
	}
}

// TestRebuildKeepsIDs: versions have the IDs that they had.
func TestRebuildKeepsIDs(t *testing.T) {
	ids := map[string]bool{}
	h := newKept(t, func(f *fixture, h *kept) {
		versioning(f, object.VersioningOn)
		h.put(f, 17_000)
		h.put(f, 18_000)
		_, heads, err := all(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range heads {
			ids[v.VersionID] = true
		}
	})
	l := lost{}
	for _, table := range []register.Table{object.Objects, object.Versions, extent.Extents} {
		for _, row := range h.rows(table) {
			l[row] = -1
		}
	}
	f, _ := h.rebuilt(l)
	defer f.Close(t)
	_, heads, err := all(f)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for _, v := range heads {
		got[v.VersionID] = true
	}
	if !maps.Equal(got, ids) {
		t.Errorf("versions %v, were %v", got, ids)
	}
}

// TestRebuildGoesOnPastADeletion: a version that was deleted keeps no older one, whose row is
// lost, from coming back.
func TestRebuildGoesOnPastADeletion(t *testing.T) {
	h := newKept(t, func(f *fixture, h *kept) {
		versioning(f, object.VersioningOn)
		for _, n := range []int{17_000, 18_000, 19_000} {
			h.put(f, n)
		}
		// The row of the second goes, and a crash leaves its bytes.
		_, err := f.Regs.Update(f.ctx, h.rows(object.Versions)[0], register.Change{Epoch: object.Epoch(f.b),
			Apply: func(*register.Value) (*register.Value, error) { return nil, nil }})
		if err != nil {
			t.Fatal(err)
		}
	})
	h.want = [][]byte{h.want[0], h.want[2]}
	h.since = 0 // any row may be lost
	f, _ := h.rebuilt(lost{h.rows(object.Versions)[1]: -1})
	defer f.Close(t)
	if got, _, err := all(f); err != nil || len(got) != 2 || !holds(got, h.want) {
		t.Errorf("versions of %d bytes, want %d; %v", sizes(got), sizes(h.want), err)
	}
}

// TestRebuildKeepsEnvelopes: what is under a client's key opens with it though all rows are
// lost, also if the extent with the list of its pieces is met before these.
func TestRebuildKeepsEnvelopes(t *testing.T) {
	k, p := customerKey('k'), random(20_000)
	keys := strings.Split("abcdefghijklmnop", "")
	h := newKept(t, func(f *fixture, h *kept) {
		for _, key := range keys {
			in := body(p)
			in.Customer = k
			_, err := f.Objects.Put(f.ctx, f.b, object.Put{Key: key, Body: in})
			if err == nil {
				err = f.Objects.ListApart(f.ctx, f.b, key)
			}
			if err != nil {
				t.Fatal(err)
			}
			got, err := f.get(f.b, object.Get{Key: key, Customer: k})
			if err != nil || !bytes.Equal(got, p) {
				t.Fatalf("%d bytes, %v", len(got), err)
			}
		}
		h.step(f)
	})
	l := lost{}
	for _, table := range []register.Table{object.Objects, extent.Extents} {
		for _, row := range h.rows(table) {
			l[row] = -1
		}
	}
	f, _ := h.rebuilt(l)
	defer f.Close(t)
	for _, key := range keys {
		if _, err := f.get(f.b, object.Get{Key: key}); !errors.Is(err, object.ErrKeyNeeded) {
			t.Errorf("%s without its key: %v", key, err)
		}
		got, err := f.get(f.b, object.Get{Key: key, Customer: k})
		if err != nil || !bytes.Equal(got, p) {
			t.Errorf("%s has %d bytes, %v", key, len(got), err)
		}
	}
}
