package object_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"rhizome/base/clock"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/base/vfs"
	"rhizome/cluster/extent"
	"rhizome/cluster/register"
	"rhizome/model/account"
	"rhizome/model/object"
	"rhizome/model/object/objecttest"
)

type fixture struct {
	*objecttest.Home
	t   testing.TB
	ctx context.Context
	key *account.Key
	b   *object.Bucket
}

func newFixture(t testing.TB) *fixture { return newFixtureOn(t, vfs.NewCrashable()) }

func newFixtureOn(t testing.TB, fs vfs.FS) *fixture {
	f := &fixture{Home: objecttest.Open(t, fs, objecttest.NewIdentity()), t: t, ctx: context.Background()}
	t.Cleanup(func() { f.Close(t) })
	var err error
	if f.key, err = f.Accounts.CreateKey(f.ctx, "test", ident.ID{}, true); err != nil {
		t.Fatal(err)
	}
	f.b = f.bucket("bucket")
	return f
}

func (f *fixture) bucket(name string) *object.Bucket {
	f.t.Helper()
	b, err := f.Objects.CreateBucket(f.ctx, name, f.key, false)
	if err != nil {
		f.t.Fatal(err)
	}
	return b
}

// body is what a gateway would hand over: bytes with an MD5.
func body(p []byte) object.Body {
	h := md5.New()
	return object.Body{Reader: bytes.NewReader(p), Size: int64(len(p)), Hash: h, Finish: func() (object.Digest, error) {
		return object.Digest{ETag: hex.EncodeToString(h.Sum(nil))}, nil
	}}
}

func (f *fixture) put(key string, p []byte) {
	f.t.Helper()
	if _, err := f.Objects.Put(f.ctx, f.b, object.Put{Key: key, Body: body(p)}); err != nil {
		f.t.Fatalf("put %s: %v", key, err)
	}
}

func (f *fixture) get(b *object.Bucket, g object.Get) ([]byte, error) {
	o, err := f.Objects.Get(f.ctx, b, g)
	if err != nil {
		return nil, err
	}
	defer o.Body.Close()
	return io.ReadAll(o.Body)
}

func (f *fixture) same(key string, want []byte) {
	f.t.Helper()
	got, err := f.get(f.b, object.Get{Key: key})
	if err != nil || !bytes.Equal(got, want) {
		f.t.Fatalf("get %s: %d bytes, want %d; %v", key, len(got), len(want), err)
	}
}

// empty cleans up and checks that no extent is left.
func (f *fixture) empty() {
	f.t.Helper()
	for range 3 {
		if err := f.Objects.CleanUp(f.ctx); err != nil {
			f.t.Fatal(err)
		}
	}
	if n := f.extents(); n != 0 {
		f.t.Fatalf("%d extents are left", n)
	}
}

func (f *fixture) extents() (n int) {
	if err := f.Replica.Rows(f.ctx, extent.Extents, func(register.Row, *register.Value) error { n++; return nil }); err != nil {
		f.t.Fatal(err)
	}
	return n
}

func random(n int) []byte {
	p := make([]byte, n)
	r := rand.NewChaCha8([32]byte{byte(n)})
	_, _ = r.Read(p)
	return p
}

func TestSizes(t *testing.T) {
	f := newFixture(t)
	for _, n := range []int{0, 1, 1000, object.MaxInline, object.MaxInline + 1, 100_000, 1 << 20, 1<<20 + 1, 5 << 20, 70 << 20} {
		p := random(n)
		f.put("k", p)
		f.same("k", p)
		if n > 10 {
			got, err := f.get(f.b, object.Get{Key: "k", Range: &object.Range{First: int64(n / 3), Last: int64(n/2) - 1}})
			if err != nil || !bytes.Equal(got, p[n/3:n/2]) {
				t.Fatalf("range of %d: %v", n, err)
			}
		}
	}
	if _, err := f.Objects.Delete(f.ctx, f.b, "k", object.Conditions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.get(f.b, object.Get{Key: "k"}); !errors.Is(err, object.ErrNoSuchKey) {
		t.Fatalf("deleted object: %v", err)
	}
	f.empty()
}

// TestFailedBody: a body that fails, is too short or too long leaves nothing.
func TestFailedBody(t *testing.T) {
	f := newFixture(t)
	broken := errors.New("broken")
	for _, n := range []int{10, 100_000, 3 << 20} {
		for _, b := range []object.Body{
			{Reader: io.MultiReader(bytes.NewReader(random(n)), failing{broken}), Size: -1},
			{Reader: bytes.NewReader(random(n)), Size: int64(n) + 1},
			{Reader: bytes.NewReader(random(n)), Size: int64(n) - 1},
			{Reader: bytes.NewReader(random(n)), Size: int64(n), Finish: func() (object.Digest, error) { return object.Digest{}, broken }},
		} {
			if _, err := f.Objects.Put(f.ctx, f.b, object.Put{Key: "k", Body: b}); err == nil {
				t.Fatalf("a bad body of %d bytes was stored", n)
			}
		}
	}
	if _, err := f.get(f.b, object.Get{Key: "k"}); !errors.Is(err, object.ErrNoSuchKey) {
		t.Fatal(err)
	}
	f.empty()
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestConditions(t *testing.T) {
	f := newFixture(t)
	var wins, lost sync.Map
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			_, err := f.Objects.Put(f.ctx, f.b, object.Put{Key: "once", Body: body(random(i * 1000)), If: object.Conditions{IfNoneMatch: []string{"*"}}})
			switch {
			case err == nil:
				wins.Store(i, true)
			case errors.Is(err, object.ErrPrecondition):
				lost.Store(i, true)
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	count := func(m *sync.Map) (n int) { m.Range(func(any, any) bool { n++; return true }); return n }
	if count(&wins) != 1 || count(&lost) != 49 {
		t.Fatalf("%d creators won, %d lost", count(&wins), count(&lost))
	}
}

// TestCounter: racing increments under If-Match lose none.
func TestCounter(t *testing.T) {
	f := newFixture(t)
	f.put("n", []byte("0"))
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			for {
				o, err := f.Objects.Get(f.ctx, f.b, object.Get{Key: "n"})
				if err != nil {
					t.Error(err)
					return
				}
				p, _ := io.ReadAll(o.Body)
				var n int
				_, _ = fmt.Sscan(string(p), &n)
				_, err = f.Objects.Put(f.ctx, f.b, object.Put{Key: "n", Body: body(fmt.Append(nil, n+1)), If: object.Conditions{IfMatch: []string{o.ETag}}})
				if err == nil {
					return
				}
				if !errors.Is(err, object.ErrPrecondition) {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	f.same("n", []byte("50"))
}

func TestList(t *testing.T) {
	f := newFixture(t)
	var keys []string
	for i := range 300 {
		k := fmt.Sprintf("d%d/e%d/f%02d", i%5, i%3, i)
		keys = append(keys, k)
		f.put(k, []byte(k))
	}
	f.put("top", nil)
	var got []string
	l := object.List{Limit: 7}
	for {
		p, err := f.Objects.List(f.ctx, f.b, l)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range p.Objects {
			got = append(got, o.Key)
		}
		if !p.More {
			break
		}
		l.After = p.Next
	}
	if len(got) != len(keys)+1 || !strings.HasPrefix(got[0], "d0/") || got[len(got)-1] != "top" {
		t.Fatalf("%d keys of %d", len(got), len(keys)+1)
	}
	p, err := f.Objects.List(f.ctx, f.b, object.List{Delimiter: "/", Limit: 1000})
	if err != nil || len(p.Prefixes) != 5 || len(p.Objects) != 1 || p.More {
		t.Fatalf("roll-up: %v %v %v", p, err, p.More)
	}
	p, err = f.Objects.List(f.ctx, f.b, object.List{Delimiter: "/", Prefix: "d1/", Limit: 2})
	if err != nil || len(p.Prefixes) != 2 || !p.More {
		t.Fatalf("roll-up below: %+v %v", p, err)
	}
	p, err = f.Objects.List(f.ctx, f.b, object.List{Delimiter: "/", Prefix: "d1/", Limit: 2, After: p.Next})
	if err != nil || len(p.Prefixes) != 1 || p.Prefixes[0] != "d1/e2/" || p.More {
		t.Fatalf("roll-up, second page: %+v %v", p, err)
	}
	if u, err := f.Objects.Usage(f.ctx, f.b); err != nil || u.Objects != 301 {
		t.Fatalf("usage %+v %v", u, err)
	}
}

func (f *fixture) upload(key string) *object.Upload {
	f.t.Helper()
	u, err := f.Objects.CreateUpload(f.ctx, f.b, object.NewUpload{Key: key})
	if err != nil {
		f.t.Fatal(err)
	}
	return u
}

func (f *fixture) part(u *object.Upload, n int, p []byte) object.CompletePart {
	f.t.Helper()
	part, err := f.Objects.PutPart(f.ctx, f.b, u.Key, u.ID, n, body(p))
	if err != nil {
		f.t.Fatal(err)
	}
	return object.CompletePart{Number: n, ETag: part.ETag}
}

func complete(u *object.Upload, parts ...object.CompletePart) object.Complete {
	return object.Complete{Key: u.Key, Upload: u.ID, Parts: parts, Size: -1, Finish: func(p []object.Part) (object.Digest, error) {
		return object.Digest{ETag: fmt.Sprintf("whole-%d", len(p))}, nil
	}}
}

func TestMultipart(t *testing.T) {
	f := newFixture(t)
	u := f.upload("big")
	a, b := random(object.MinPart), random(object.MinPart+1)
	p1 := f.part(u, 1, a)
	f.part(u, 2, random(99))
	f.part(u, 3, random(77))
	p3 := f.part(u, 3, b)
	bad := p1
	bad.ETag = "x"
	if _, err := f.Objects.Complete(f.ctx, f.b, complete(u, bad)); !errors.Is(err, object.ErrInvalidPart) {
		t.Fatal(err)
	}
	h, err := f.Objects.Complete(f.ctx, f.b, complete(u, p1, p3))
	if err != nil || h.Size != int64(len(a)+len(b)) || h.Parts != 2 {
		t.Fatalf("%+v %v", h, err)
	}
	again, err := f.Objects.Complete(f.ctx, f.b, complete(u, p1, p3))
	if err != nil || again.Version != h.Version {
		t.Fatalf("repeated: %+v %v", again, err)
	}
	f.same("big", append(append([]byte(nil), a...), b...))
	got, err := f.get(f.b, object.Get{Key: "big", PartNumber: 2})
	if err != nil || !bytes.Equal(got, b) {
		t.Fatalf("part 2: %d bytes, %v", len(got), err)
	}
	// A copy shares the bytes and outlives the original, in another bucket too.
	other := f.bucket("other")
	if _, err := f.Objects.Copy(f.ctx, other, object.Copy{From: f.b, FromKey: "big", Key: "copy"}); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := f.Objects.CleanUp(f.ctx); err != nil {
			t.Fatal(err)
		}
	}
	if n := f.extents(); n != 2 {
		t.Fatalf("%d extents for two parts", n)
	}
	if _, err := f.Objects.Delete(f.ctx, f.b, "big", object.Conditions{}); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := f.Objects.CleanUp(f.ctx); err != nil {
			t.Fatal(err)
		}
	}
	got, err = f.get(other, object.Get{Key: "copy"})
	if err != nil || !bytes.Equal(got, append(append([]byte(nil), a...), b...)) {
		t.Fatalf("copy: %d bytes, %v", len(got), err)
	}
	if _, err := f.Objects.Delete(f.ctx, other, "copy", object.Conditions{}); err != nil {
		t.Fatal(err)
	}
	f.empty()
}

func TestAbort(t *testing.T) {
	f := newFixture(t)
	u := f.upload("gone")
	p := f.part(u, 1, random(object.MinPart))
	if err := f.Objects.Abort(f.ctx, f.b, u.Key, u.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Objects.Complete(f.ctx, f.b, complete(u, p)); !errors.Is(err, object.ErrNoSuchUpload) {
		t.Fatal(err)
	}
	if _, err := f.Objects.PutPart(f.ctx, f.b, u.Key, u.ID, 2, body([]byte("x"))); !errors.Is(err, object.ErrNoSuchUpload) {
		t.Fatal(err)
	}
	f.empty()
}

// TestAbandonedUploads: those whose rows are damaged do not keep the others.
func TestAbandonedUploads(t *testing.T) {
	f := newFixture(t)
	damaged := 0
	var uploads []*object.Upload
	for i := range 12 {
		uploads = append(uploads, f.upload(fmt.Sprint(i)))
	}
	it, err := f.Rows.Iter([]byte{'r', byte(object.Uploads)}, []byte{'r', byte(object.Uploads) + 1})
	if err != nil {
		t.Fatal(err)
	}
	b := f.Rows.NewBatch()
	for ok := it.First(); ok && damaged < 2; ok = it.Next() {
		b.Set(it.Key(), []byte{1, 0})
		damaged++
	}
	if err := errors.Join(it.Close(), b.Commit()); err != nil {
		t.Fatal(err)
	}
	f.Objects.Clock = clock.NewManual(time.Now().Add(8 * 24 * time.Hour))
	if err := f.Objects.AbortAbandoned(f.ctx); !errors.Is(err, errs.Corrupt) {
		t.Errorf("damaged rows are not reported: %v", err)
	}
	aborted := 0
	for _, u := range uploads {
		if _, err := f.Objects.PutPart(f.ctx, f.b, u.Key, u.ID, 2, body([]byte("x"))); errors.Is(err, object.ErrNoSuchUpload) {
			aborted++
		}
	}
	if aborted != len(uploads)-damaged {
		t.Errorf("%d of %d uploads were aborted, %d are damaged", aborted, len(uploads), damaged)
	}
}

// TestUploadsOutlastADoubt: while nobody is sure of the time no upload is too old, whatever the
// clock says, and a doubt that comes meanwhile ends what is under way.
func TestUploadsOutlastADoubt(t *testing.T) {
	f := newFixture(t)
	var uploads []*object.Upload
	for i := range 3 {
		uploads = append(uploads, f.upload(fmt.Sprint(i)))
	}
	f.Objects.Clock = clock.NewManual(time.Now().Add(30 * 24 * time.Hour))
	left := func() (n int) {
		t.Helper()
		for _, u := range uploads {
			_, err := f.Objects.PutPart(f.ctx, f.b, u.Key, u.ID, 1, body([]byte("x")))
			if err == nil {
				n++
			} else if !errors.Is(err, object.ErrNoSuchUpload) {
				t.Fatal(err)
			}
		}
		return n
	}
	sure := 0 // for how many of them
	f.Objects.Agreed = func() bool { sure--; return sure >= 0 }
	if err := f.Objects.AbortAbandoned(f.ctx); !errors.Is(err, errs.Unavailable) || left() != 3 {
		t.Errorf("%d uploads are left, %v", left(), err)
	}
	sure = 1
	if err := f.Objects.AbortAbandoned(f.ctx); !errors.Is(err, errs.Unavailable) || left() != 2 {
		t.Errorf("%d uploads are left after a doubt that came, %v", left(), err)
	}
	sure = 100
	if err := f.Objects.AbortAbandoned(f.ctx); err != nil || left() != 0 {
		t.Errorf("%d uploads are left once the time is sure, %v", left(), err)
	}
}

// TestAbandonedUploadsWaitForTheTime: the worker looks again when the time is sure.
func TestAbandonedUploadsWaitForTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fixture{Home: objecttest.Open(t, vfs.NewCrashable(), objecttest.NewIdentity()), t: t, ctx: t.Context()}
		defer f.Close(t)
		f.b = f.bucket("bucket")
		f.upload("k")
		var sure atomic.Bool
		f.Objects.Agreed = sure.Load
		f.Objects.Clock = clock.NewManual(time.Now().Add(30 * 24 * time.Hour))
		ctx, stop := context.WithCancel(f.ctx)
		ended := make(chan error)
		go func() { ended <- f.Objects.Run(ctx) }()
		for _, want := range []int{1, 0} {
			<-time.After(5 * time.Minute)
			if p, err := f.Objects.ListUploads(f.ctx, f.b, object.ListUploads{Limit: 10}); err != nil || len(p.Uploads) != want {
				t.Errorf("%d uploads are left, want %d, %v", len(p.Uploads), want, err)
			}
			sure.Store(true)
		}
		stop()
		<-ended
	})
}

func TestCopyBytesAndReferences(t *testing.T) {
	f := newFixture(t)
	for _, n := range []int{10, 100_000, 3 << 20} {
		p := random(n)
		f.put("from", p)
		if _, err := f.Objects.Copy(f.ctx, f.b, object.Copy{From: f.b, FromKey: "from", Key: "to"}); err != nil {
			t.Fatal(err)
		}
		// Onto itself, as clients do to change metadata.
		if _, err := f.Objects.Copy(f.ctx, f.b, object.Copy{From: f.b, FromKey: "from", Key: "from", Attrs: &object.Attrs{ContentType: "x/y"}}); err != nil {
			t.Fatal(err)
		}
		f.same("from", p)
		f.put("from", []byte("other"))
		f.same("to", p)
		u := f.upload("parts")
		part, err := f.Objects.CopyPart(f.ctx, f.b, u.Key, u.ID, 1, object.Copy{From: f.b, FromKey: "to", Range: &object.Range{First: 3, Last: int64(n) - 2},
			Digest: func() (io.Writer, func() (object.Digest, error)) {
				h := md5.New()
				return h, func() (object.Digest, error) { return object.Digest{ETag: hex.EncodeToString(h.Sum(nil))}, nil }
			}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Objects.Complete(f.ctx, f.b, complete(u, object.CompletePart{Number: 1, ETag: part.ETag})); err != nil {
			t.Fatal(err)
		}
		f.same("parts", p[3:n-1])
	}
	for _, k := range []string{"from", "to", "parts"} {
		if _, err := f.Objects.Delete(f.ctx, f.b, k, object.Conditions{}); err != nil {
			t.Fatal(err)
		}
	}
	f.empty()
}

func TestBuckets(t *testing.T) {
	f := newFixture(t)
	if _, err := f.Objects.CreateBucket(f.ctx, "bucket", f.key, false); !errors.Is(err, object.ErrBucketOwned) {
		t.Fatal(err)
	}
	other, _ := f.Accounts.CreateKey(f.ctx, "other", ident.ID{}, true)
	if _, err := f.Objects.CreateBucket(f.ctx, "bucket", other, false); !errors.Is(err, object.ErrBucketExists) {
		t.Fatal(err)
	}
	f.put("k", random(50_000))
	if err := f.Objects.DeleteBucket(f.ctx, f.b); !errors.Is(err, object.ErrBucketNotEmpty) {
		t.Fatal(err)
	}
	f.put("l", nil)
	u := f.upload("never")
	f.part(u, 1, random(50_000))
	for _, k := range []string{"k", "l"} {
		if _, err := f.Objects.Delete(f.ctx, f.b, k, object.Conditions{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Objects.DeleteBucket(f.ctx, f.b); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Objects.Put(f.ctx, f.b, object.Put{Key: "late", Body: body([]byte("x"))}); !errors.Is(err, object.ErrNoSuchBucket) {
		t.Fatalf("a put into a deleted bucket: %v", err)
	}
	f.empty()
	f.b = f.bucket("bucket")
	f.put("k", []byte("again"))
	if all, err := f.Objects.Buckets(f.ctx, f.key); err != nil || len(all) != 1 || all[0].Name != "bucket" {
		t.Fatalf("%v %v", all, err)
	}
}

// TestBucketRace: of a PUT and a DeleteBucket at once, one gives way; an acknowledged
// PUT is never inside a deleted bucket.
func TestBucketRace(t *testing.T) {
	f := newFixture(t)
	for i := range 100 {
		b := f.bucket(fmt.Sprintf("race-%d", i))
		var put, del error
		var wg sync.WaitGroup
		wg.Go(func() { _, put = f.Objects.Put(f.ctx, b, object.Put{Key: "k", Body: body(random(i * 400))}) })
		wg.Go(func() { del = f.Objects.DeleteBucket(f.ctx, b) })
		wg.Wait()
		switch {
		case put == nil && del == nil:
			t.Fatal("both succeeded")
		case put != nil && !errors.Is(put, object.ErrNoSuchBucket) && errs.KindOf(put) != errs.Unavailable:
			t.Fatal(put)
		case del != nil && !errors.Is(del, object.ErrBucketNotEmpty):
			t.Fatal(del)
		}
	}
}

func TestListUploads(t *testing.T) {
	f := newFixture(t)
	for i := range 30 {
		f.upload(fmt.Sprintf("a%d/b%d", i%3, i%2))
	}
	n := 0
	l := object.ListUploads{Limit: 7}
	for {
		p, err := f.Objects.ListUploads(f.ctx, f.b, l)
		if err != nil {
			t.Fatal(err)
		}
		n += len(p.Uploads)
		if !p.More {
			break
		}
		l.AfterKey, l.AfterID = p.NextKey, p.NextID
	}
	if n != 30 {
		t.Fatalf("%d uploads", n)
	}
	p, err := f.Objects.ListUploads(f.ctx, f.b, object.ListUploads{Delimiter: "/", Limit: 2})
	if err != nil || len(p.Prefixes) != 2 || !p.More {
		t.Fatalf("%+v %v", p, err)
	}
	p, err = f.Objects.ListUploads(f.ctx, f.b, object.ListUploads{Delimiter: "/", Limit: 2, AfterKey: p.NextKey})
	if err != nil || len(p.Prefixes) != 1 || p.More {
		t.Fatalf("%+v %v", p, err)
	}
}

// TestText: what records cannot hold is refused before it is stored, and what was
// stored all the same is not in the way.
func TestText(t *testing.T) {
	f := newFixture(t)
	bad := []error{}
	note := func(err error) { bad = append(bad, err) }
	_, err := f.Objects.Put(f.ctx, f.b, object.Put{Key: "a\xff", Body: body(nil)})
	note(err)
	_, err = f.Objects.Put(f.ctx, f.b, object.Put{Key: "a", Body: body(nil), Attrs: object.Attrs{ContentType: "\xe9"}})
	note(err)
	_, err = f.Objects.Put(f.ctx, f.b, object.Put{Key: "a", Body: body(nil), Attrs: object.Attrs{User: map[string]string{"\xe9": ""}}})
	note(err)
	_, err = f.Objects.CreateUpload(f.ctx, f.b, object.NewUpload{Key: "a", Attrs: object.Attrs{Expires: "\xe9"}})
	note(err)
	_, err = f.Objects.CreateUpload(f.ctx, f.b, object.NewUpload{Key: "\xe9"})
	note(err)
	_, err = f.Objects.Copy(f.ctx, f.b, object.Copy{From: f.b, FromKey: "b", Key: "\xe9"})
	note(err)
	for i, err := range bad {
		if !errors.Is(err, object.ErrNotText) {
			t.Errorf("%d: %v", i, err)
		}
	}
	if _, err := f.Objects.Delete(f.ctx, f.b, "a\xff", object.Conditions{}); err != nil {
		t.Error(err)
	}
}
