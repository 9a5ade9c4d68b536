package repair_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math"
	"math/rand/v2"
	"os"
	"path"
	"slices"
	"sort"
	"strings"
	"testing"

	"rhizome/base/clock"
	"rhizome/base/codec"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/base/vfs"
	"rhizome/cluster/extent"
	"rhizome/cluster/layout"
	"rhizome/cluster/register"
	"rhizome/disk/extentstore"
	"rhizome/disk/keyring"
	"rhizome/disk/kv"
	"rhizome/model/account"
	"rhizome/model/object"
	"rhizome/node/repair"
)

var damageRounds = flag.Int("damage-rounds", 0, "how many bits are flipped in each file, one at a time, beside all other damage to it")

// home is a store on a data folder, as a node has it.
type home struct {
	fs      vfs.FS
	rows    *kv.Store
	layout  *layout.Layout
	ring    *keyring.Ring
	regs    *register.Coordinator
	replica *register.Replica
	disks   *extentstore.Store
	extents *extent.Store
	keys    *account.Store
	objects *object.Store
	clock   clock.Clock
}

const data = "/data"

var layoutRow = []byte("nl")

func saveLayout(rows *kv.Store, l *layout.Layout) error {
	b := rows.NewBatch()
	b.Set(layoutRow, codec.Encode(l))
	return b.Commit()
}

// identity is what of a node is not on the file system in these tests.
type identity struct {
	node  ident.NodeID
	root  ident.Secret
	disks []string
	clock clock.Clock
}

func newNode() (n ident.NodeID) {
	a, b := ident.New(), ident.New()
	copy(n[:], a[:])
	copy(n[16:], b[:])
	return n
}

func open(fs vfs.FS, id identity) (h *home, err error) {
	h = &home{fs: fs, clock: id.clock}
	if err := repair.Guard(fs, data); err != nil {
		return nil, err
	}
	if h.rows, err = kv.Open(fs, data+"/rows", kv.Options{}); err != nil {
		return nil, err
	}
	raw, err := h.rows.Get(layoutRow)
	switch {
	case errors.Is(err, errs.NotFound):
		h.layout = layout.Single(ident.New(), layout.Node{ID: id.node, Zone: "home"})
		err = saveLayout(h.rows, h.layout)
	case err == nil:
		h.layout = new(layout.Layout)
		err = codec.Decode(raw, h.layout)
	}
	if err != nil {
		return h, err
	}
	if h.replica, err = register.OpenReplica(h.rows, id.node, register.ReplicaOptions{}); err != nil {
		return h, err
	}
	h.regs = register.NewCoordinator(register.Config{Node: id.node, Layout: func() *layout.Layout { return h.layout },
		Peer: func(ident.NodeID) (register.Peer, error) { return h.replica, nil }, Local: h.replica, Clock: h.clock})
	disks := []extentstore.Disk{{Dir: data + "/disk"}}
	for _, d := range id.disks {
		disks = append(disks, extentstore.Disk{Dir: d})
	}
	if h.disks, err = extentstore.Open(fs, h.rows, disks, extentstore.Options{SegmentBytes: 2 << 20,
		Owner: extentstore.Owner{Rhizome: h.layout.Lineage, Node: id.node}}); err != nil {
		return h, err
	}
	if h.extents, err = extent.New(h.regs, h.replica, h.disks, nil); err != nil {
		return h, err
	}
	if h.ring, err = keyring.Open(fs, nil, append([]string{data}, id.disks...)...); err != nil {
		return h, err
	}
	if err := h.ring.KeepLayout(codec.Encode(h.layout)); err != nil {
		return h, err
	}
	h.keys = account.New(h.regs, id.root, h.clock)
	h.objects = object.New(object.Config{Registers: h.regs, Local: h.replica, Extents: h.extents, Accounts: h.keys,
		Root: id.root, Keyring: h.ring, Clock: h.clock})
	return h, nil
}

func (h *home) close() {
	if h == nil {
		return
	}
	if h.regs != nil {
		h.regs.Close()
	}
	if h.disks != nil {
		_ = h.disks.Close()
	}
	if h.rows != nil {
		_ = h.rows.Close()
	}
}

// thing is an object as it should be, or as it once was.
type thing struct {
	bucket, key string
	bytes       []byte
	past        [][]byte // what it was before
	deleted     bool
	multipart   bool
	late        bool // changed since the snapshot
}

// world fills a home with objects of all kinds and remembers them.
type world struct {
	t   testing.TB
	ctx context.Context
	h   *home
	key *account.Key
	rng *rand.Rand
	all map[string]*thing

	late bool
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) bucket(name string) *object.Bucket {
	b, err := w.h.objects.Bucket(w.ctx, name, w.key)
	w.must(err)
	return b
}

func (w *world) note(bucket, key string, b []byte) *thing {
	name := bucket + "/" + key
	x := w.all[name]
	if x == nil {
		x = &thing{bucket: bucket, key: key}
		w.all[name] = x
	} else {
		x.past = append(x.past, x.bytes)
	}
	x.bytes, x.deleted, x.multipart, x.late = b, false, false, w.late
	return x
}

func body(p []byte) object.Body {
	h := md5.New()
	return object.Body{Reader: bytes.NewReader(p), Size: int64(len(p)), Hash: h, Finish: func() (object.Digest, error) {
		return object.Digest{ETag: hex.EncodeToString(h.Sum(nil))}, nil
	}}
}

// customerOf is the key of a customer that objects of some names are under.
func customerOf(key string) *object.CustomerKey {
	if !strings.HasPrefix(key, "sealed") {
		return nil
	}
	return object.NewCustomerKey(bytes.Repeat([]byte("k"), 32))
}

func (w *world) random(n int) []byte {
	p := make([]byte, n)
	for i := 0; i < n; i += 8 {
		v := w.rng.Uint64()
		for j := i; j < min(n, i+8); j++ {
			p[j] = byte(v)
			v >>= 8
		}
	}
	return p
}

func (w *world) put(bucket, key string, n int) {
	w.t.Helper()
	p := w.random(n)
	in := body(p)
	in.Customer = customerOf(key)
	_, err := w.h.objects.Put(w.ctx, w.bucket(bucket), object.Put{Key: key, Body: in, Attrs: object.Attrs{ContentType: "text/x-" + key}})
	w.must(err)
	w.note(bucket, key, p)
}

func (w *world) delete(bucket, key string) {
	w.t.Helper()
	_, err := w.h.objects.Delete(w.ctx, w.bucket(bucket), key, object.Conditions{})
	w.must(err)
	x := w.all[bucket+"/"+key]
	x.past, x.bytes, x.deleted, x.late = append(x.past, x.bytes), nil, true, w.late
}

func (w *world) copy(from, fromKey, to, key string) {
	w.t.Helper()
	_, err := w.h.objects.Copy(w.ctx, w.bucket(to), object.Copy{From: w.bucket(from), FromKey: fromKey, Key: key, FromCustomer: customerOf(fromKey), Customer: customerOf(key)})
	w.must(err)
	src := w.all[from+"/"+fromKey]
	w.note(to, key, src.bytes).multipart = src.multipart
}

func (w *world) multipart(bucket, key string, complete bool, sizes ...int) {
	w.t.Helper()
	b := w.bucket(bucket)
	u, err := w.h.objects.CreateUpload(w.ctx, b, object.NewUpload{Key: key, Customer: customerOf(key)})
	w.must(err)
	var parts []object.CompletePart
	var whole []byte
	for i, n := range sizes {
		p := w.random(n)
		in := body(p)
		in.Customer = customerOf(key)
		part, err := w.h.objects.PutPart(w.ctx, b, key, u.ID, i+1, in)
		w.must(err)
		parts = append(parts, object.CompletePart{Number: i + 1, ETag: part.ETag})
		whole = append(whole, p...)
	}
	if !complete {
		return
	}
	_, err = w.h.objects.Complete(w.ctx, b, object.Complete{Key: key, Upload: u.ID, Parts: parts, Size: -1,
		Finish: func([]object.Part) (object.Digest, error) { return object.Digest{ETag: "whole"}, nil }})
	w.must(err)
	w.note(bucket, key, whole).multipart = true
}

func (w *world) cleanUp() {
	for range 3 {
		w.must(w.h.objects.CleanUp(w.ctx))
	}
	_, err := w.h.regs.Forget(w.ctx, 0)
	w.must(err)
}

// first is what is there before the snapshot.
func (w *world) first() {
	var err error
	w.key, err = w.h.keys.CreateKey(w.ctx, "test", ident.ID{}, true)
	w.must(err)
	for _, b := range []string{"alpha", "beta", "gamma"} {
		_, err := w.h.objects.CreateBucket(w.ctx, b, w.key, false)
		w.must(err)
	}
	for i := range 40 {
		w.put("alpha", fmt.Sprintf("inline-%02d", i), i*i*10)
		w.put("beta", fmt.Sprintf("small-%02d", i), 17_000+i*1000)
	}
	for i := range 3 {
		w.put("gamma", fmt.Sprintf("file-%d", i), 1_100_000+i*400_000)
	}
	w.multipart("gamma", "parts", true, 5<<20, 300_000)
	w.put("alpha", "sealed-inline", 900)
	w.put("beta", "sealed-small", 40_000)
	w.put("gamma", "sealed-file", 2_300_000)
	w.multipart("gamma", "sealed-parts", true, 5<<20, 70_000)
	w.copy("gamma", "sealed-parts", "alpha", "sealed-parts-copy")
	w.copy("beta", "sealed-small", "beta", "sealed-copy")
	w.copy("beta", "sealed-small", "beta", "opened")
	w.copy("gamma", "parts", "alpha", "parts-copy")
	w.copy("beta", "small-03", "alpha", "small-copy")
	w.copy("alpha", "inline-07", "beta", "inline-copy")
	w.multipart("beta", "unfinished", false, 5<<20)
	for i := range 6 {
		w.delete("alpha", fmt.Sprintf("inline-%02d", 10+i))
		w.put("beta", fmt.Sprintf("small-%02d", 10+i), 20_000)
	}
	w.cleanUp()
}

// second is what happens after it.
func (w *world) second() {
	w.late = true
	for i := range 10 {
		w.put("alpha", fmt.Sprintf("late-%02d", i), 500+i)
		w.put("beta", fmt.Sprintf("late-%02d", i), 30_000+i)
		w.put("beta", fmt.Sprintf("small-%02d", 20+i), 18_000)
		w.delete("beta", fmt.Sprintf("small-%02d", 30+i))
		w.put("alpha", fmt.Sprintf("inline-%02d", 20+i), 100+i)
	}
	w.copy("gamma", "file-1", "gamma", "file-copy")
	w.put("beta", "sealed-late", 35_000)
	w.multipart("alpha", "sealed-late-parts", true, 5<<20, 5<<20, 17)
	w.delete("gamma", "file-1")
	w.multipart("alpha", "late-parts", true, 5<<20, 5<<20, 17)
	w.cleanUp()
}

// get reads an object whole.
func (h *home) get(ctx context.Context, bucket, key string) ([]byte, error) {
	b, err := h.objects.Bucket(ctx, bucket, nil)
	if err != nil {
		return nil, err
	}
	o, err := h.objects.Get(ctx, b, object.Get{Key: key, Customer: customerOf(key)})
	if err != nil {
		return nil, err
	}
	defer o.Body.Close()
	return io.ReadAll(o.Body)
}

// built is a world, closed, with everything that a test needs to open copies of it.
type built struct {
	id    identity
	fs    *vfs.MemFS
	all   map[string]*thing
	names []string
}

func build(t testing.TB, otherDisk, snapshot, clean bool) *built {
	t.Helper()
	fs := vfs.NewCrashable()
	id := identity{node: newNode(), root: ident.NewSecret(), clock: clock.System{}}
	dirs := []string{data, data + "/disk"}
	if otherDisk {
		id.disks = []string{"/other"}
		dirs = append(dirs, "/other")
	}
	for _, d := range dirs {
		if err := fs.MkdirAll(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range []string{"/", data} {
		f, err := fs.OpenDir(d)
		if err == nil {
			err = errors.Join(f.Sync(), f.Close())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	h, err := open(fs, id)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, ctx: context.Background(), h: h, rng: rand.New(rand.NewPCG(7, 8)), all: map[string]*thing{}}
	w.first()
	if snapshot {
		s := &repair.Snapshotter{FS: fs, Data: data, Rows: h.rows, Ring: h.ring, Layout: func() *layout.Layout { return h.layout },
			Disks: func() []string { return append([]string{data + "/disk"}, id.disks...) }, Node: id.node, Clock: id.clock, Logger: slog.New(slog.DiscardHandler)}
		for range 2 {
			if _, err := s.Once(w.ctx); err != nil {
				t.Fatal(err)
			}
		}
	}
	w.second()
	if clean {
		h.close()
	} else {
		t.Cleanup(h.close)
	}
	b := &built{id: id, fs: fs.CrashClone(vfs.CrashCloneCfg{}), all: w.all}
	for name := range w.all {
		b.names = append(b.names, name)
	}
	sort.Strings(b.names)
	return b
}

// rebuild rebuilds and opens what comes of it.
func (b *built) rebuild(t testing.TB, fs vfs.FS) (*home, *repair.Report) {
	t.Helper()
	id := b.id
	id.node = newNode()
	rep, err := repair.Rebuild(context.Background(), repair.Options{FS: fs, Data: data, Disks: b.id.disks, Root: id.root, Node: id.node,
		Adopt: func() error { return nil }, Home: "home", SaveLayout: saveLayout, Verify: true,
		Clock: id.clock, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatalf("rebuild: %v", err)
	}
	h, err := open(fs, id)
	if err != nil {
		t.Fatalf("open after rebuild: %v", err)
	}
	return h, rep
}

// verdictOf compares one object with what it should be.
func (b *built) verdictOf(ctx context.Context, h *home, name string) (right, stale, back bool, err error) {
	x := b.all[name]
	got, err := h.get(ctx, x.bucket, x.key)
	switch {
	case err != nil && x.deleted && errs.KindOf(err) == errs.NotFound:
		return true, false, false, nil
	case err != nil:
		return false, false, false, err
	case !x.deleted && bytes.Equal(got, x.bytes):
		return true, false, false, nil
	}
	for _, p := range x.past {
		if bytes.Equal(p, got) {
			return false, !x.deleted, x.deleted, nil
		}
	}
	return false, false, false, fmt.Errorf("%d bytes that never were: %w", len(got), errWrong)
}

var errWrong = errors.New("wrong bytes")

// checkRebuilt holds a rebuilt home to its report.
func (b *built) checkRebuilt(t testing.TB, h *home, rep *repair.Report) {
	t.Helper()
	ctx := context.Background()
	named := func(list []object.Finding, name string) bool {
		for _, f := range list {
			if f.Bucket+"/"+f.Key == name {
				return true
			}
		}
		return false
	}
	check := func(when string) {
		for _, name := range b.names {
			right, stale, back, err := b.verdictOf(ctx, h, name)
			lost, made, doubtful := named(rep.Lost, name), named(rep.Made, name), named(rep.Doubtful, name)
			switch {
			case errors.Is(err, errWrong):
				t.Errorf("%s, %s: %v", when, name, err)
			case right:
			case err != nil && (lost || rep.Traceless()):
			case stale && (doubtful || made || rep.Saved > 0 || rep.Traceless()):
			case back && (made || rep.Saved > 0 || doubtful || rep.Traceless()):
			default:
				t.Errorf("%s, %s: right %v, stale %v, came back %v, %v; named lost %v, made %v; %s", when, name, right, stale, back, err, lost, made, summary(rep))
			}
		}
	}
	check("at once")
	// Neither clean-up nor sweep may take anything away.
	for range 3 {
		if err := h.objects.CleanUp(ctx); err != nil {
			t.Errorf("clean-up: %v", err)
		}
	}
	if _, err := h.extents.Sweep(ctx, func(ident.ID) {}); err != nil {
		t.Errorf("sweep: %v", err)
	}
	check("after clean-up")
}

func summary(r *repair.Report) string {
	return fmt.Sprintf("files %v, gaps %d, lost %v, made %d, doubtful %d, saved %d, log %v", r.Files, r.Gaps, r.Lost, len(r.Made), len(r.Doubtful), r.Saved, r.WritesLost)
}

// rightCount is how many objects read right.
func (b *built) rightCount(h *home) (right, live int) {
	for _, name := range b.names {
		if b.all[name].deleted {
			continue
		}
		live++
		if ok, _, _, _ := b.verdictOf(context.Background(), h, name); ok {
			right++
		}
	}
	return right, live
}

func TestUndamaged(t *testing.T) {
	for _, clean := range []bool{true, false} {
		b := build(t, false, true, clean)
		h, rep := b.rebuild(t, b.fs.CrashClone(vfs.CrashCloneCfg{}))
		if len(rep.Lost)+len(rep.Made)+len(rep.Doubtful)+len(rep.Files) > 0 || rep.Traceless() || rep.Saved > 0 {
			t.Errorf("an undamaged home was found damaged: %s\n%s", summary(rep), rep.Text(english()))
		}
		for _, name := range b.names {
			if right, stale, back, err := b.verdictOf(context.Background(), h, name); !right {
				t.Errorf("%s: stale %v, back %v, %v", name, stale, back, err)
			}
		}
		b.checkRebuilt(t, h, rep)
		if k, err := h.keys.Keys(context.Background()); err != nil || len(k) != 1 {
			t.Errorf("keys %v, %v", k, err)
		}
		b.put(t, h)
		h.close()
	}
}

// put checks that the home can be written to.
func (b *built) put(t testing.TB, h *home) {
	t.Helper()
	k, err := h.keys.CreateKey(context.Background(), "new", ident.ID{}, true)
	if err != nil {
		t.Fatal(err)
	}
	bk, err := h.objects.CreateBucket(context.Background(), "after-repair", k, false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.objects.Put(context.Background(), bk, object.Put{Key: "k", Body: body([]byte("hello"))}); err != nil {
		t.Fatal(err)
	}
	if got, err := h.get(context.Background(), "after-repair", "k"); err != nil || string(got) != "hello" {
		t.Fatalf("%q, %v", got, err)
	}
}

// TestRowsGone: the whole row store is gone; another disk has a snapshot with blobs.
func TestRowsGone(t *testing.T) {
	for _, other := range []bool{true, false} {
		for _, snapshot := range []bool{true, false} {
			t.Run(fmt.Sprintf("other=%v,snapshot=%v", other, snapshot), func(t *testing.T) {
				b := build(t, other, snapshot, true)
				fs := b.fs.CrashClone(vfs.CrashCloneCfg{})
				if err := fs.RemoveAll(data + "/rows"); err != nil {
					t.Fatal(err)
				}
				if err := repair.Guard(fs, data); errs.KindOf(err) != errs.Corrupt {
					t.Fatalf("guard: %v", err)
				}
				h, rep := b.rebuild(t, fs)
				defer h.close()
				b.checkRebuilt(t, h, rep)
				right, live := b.rightCount(h)
				for _, name := range b.names {
					if right, stale, back, err := b.verdictOf(context.Background(), h, name); !right && snapshot {
						t.Logf("%s: stale %v, back %v, %v", name, stale, back, err)
					}
				}
				t.Logf("%d of %d objects right; made %d, lost %d, saved rows %d", right, live, len(rep.Made), len(rep.Lost), rep.Saved)
				if snapshot {
					b.put(t, h)
				}
			})
		}
	}
}

// TestDamage damages files of every kind: each is removed, cut, cleared in part, or has
// a bit flipped. With -damage-rounds=0 each file gets one of these, by chance.
func TestDamage(t *testing.T) {
	for _, clean := range []bool{true, false} {
		b := build(t, true, true, clean)
		rng := rand.New(rand.NewPCG(5, 6))
		for _, file := range files(t, b.fs, "/") {
			for _, round := range roundsFor(file, rng) {
				fs := b.fs.CrashClone(vfs.CrashCloneCfg{})
				what := hurt(t, fs, file, rng, round)
				name := fmt.Sprintf("clean=%v%s/%s", clean, file, what)
				tail := !clean && strings.HasSuffix(file, ".log")
				t.Run(name, func(t *testing.T) {
					b.checkOpened(t, fs.CrashClone(vfs.CrashCloneCfg{}), tail)
					if tail {
						return // damage at its end cannot be told from a crash
					}
					h, rep := b.rebuild(t, fs)
					defer h.close()
					b.checkRebuilt(t, h, rep)
					b.checkOld(t, h, file)
				})
			}
		}
	}
}

// checkOld: damage to one file costs nothing that a snapshot has, or that has extents
// and was not deleted, but for the bytes in that very file.
func (b *built) checkOld(t testing.TB, h *home, file string) {
	t.Helper()
	bytesToo := strings.Contains(file, "/segments/") || strings.Contains(file, "/extents/")
	for _, name := range b.names {
		x := b.all[name]
		copied := strings.HasSuffix(name, "-copy")
		if bytesToo || x.late && (x.deleted || copied || x.multipart || len(x.bytes) <= object.MaxInline) {
			continue
		}
		if right, stale, back, err := b.verdictOf(context.Background(), h, name); !right {
			t.Errorf("%s: stale %v, back %v, %v", name, stale, back, err)
		}
	}
}

// roundsFor says which damages a file gets.
func roundsFor(file string, rng *rand.Rand) []int {
	if *damageRounds > 0 {
		out := []int{0, 1, 2}
		for i := range *damageRounds {
			out = append(out, 3+i)
		}
		return out
	}
	if strings.Contains(file, "/extents/") && rng.IntN(3) > 0 {
		return nil // there are many, all alike
	}
	return []int{rng.IntN(5)}
}

// checkOpened opens a damaged home without repair: it is refused as damaged, or every
// read is right or an error.
func (b *built) checkOpened(t testing.TB, fs vfs.FS, tail bool) {
	t.Helper()
	h, err := open(fs, b.id)
	defer h.close()
	if err != nil {
		if k := errs.KindOf(err); k != errs.Corrupt && k != errs.Unavailable {
			t.Errorf("refused as %v: %v", k, err)
		}
		return
	}
	for _, name := range b.names {
		right, stale, back, err := b.verdictOf(context.Background(), h, name)
		switch {
		case right, tail && !errors.Is(err, errWrong):
		case stale, back, errors.Is(err, errWrong):
			t.Errorf("%s: stale %v, back %v, %v", name, stale, back, err)
		case errs.KindOf(err) == errs.NotFound && !b.all[name].deleted:
			t.Errorf("%s is gone without a word: %v", name, err)
		}
	}
}

func files(t testing.TB, fs vfs.FS, dir string) (out []string) {
	t.Helper()
	names, err := fs.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	sort.Strings(names)
	for _, n := range names {
		p := path.Join(dir, n)
		st, err := fs.Stat(p)
		if err != nil {
			t.Fatal(err)
		}
		if st.IsDir() {
			out = append(out, files(t, fs, p)...)
		} else {
			out = append(out, p)
		}
	}
	return out
}

func hurt(t testing.TB, fs vfs.FS, name string, rng *rand.Rand, round int) string {
	t.Helper()
	f, err := fs.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(f)
	if err = errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	what := "flipped"
	switch {
	case round == 0 || len(raw) == 0:
		if err := fs.Remove(name); err != nil {
			t.Fatal(err)
		}
		return "removed"
	case round == 1:
		raw, what = raw[:rng.IntN(len(raw))], "truncated"
	case round == 2:
		at := rng.IntN(len(raw))
		clear(raw[at:min(len(raw), at+5000)])
		what = "cleared"
	default:
		raw[rng.IntN(len(raw))] ^= 1 << rng.IntN(8)
	}
	f, err = fs.Create(name, "test")
	if err == nil {
		_, err = f.Write(raw)
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%s%d", what, round)
}

// TestAnotherRhizomesDiskStays: a rebuild takes what is this rhizome's and refuses what is
// another's when a person names it.
func TestAnotherRhizomesDiskStays(t *testing.T) {
	b := build(t, false, false, true)
	rows, err := kv.Open(b.fs, "/foreign/rows", kv.Options{})
	if err != nil {
		t.Fatal(err)
	}
	whose := extentstore.Owner{Rhizome: ident.ID{9}}
	s, err := extentstore.Open(b.fs, rows, []extentstore.Disk{{Dir: "/foreign/disk"}}, extentstore.Options{Owner: whose})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Close(), rows.Close()); err != nil {
		t.Fatal(err)
	}
	b.id.disks = append(b.id.disks, "/foreign/disk")
	_, err = repair.Rebuild(context.Background(), repair.Options{FS: b.fs, Data: data, Disks: b.id.disks, Root: b.id.root, Node: newNode(),
		Adopt: func() error { return nil }, Home: "home", SaveLayout: saveLayout,
		Clock: b.id.clock, Logger: slog.New(slog.DiscardHandler)})
	if !errors.Is(err, errs.Conflict) || !strings.Contains(err.Error(), "/foreign/disk") {
		t.Fatalf("a disk of another rhizome: %v", err)
	}
	if _, err := b.fs.Stat(data + "/rebuild.pending"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the mark of a rebuild that was refused: %v", err)
	}
	if !strings.Contains(err.Error(), "recovery-kit restore") {
		t.Errorf("nothing is said of the kit: %v", err)
	}
	for _, name := range []string{"/rows.new", "/rows.scratch"} {
		if _, err := b.fs.Stat(data + name); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is left: %v", name, err)
		}
	}
	if _, is, err := extentstore.OwnerOf(b.fs, "/foreign/disk"); err != nil || is != whose {
		t.Errorf("the foreign disk is %+v's, %v", is, err)
	}
}

// TestNothingToRebuildFrom: a rebuild that finds nothing fails and changes nothing.
func TestNothingToRebuildFrom(t *testing.T) {
	fs := vfs.NewCrashable()
	for _, dir := range []string{data, "/empty"} {
		if err := fs.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	run := func(disks ...string) error {
		_, err := repair.Rebuild(t.Context(), repair.Options{FS: fs, Data: data, Disks: disks, Root: ident.NewSecret(), Node: newNode(),
			Adopt: func() error { t.Error("the node's key is replaced"); return nil }, Home: "home", SaveLayout: saveLayout,
			Clock: clock.System{}, Logger: slog.New(slog.DiscardHandler)})
		return err
	}
	for _, disks := range [][]string{nil, {"/empty"}, {"/none"}} {
		if err := run(disks...); !errors.Is(err, errs.NotFound) {
			t.Errorf("with %v: %v", disks, err)
		}
	}
	if err := repair.Guard(fs, data); err != nil {
		t.Errorf("the folder is not as it was: %v", err)
	}
	if err := repair.NeedRows(fs, data); err != nil {
		t.Fatal(err)
	}
	if err := repair.Guard(fs, data); !errors.Is(err, errs.Corrupt) {
		t.Errorf("a start after keys were restored: %v", err)
	}
}

// TestRowsOfANewerRelease: a program that does not know a row's generation makes no rows anew,
// says why and changes nothing; the release that knows it can.
func TestRowsOfANewerRelease(t *testing.T) {
	for name, table := range map[string]register.Table{"a bucket": object.Buckets, "an object": object.Objects, "an upload": object.Uploads} {
		t.Run(name, func(t *testing.T) {
			b := build(t, false, true, true)
			fs := b.fs.CrashClone(vfs.CrashCloneCfg{})
			h, err := open(fs, b.id)
			if err != nil {
				t.Fatal(err)
			}
			generation := func(h *home, row register.Row, to func(byte) byte) (is byte) {
				t.Helper()
				_, err := h.regs.Update(t.Context(), row, register.Change{Epoch: math.MaxUint64, Apply: func(v *register.Value) (*register.Value, error) {
					next := *v
					next.Data = slices.Clone(v.Data)
					next.Data[0] = to(next.Data[0])
					is = v.Data[0]
					return &next, nil
				}})
				if err != nil {
					t.Fatal(err)
				}
				return is
			}
			var row register.Row
			if err := h.replica.Rows(t.Context(), table, func(at register.Row, v *register.Value) error { row = at; return nil }); err != nil {
				t.Fatal(err)
			}
			was := generation(h, row, func(byte) byte { return codec.Generation + 1 })
			h.close()
			before := files(t, fs, data+"/rows")
			_, err = repair.Rebuild(t.Context(), repair.Options{FS: fs, Data: data, Root: b.id.root, Node: newNode(),
				Adopt: func() error { t.Error("the node's key is replaced"); return nil }, Home: "home", SaveLayout: saveLayout,
				Clock: b.id.clock, Logger: slog.New(slog.DiscardHandler)})
			if !errors.Is(err, errs.Conflict) || !strings.Contains(fmt.Sprint(err), "newer release") {
				t.Fatalf("rebuild: %v", err)
			}
			if after := files(t, fs, data+"/rows"); !slices.Equal(after, before) {
				t.Errorf("the files of the rows are %v, were %v", after, before)
			}
			if h, err = open(fs, b.id); err != nil {
				t.Fatal(err)
			}
			if is := generation(h, row, func(byte) byte { return was }); is != codec.Generation+1 {
				t.Errorf("the row is of generation %d", is)
			}
			h.close()
			again, rep := b.rebuild(t, fs)
			defer again.close()
			b.checkRebuilt(t, again, rep)
		})
	}
}
