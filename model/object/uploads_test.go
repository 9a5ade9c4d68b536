package object_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"rhizome/base/errs"
	"rhizome/model/object"
)

// TestCompletedUnavailable: a repeated Complete that cannot look says so, and not that
// the upload is gone.
func TestCompletedUnavailable(t *testing.T) {
	f := newFixture(t)
	u := f.upload("k")
	c := complete(u, f.part(u, 1, []byte("x")))
	if _, err := f.Objects.Complete(f.ctx, f.b, c); err != nil {
		t.Fatal(err)
	}
	f.Objects.Registers = &refusing{Store: f.Regs, table: object.Objects, err: errs.New(errs.Unavailable, "no majority")}
	if _, err := f.Objects.Complete(f.ctx, f.b, c); errs.KindOf(err) != errs.Unavailable || errors.Is(err, object.ErrNoSuchUpload) {
		t.Error(err)
	}
	f.Objects.Registers = f.Regs
	if _, err := f.Objects.Delete(f.ctx, f.b, "k", object.Conditions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Objects.Complete(f.ctx, f.b, c); !errors.Is(err, object.ErrNoSuchUpload) || errors.Is(err, object.ErrNoSuchKey) {
		t.Error(err)
	}
}

// TestAbandonedUploadsGoInTime: not only at the next of the daily looks.
func TestAbandonedUploadsGoInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		f.Objects.Ages.Orphan = 10 * time.Minute
		ctx, stop := context.WithCancel(f.ctx)
		ended := make(chan error)
		go func() { ended <- f.Objects.Run(ctx) }()
		<-time.After(10 * time.Hour)
		u := f.upload("k")
		f.part(u, 1, random(100_000))
		<-time.After(7*24*time.Hour - time.Minute)
		if _, err := f.Objects.Upload(f.ctx, f.b, "k", u.ID); err != nil {
			t.Errorf("before its time: %v", err)
		}
		<-time.After(20 * time.Minute)
		if _, err := f.Objects.Upload(f.ctx, f.b, "k", u.ID); !errors.Is(err, object.ErrNoSuchUpload) {
			t.Errorf("20 minutes after its time: %v", err)
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// later is a clock that is ahead.
type later struct{ time.Duration }

func (l later) Now() time.Time { return time.Now().Add(l.Duration) }

// TestUploadsInOrder: uploads are listed by key, whatever bytes it holds, and those of a
// key in the order in which they were begun.
func TestUploadsInOrder(t *testing.T) {
	f := newFixture(t)
	keys := []string{"a", "a\x00", "a\x00b", "a\x00b/c", "a\x01", "a/b", "b"}
	var want []*object.Upload
	for _, key := range keys {
		for i := range 4 {
			f.Objects.Clock = later{time.Duration(i+1) * time.Hour}
			want = append(want, f.upload(key))
		}
	}
	for limit := range 9 {
		l := object.ListUploads{Limit: limit + 1}
		var got []object.Upload
		for more := true; more; {
			p, err := f.Objects.ListUploads(f.ctx, f.b, l)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, p.Uploads...)
			l.AfterKey, l.AfterID, more = p.NextKey, p.NextID, p.More
		}
		if len(got) != len(want) {
			t.Fatalf("%d uploads in pages of %d", len(got), limit+1)
		}
		for i := range got {
			if got[i].ID != want[i].ID || got[i].Key != want[i].Key {
				t.Fatalf("upload %d is %q %s, want %q %s", i, got[i].Key, got[i].ID, want[i].Key, want[i].ID)
			}
		}
	}
	for i, key := range keys {
		p, err := f.Objects.ListUploads(f.ctx, f.b, object.ListUploads{AfterKey: key, Limit: 100})
		if err != nil || len(p.Uploads) != 4*(len(keys)-i-1) {
			t.Errorf("after %q: %d, %v", key, len(p.Uploads), err)
		}
	}
	p, err := f.Objects.ListUploads(f.ctx, f.b, object.ListUploads{Prefix: "a\x00", Delimiter: "/", Limit: 100})
	if err != nil || len(p.Uploads) != 8 || len(p.Prefixes) != 1 || p.Prefixes[0] != "a\x00b/" {
		t.Errorf("%+v %v", p, err)
	}
	for _, u := range want {
		if err := f.Objects.Abort(f.ctx, f.b, u.Key, u.ID); err != nil {
			t.Errorf("%q: %v", u.Key, err)
		}
	}
}
