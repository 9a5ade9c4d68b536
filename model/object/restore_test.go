package object_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"rhizome/cluster/register"
	"rhizome/model/object"
)

// moment returns a time between what was done and what comes.
func moment() time.Time {
	<-time.After(3 * time.Millisecond)
	now := time.Now()
	<-time.After(3 * time.Millisecond)
	return now
}

func TestRestore(t *testing.T) {
	f := newFixture(t)
	if _, err := f.Objects.Restore(f.ctx, f.b, "", true, time.Now()); !errors.Is(err, object.ErrNoVersions) {
		t.Errorf("without versioning: %v", err)
	}
	f.put("d/before", random(10))
	var err error
	if f.b, err = f.Objects.SetVersioning(f.ctx, f.b, object.VersioningOn); err != nil {
		t.Fatal(err)
	}
	f.put("d/a", random(30_000))
	f.put("d/gone", random(20))
	f.put("e", random(1))
	then := moment()
	f.put("d/a", random(31))
	f.put("d/before", random(32))
	f.put("d/new", random(33))
	f.put("e", random(2))
	f.must(f.Objects.Delete(f.ctx, f.b, "d/gone", object.Conditions{}))
	f.must(f.Objects.Delete(f.ctx, f.b, "d/gone", object.Conditions{}))
	later := moment()
	restore := func(at time.Time, want object.Restored) {
		t.Helper()
		if got, err := f.Objects.Restore(f.ctx, f.b, "d/", true, at); err != nil || *got != want {
			t.Fatalf("%+v, want %+v: %v", got, want, err)
		}
	}
	dry := object.RestorePage{Key: "d/", Prefix: true, At: then, Dry: true}
	if got, next, err := f.Objects.RestorePage(f.ctx, f.b, dry); err != nil || next != "" || *got != (object.Restored{Brought: 3, Deleted: 1}) {
		t.Errorf("it would do %+v, then go on after %q: %v", got, next, err)
	}
	for _, limit := range []int{1, 2, 3, 4} { // pages say together what one does
		page, sum, pages := dry, object.Restored{}, 0
		for page.Limit = limit; pages == 0 || page.After != ""; pages++ {
			got, next, err := f.Objects.RestorePage(f.ctx, f.b, page)
			if err != nil || got.Brought+got.Deleted+got.Same > limit {
				t.Fatalf("a page of %d: %+v, %v", limit, got, err)
			}
			sum.Brought, sum.Deleted, page.After = sum.Brought+got.Brought, sum.Deleted+got.Deleted, next
		}
		if sum != (object.Restored{Brought: 3, Deleted: 1}) || pages != (4+limit-1)/limit {
			t.Errorf("%d pages of %d would do %+v", pages, limit, sum)
		}
	}
	f.same("d/new", random(33))
	restore(then, object.Restored{Brought: 3, Deleted: 1})
	f.same("d/a", random(30_000))
	f.same("d/before", random(10))
	f.same("d/gone", random(20))
	f.same("e", random(2))
	if _, err := f.get(f.b, object.Get{Key: "d/new"}); !errors.Is(err, object.ErrNoSuchKey) {
		t.Errorf("what came later is there: %v", err)
	}
	restore(later, object.Restored{Brought: 3, Deleted: 1})
	f.same("d/a", random(31))
	f.same("d/new", random(33))
	if f.b, err = f.Objects.SetVersioning(f.ctx, f.b, object.VersioningSuspended); err != nil {
		t.Fatal(err)
	}
	f.put("d/new", random(34)) // the null version, which a copy would replace
	if _, err := f.Objects.Restore(f.ctx, f.b, "d/", true, then); !errors.Is(err, object.ErrSuspended) {
		t.Errorf("with versioning suspended: %v", err)
	}
	f.same("d/new", random(34))
}

// TestRestoreAgain: what is as it was, if only by a copy that an earlier restore made, is left
// alone; what differs in anything that a client sees is brought back.
func TestRestoreAgain(t *testing.T) {
	f := newFixture(t)
	var err error
	if f.b, err = f.Objects.SetVersioning(f.ctx, f.b, object.VersioningOn); err != nil {
		t.Fatal(err)
	}
	put := func(key string, data []byte, a object.Attrs, tags ...object.Tag) {
		t.Helper()
		if _, err := f.Objects.Put(f.ctx, f.b, object.Put{Key: key, Body: body(data), Attrs: a, Tags: tags}); err != nil {
			t.Fatal(err)
		}
	}
	text := object.Attrs{ContentType: "text/plain", User: map[string]string{"a": "b"}}
	put("small", random(10), text)
	put("large", random(30_000), text, object.Tag{Key: "k", Value: "v"})
	u := f.upload("parts")
	if _, err := f.Objects.Complete(f.ctx, f.b, complete(u, f.part(u, 1, random(20_000)))); err != nil {
		t.Fatal(err)
	}
	then := moment()
	for _, key := range []string{"small", "large", "parts"} {
		put(key, random(11), object.Attrs{})
	}
	for _, want := range []object.Restored{{Brought: 3}, {Same: 3}} {
		if got, err := f.Objects.Restore(f.ctx, f.b, "", true, then); err != nil || *got != want {
			t.Fatalf("%+v, want %+v: %v", got, want, err)
		}
	}
	put("small", random(10), object.Attrs{ContentType: "text/plain"})
	put("large", random(30_000), text, object.Tag{Key: "k", Value: "w"})
	put("parts", random(20_000), object.Attrs{})
	if got, _, err := f.Objects.RestorePage(f.ctx, f.b, object.RestorePage{Prefix: true, At: then, Dry: true}); err != nil || *got != (object.Restored{Brought: 3}) {
		t.Errorf("%+v: %v", got, err)
	}
}

func (f *fixture) must(d *object.Deleted, err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

func TestUndelete(t *testing.T) {
	f := newFixture(t)
	var err error
	if f.b, err = f.Objects.SetVersioning(f.ctx, f.b, object.VersioningOn); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		f.must(f.Objects.Delete(f.ctx, f.b, "k", object.Conditions{}))
	}
	if _, _, err := f.Objects.Undelete(f.ctx, f.b, "k"); !errors.Is(err, object.ErrNoSuchKey) {
		t.Errorf("what never was: %v", err)
	}
	f.put("k", random(20_000))
	for range 2 {
		f.must(f.Objects.Delete(f.ctx, f.b, "k", object.Conditions{}))
	}
	for _, deleted := range []bool{true, false} {
		if h, was, err := f.Objects.Undelete(f.ctx, f.b, "k"); err != nil || h.Size != 20_000 || was != deleted {
			t.Fatalf("%+v, deleted: %v, %v", h, was, err)
		}
	}
	f.same("k", random(20_000))
}

// TestUndeletePrefix: what was deleted under a prefix comes back, page by page, and nothing else is touched.
func TestUndeletePrefix(t *testing.T) {
	f := newFixture(t)
	all := object.RestorePage{Key: "d/"}
	if _, _, err := f.Objects.UndeletePage(f.ctx, f.b, all); !errors.Is(err, object.ErrNoVersions) {
		t.Errorf("without versioning: %v", err)
	}
	var err error
	if f.b, err = f.Objects.SetVersioning(f.ctx, f.b, object.VersioningOn); err != nil {
		t.Fatal(err)
	}
	for i, key := range []string{"d/a", "d/b", "d/c", "d/stays", "e"} {
		f.put(key, random(20_000+i))
	}
	for _, key := range []string{"d/a", "d/a", "d/b", "d/c", "d/never", "e"} {
		f.must(f.Objects.Delete(f.ctx, f.b, key, object.Conditions{}))
	}
	want := object.Restored{Brought: 3, Same: 2}
	for _, limit := range []int{0, 1, 2, 5} { // pages say together what one does
		page, sum := object.RestorePage{Key: "d/", Dry: true, Limit: limit}, object.Restored{}
		for more := true; more; more = page.After != "" {
			got, next, err := f.Objects.UndeletePage(f.ctx, f.b, page)
			if err != nil || limit > 0 && got.Brought+got.Same > limit {
				t.Fatalf("a page of %d: %+v, %v", limit, got, err)
			}
			sum.Brought, sum.Same, page.After = sum.Brought+got.Brought, sum.Same+got.Same, next
		}
		if sum != want {
			t.Errorf("pages of %d would do %+v", limit, sum)
		}
	}
	if _, err := f.get(f.b, object.Get{Key: "d/a"}); !errors.Is(err, object.ErrNoSuchKey) {
		t.Errorf("a dry run brought it back: %v", err)
	}
	if f.b, err = f.Objects.SetVersioning(f.ctx, f.b, object.VersioningSuspended); err != nil { // which loses nothing by it
		t.Fatal(err)
	}
	for _, want := range []object.Restored{want, {Same: 5}} {
		if got, next, err := f.Objects.UndeletePage(f.ctx, f.b, all); err != nil || next != "" || *got != want {
			t.Fatalf("%+v, want %+v: %v", got, want, err)
		}
	}
	for i, key := range []string{"d/a", "d/b", "d/c", "d/stays"} {
		f.same(key, random(20_000+i))
	}
	for _, key := range []string{"d/never", "e"} {
		if _, err := f.get(f.b, object.Get{Key: key}); !errors.Is(err, object.ErrNoSuchKey) {
			t.Errorf("%s is there: %v", key, err)
		}
	}
}

// TestManyVersions: what does not fit into the object's row beside the others waits, and
// nothing is lost by it.
func TestManyVersions(t *testing.T) {
	f := newFixture(t)
	f.put("k", random(object.MaxInline))
	var err error
	if f.b, err = f.Objects.SetVersioning(f.ctx, f.b, object.VersioningOn); err != nil {
		t.Fatal(err)
	}
	ids := []string{object.Null}
	for i := range 300 {
		h, err := f.Objects.Put(f.ctx, f.b, object.Put{Key: "k", Body: body(random(object.MaxInline - i))})
		if err != nil {
			t.Fatal(i, err)
		}
		ids = append(ids, h.VersionID)
	}
	for i, id := range ids {
		if o, err := f.Objects.Stat(f.ctx, f.b, object.Get{Key: "k", Version: id}); err != nil || o.Size != int64(object.MaxInline-max(i-1, 0)) {
			t.Fatalf("version %d: %v", i, err)
		}
	}
	p, err := f.Objects.ListVersions(f.ctx, f.b, object.ListVersions{Limit: 1000})
	if err != nil || len(p.Versions) != len(ids) || p.More {
		t.Fatalf("%d versions: %v", len(p.Versions), err)
	}
	for i, v := range p.Versions {
		if want := ids[len(ids)-1-i]; v.VersionID != want {
			t.Fatal(fmt.Sprint(i), v.VersionID, want)
		}
	}
}

// TestNoRoomForTheReplaced: a version whose blob leaves no room for another's gets its row
// before it is replaced.
func TestNoRoomForTheReplaced(t *testing.T) {
	f := newFixture(t)
	f.put("k", random(object.MaxInline))
	var row register.Row
	if err := f.Replica.Rows(f.ctx, object.Objects, func(r register.Row, _ *register.Value) error { row = r; return nil }); err != nil {
		t.Fatal(err)
	}
	_, err := f.Regs.Update(f.ctx, row, register.Change{Epoch: register.EpochFinal, Apply: func(old *register.Value) (*register.Value, error) {
		v := *old
		v.Blob = append(old.Blob[:len(old.Blob):len(old.Blob)], make([]byte, 60<<10-len(old.Blob))...)
		return &v, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	if f.b, err = f.Objects.SetVersioning(f.ctx, f.b, object.VersioningOn); err != nil {
		t.Fatal(err)
	}
	f.put("k", random(object.MaxInline-1))
	f.same("k", random(object.MaxInline-1))
	kept := 0
	err = f.Replica.Rows(f.ctx, object.Versions, func(r register.Row, _ *register.Value) error {
		v, _, err := f.Regs.Read(f.ctx, r)
		if kept++; err != nil || len(v.Blob) != 60<<10 {
			t.Errorf("the version's row holds %d bytes: %v", len(v.Blob), err)
		}
		return nil
	})
	if err != nil || kept != 1 {
		t.Errorf("%d versions are kept: %v", kept, err)
	}
	o, err := f.Objects.Stat(f.ctx, f.b, object.Get{Key: "k", Version: object.Null})
	if err != nil || o.Size != object.MaxInline {
		t.Errorf("what was there before: %v", err)
	}
}

// TestRestoreStopsWhenSuspended: a restore that is under way when versioning is suspended
// replaces nothing more.
func TestRestoreStopsWhenSuspended(t *testing.T) {
	f := newFixture(t)
	versioning(f, object.VersioningOn)
	f.put("k", random(10))
	seen := f.b // as a restore under way has it
	versioning(f, object.VersioningSuspended)
	f.put("k", random(11)) // the null version
	for _, at := range []time.Time{time.Now().Add(-time.Hour), time.Now().Add(time.Hour)} {
		r, err := f.Objects.Restore(f.ctx, seen, "k", false, at)
		if at.After(time.Now()) {
			if err != nil || r.Same != 1 {
				t.Errorf("%+v, %v", r, err)
			}
		} else if !errors.Is(err, object.ErrSuspended) {
			t.Errorf("to %v: %v", at, err)
		}
	}
	f.same("k", random(11))
}
