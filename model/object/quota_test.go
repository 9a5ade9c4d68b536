package object_test

import (
	"errors"
	"testing"

	"rhizome/model/object"
)

// TestQuotas: no way of writing passes a quota by, and none refuses what takes no more
// room than what it replaces.
func TestQuotas(t *testing.T) {
	f := newFixture(t)
	f.put("old", random(100_000))
	f.limit(object.Quota{Bytes: 300_000, Objects: 2})
	write := func(key string, n int) error {
		_, err := f.Objects.Put(f.ctx, f.b, object.Put{Key: key, Body: body(random(n))})
		return err
	}
	stream := func(n int) error {
		b := body(random(n))
		b.Size = -1
		_, err := f.Objects.Put(f.ctx, f.b, object.Put{Key: "new", Body: b})
		return err
	}
	from := object.Copy{From: f.b, FromKey: "old", Key: "new"}
	u := f.upload("new")
	part := func(number, n int) error {
		_, err := f.Objects.PutPart(f.ctx, f.b, u.Key, u.ID, number, body(random(n)))
		return err
	}
	copyPart := func(number int) error {
		_, err := f.Objects.CopyPart(f.ctx, f.b, u.Key, u.ID, number, from)
		return err
	}
	for _, step := range []struct {
		what string
		err  error
		full bool
	}{
		{"too much", write("new", 200_001), true},
		{"too much of unknown length", stream(200_001), true},
		{"a larger one over another", write("old", 300_001), true},
		{"a part", part(1, 150_000), false},
		{"a part over it", part(1, 200_000), false},
		{"another part", part(2, 1), true},
		{"another part by reference", copyPart(2), true},
		{"a part by reference over it", copyPart(1), false},
		{"as much as there is room for", write("new", 200_000), false},
		{"a third object", write("third", 0), true},
		{"the same again", write("new", 200_000), false},
		{"less than before", write("new", 100_000), false},
		{"a copy over it", f.copyOf(from), false},
	} {
		if full := errors.Is(step.err, object.ErrQuota); full != step.full || !full && step.err != nil {
			t.Errorf("%s: %v", step.what, step.err)
		}
	}
	f.limit(object.Quota{Bytes: 1000})
	if err := write("new", 99_999); err != nil {
		t.Errorf("less, while too much is there: %v", err)
	}
}

// TestQuotaOfMarkers: in a full bucket what is there can be deleted, and delete markers of nothing are
// refused, however often it is tried.
func TestQuotaOfMarkers(t *testing.T) {
	f := newFixture(t)
	var err error
	if f.b, err = f.Objects.SetVersioning(f.ctx, f.b, object.VersioningOn); err != nil {
		t.Fatal(err)
	}
	f.put("a", random(1))
	f.put("b", random(2))
	f.limit(object.Quota{Objects: 2})
	drop := func(key string) error {
		_, err := f.Objects.Delete(f.ctx, f.b, key, object.Conditions{})
		return err
	}
	for range 6 {
		if err := drop("none"); !errors.Is(err, object.ErrQuota) {
			t.Fatalf("a marker of nothing: %v", err)
		}
	}
	for _, key := range []string{"a", "b"} {
		if err := drop(key); err != nil {
			t.Errorf("deleting in a full bucket: %v", err)
		}
		if err := drop(key); !errors.Is(err, object.ErrQuota) {
			t.Errorf("a marker before a marker: %v", err)
		}
	}
	if u, err := f.Objects.Usage(f.ctx, f.b); err != nil || u.Objects != 4 {
		t.Errorf("%+v %v", u, err)
	}
	f.limit(object.Quota{Bytes: 1}) // which markers have none of
	if err := drop("none"); err != nil {
		t.Error(err)
	}
}

func (f *fixture) limit(q object.Quota) {
	f.t.Helper()
	b, err := f.Objects.ChangeQuota(f.ctx, f.b.ID, func(object.Quota) object.Quota { return q })
	if err != nil {
		f.t.Fatal(err)
	}
	f.b = b
}

func (f *fixture) copyOf(c object.Copy) error {
	_, err := f.Objects.Copy(f.ctx, f.b, c)
	return err
}

// TestQuotaAtComplete: parts that fitted when they came do not make an object that does
// not.
func TestQuotaAtComplete(t *testing.T) {
	f := newFixture(t)
	u := f.upload("big")
	p := f.part(u, 1, random(100_000))
	f.limit(object.Quota{Bytes: 99_999})
	if _, err := f.Objects.Complete(f.ctx, f.b, complete(u, p)); !errors.Is(err, object.ErrQuota) {
		t.Fatal(err)
	}
	f.limit(object.Quota{Bytes: 100_000})
	if _, err := f.Objects.Complete(f.ctx, f.b, complete(u, p)); err != nil {
		t.Fatal(err)
	}
}
