package object_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"rhizome/base/clock"
	"rhizome/model/object"
)

// lockedFixture is one whose bucket has object lock, and whose clock a test moves.
type lockedFixture struct {
	*fixture
	now *clock.Manual
}

func newLocked(t *testing.T) *lockedFixture {
	f := &lockedFixture{newFixture(t), clock.NewManual(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC))}
	f.Objects.Clock = f.now
	var err error
	if f.b, err = f.Objects.CreateLocked(f.ctx, "locked", f.key, false); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *lockedFixture) lock(mode object.LockMode, d time.Duration) object.Lock {
	return object.Lock{Mode: mode, Until: f.now.Now().Add(d).UnixMilli()}
}

// putLocked writes a version, and returns its ID.
func (f *lockedFixture) putLocked(key, text string, l object.Lock) string {
	f.t.Helper()
	h, err := f.Objects.Put(f.ctx, f.b, object.Put{Key: key, Body: body([]byte(text)), Lock: l})
	if err != nil {
		f.t.Fatal(err)
	}
	return h.VersionID
}

// drop deletes a version and checks what that gives.
func (f *lockedFixture) drop(key, id string, bypass bool, want error) {
	f.t.Helper()
	if _, err := f.Objects.DeleteVersion(f.ctx, f.b, key, id, object.Conditions{Bypass: bypass}); !errors.Is(err, want) {
		f.t.Fatalf("delete %s: %v, want %v", id, err, want)
	}
}

// settled does the follow-up work, so that versions have rows of their own.
func (f *lockedFixture) settled() {
	f.t.Helper()
	if err := f.Objects.CleanUp(f.ctx); err != nil {
		f.t.Fatal(err)
	}
}

// TestLockedVersions: a lock keeps a version wherever it stands, until it ends.
func TestLockedVersions(t *testing.T) {
	f := newLocked(t)
	for i, settle := range []func(){func() {}, f.settled} {
		key := fmt.Sprint("k", i)
		comply := f.putLocked(key, "comply", f.lock(object.Compliance, time.Hour))
		f.drop(key, comply, true, object.ErrLocked) // the current one
		governed := f.putLocked(key, "governed", f.lock(object.Governance, time.Hour))
		settle()
		f.drop(key, comply, true, object.ErrLocked) // a noncurrent one
		f.drop(key, governed, false, object.ErrLocked)
		f.drop(key, governed, true, nil)
		f.drop(key, comply, true, object.ErrLocked) // current again, as a mirror
		held := f.putLocked(key, "held", object.Lock{Hold: object.HoldOn})
		settle()
		f.drop(key, held, true, object.ErrLocked)
		if _, err := f.Objects.SetHold(f.ctx, f.b, key, comply, true); err != nil {
			t.Fatal(err)
		}
		f.now.Advance(time.Hour)
		settle()
		f.drop(key, comply, true, object.ErrLocked)
		if _, err := f.Objects.SetHold(f.ctx, f.b, key, comply, false); err != nil {
			t.Fatal(err)
		}
		f.drop(key, comply, false, nil)
		if err := f.Objects.DeleteBucket(f.ctx, f.b); !errors.Is(err, object.ErrBucketNotEmpty) {
			t.Fatalf("delete bucket: %v", err)
		}
		if _, err := f.Objects.SetHold(f.ctx, f.b, key, held, false); err != nil {
			t.Fatal(err)
		}
		f.drop(key, held, false, nil)
	}
	f.settled()
	if err := f.Objects.DeleteBucket(f.ctx, f.b); err != nil {
		t.Fatal(err)
	}
}

// TestUnsureClock: while a node of several does not know what time it is, no retention ends.
func TestUnsureClock(t *testing.T) {
	f := newLocked(t)
	id := f.putLocked("k", "x", f.lock(object.Governance, time.Hour))
	sure := true
	f.Objects.Agreed = func() bool { return sure }
	f.now.Advance(2 * time.Hour)
	sure = false
	f.drop("k", id, false, object.ErrLocked)
	if _, err := f.Objects.SetRetention(f.ctx, f.b, "k", id, object.Lock{}, false); !errors.Is(err, object.ErrLocked) {
		t.Fatal(err)
	}
	sure = true
	f.drop("k", id, false, nil)
}

// TestLockBeforeVersioning: what was there before versioning is locked too, and no state of
// the bucket lets it be replaced.
func TestLockBeforeVersioning(t *testing.T) {
	f := newLocked(t)
	b := f.bucket("plain")
	f.b = b
	f.put("k", []byte("null"))
	if _, err := f.Objects.SetHold(f.ctx, b, "k", "", true); !errors.Is(err, object.ErrNoLock) {
		t.Fatal(err)
	}
	if _, err := f.Objects.SetLock(f.ctx, b, object.BucketLock{On: true}); !errors.Is(err, object.ErrLockState) {
		t.Fatal(err)
	}
	b, err := f.Objects.SetVersioning(f.ctx, b, object.VersioningOn)
	if err == nil {
		b, err = f.Objects.SetLock(f.ctx, b, object.BucketLock{On: true})
	}
	if err != nil {
		t.Fatal(err)
	}
	f.b = b
	if _, err := f.Objects.SetVersioning(f.ctx, b, object.VersioningSuspended); !errors.Is(err, object.ErrLockState) {
		t.Fatal(err)
	}
	if _, err := f.Objects.SetLock(f.ctx, b, object.BucketLock{}); err == nil {
		t.Fatal("object lock was turned off")
	}
	if _, err := f.Objects.SetHold(f.ctx, b, "k", object.Null, true); err != nil {
		t.Fatal(err)
	}
	// Even if the bucket forgets: as after its row was made anew.
	for _, v := range []object.Versioning{object.VersioningOff, object.VersioningSuspended} {
		f.Objects.Forget(f.ctx, b, v)
		forgot, err := f.Objects.BucketByID(f.ctx, b.ID)
		if err != nil || forgot.Lock.On {
			t.Fatal(forgot, err)
		}
		f.b = forgot
		f.drop("k", object.Null, false, object.ErrLocked)
		if _, err := f.Objects.Put(f.ctx, forgot, object.Put{Key: "k", Body: body([]byte("x"))}); !errors.Is(err, object.ErrLocked) {
			t.Fatalf("put: %v", err)
		}
		if _, err := f.Objects.Delete(f.ctx, forgot, "k", object.Conditions{}); !errors.Is(err, object.ErrLocked) {
			t.Fatalf("delete: %v", err)
		}
		if _, err := f.Objects.Copy(f.ctx, forgot, object.Copy{From: forgot, FromKey: "k", Key: "k"}); !errors.Is(err, object.ErrLocked) {
			t.Fatalf("copy onto itself: %v", err)
		}
	}
	f.same("k", []byte("null"))
}

// TestNullApart: the null version in a row of its own is not replaced where versioning is
// suspended, if versions of its key were ever locked.
func TestNullApart(t *testing.T) {
	f := newLocked(t)
	f.b = f.bucket("plain")
	f.put("k", []byte("null"))
	b, err := f.Objects.SetVersioning(f.ctx, f.b, object.VersioningOn)
	if err == nil {
		b, err = f.Objects.SetLock(f.ctx, b, object.BucketLock{On: true})
	}
	if err != nil {
		t.Fatal(err)
	}
	f.b = b
	f.putLocked("k", "one", object.Lock{})
	f.settled()
	if _, err := f.Objects.SetHold(f.ctx, b, "k", object.Null, true); err != nil {
		t.Fatal(err)
	}
	f.settled()
	f.Objects.Forget(f.ctx, b, object.VersioningSuspended)
	if f.b, err = f.Objects.BucketByID(f.ctx, b.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Objects.Put(f.ctx, f.b, object.Put{Key: "k", Body: body([]byte("x"))}); !errors.Is(err, object.ErrLocked) {
		t.Fatalf("put: %v", err)
	}
	f.drop("k", object.Null, false, object.ErrLocked)
	if got, err := f.get(f.b, object.Get{Key: "k", Version: object.Null}); err != nil || string(got) != "null" {
		t.Fatalf("%q %v", got, err)
	}
}

// TestDefaultRetention: whoever looked the bucket up before is told what it is by now.
func TestDefaultRetention(t *testing.T) {
	f := newLocked(t)
	if _, err := f.Objects.SetLock(f.ctx, f.b, object.BucketLock{On: true, Mode: object.Compliance, Days: 2}); err != nil {
		t.Fatal(err)
	}
	id := f.putLocked("k", "x", object.Lock{}) // by a bucket that says nothing of it
	want := f.lock(object.Compliance, 48*time.Hour)
	o, err := f.Objects.Stat(f.ctx, f.b, object.Get{Key: "k", Version: id})
	if err != nil || o.Lock != want {
		t.Fatalf("%+v %v, want %+v", o, err, want)
	}
	c, err := f.Objects.Copy(f.ctx, f.b, object.Copy{From: f.b, FromKey: "k", Key: "copy", Lock: object.Lock{Hold: object.HoldOn}})
	if want.Hold = object.HoldOn; err != nil || c.Lock != want {
		t.Fatalf("%+v %v, want %+v", c, err, want)
	}
	if d, err := f.Objects.Delete(f.ctx, f.b, "k", object.Conditions{}); err != nil {
		t.Fatal(err)
	} else {
		f.drop("k", d.VersionID, false, nil) // a marker has no lock
	}
	for _, l := range []object.BucketLock{{On: true, Mode: object.Governance}, {On: true, Days: 1}, {On: true, Mode: object.Governance, Days: 1, Years: 1},
		{On: true, Mode: object.Governance, Days: object.MaxLockDays + 1}, {On: true, Mode: 9, Days: 1}} {
		if _, err := f.Objects.SetLock(f.ctx, f.b, l); !errors.Is(err, object.ErrLockDefault) {
			t.Errorf("%+v: %v", l, err)
		}
	}
}
