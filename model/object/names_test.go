package object_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"rhizome/base/errs"
	"rhizome/model/account"
	"rhizome/model/object"
)

// TestAliasOfAnother: a name that leads to a living bucket is not taken from it.
func TestAliasOfAnother(t *testing.T) {
	f := newFixture(t)
	a, err := f.Objects.CreateBucket(f.ctx, "photos", f.key, true)
	if err != nil {
		t.Fatal(err)
	}
	k := f.freshKey()
	if _, err := f.Objects.Alias(f.ctx, f.b, "photos", k); errs.KindOf(err) != errs.Exists {
		t.Errorf("alias: %v", err)
	}
	if got, err := f.Objects.Bucket(f.ctx, "photos", f.freshKey()); err != nil || got.ID != a.ID {
		t.Errorf("the name leads elsewhere: %v", err)
	}
	if b, err := f.Objects.BucketByID(f.ctx, f.b.ID); err != nil || len(b.LocalNames) != 0 {
		t.Errorf("%v %v", b.LocalNames, err)
	}
	// It is free when that bucket is gone.
	if err := f.Objects.DeleteBucket(f.ctx, a); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Objects.Alias(f.ctx, f.b, "photos", k); err != nil {
		t.Error(err)
	}
}

func (f *fixture) freshKey() *account.Key {
	f.t.Helper()
	k, err := f.Accounts.Key(f.ctx, f.key.ID)
	if err != nil {
		f.t.Fatal(err)
	}
	return k
}

// TestAliasFails: a name that may lead to the bucket stays in its record, one that the
// bucket had before does too, and one that surely does not lead there goes.
func TestAliasFails(t *testing.T) {
	f := newFixture(t)
	other := f.bucket("other")
	names := func() string {
		b, err := f.Objects.BucketByID(f.ctx, f.b.ID)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(b.Names)
	}
	fail := &refusing{Store: f.Regs, table: object.Aliases, part: "maybe", err: errs.New(errs.Unavailable, "no majority")}
	f.Objects.Registers = fail
	if _, err := f.Objects.Alias(f.ctx, f.b, "maybe", nil); errs.KindOf(err) != errs.Unavailable || names() != "[bucket maybe]" {
		t.Errorf("%v: %s", err, names())
	}
	fail.part, fail.err = "bucket", errs.New(errs.Conflict, "refused")
	if _, err := f.Objects.Alias(f.ctx, f.b, "bucket", nil); err == nil || names() != "[bucket maybe]" {
		t.Errorf("%v: %s", err, names())
	}
	if _, err := f.Objects.Alias(f.ctx, f.b, "other", nil); errs.KindOf(err) != errs.Exists || names() != "[bucket maybe]" {
		t.Errorf("%v: %s", err, names())
	}
	if b, err := f.Objects.Bucket(f.ctx, "other", nil); err != nil || b.ID != other.ID {
		t.Error(err)
	}
}

// TestUnaliasAgain: taking a name away may be repeated when it failed half way.
func TestUnaliasAgain(t *testing.T) {
	f := newFixture(t)
	if _, err := f.Objects.Alias(f.ctx, f.b, "second", nil); err != nil {
		t.Fatal(err)
	}
	f.Objects.Registers = &refusing{Store: f.Regs, table: object.Aliases, part: "second", err: errs.New(errs.Unavailable, "no majority")}
	if _, err := f.Objects.Unalias(f.ctx, f.b, "second", nil); err == nil {
		t.Fatal("it did not fail")
	}
	f.Objects.Registers = f.Regs
	if _, err := f.Objects.Unalias(f.ctx, f.b, "second", nil); err != nil {
		t.Error(err)
	}
	if _, err := f.Objects.Bucket(f.ctx, "second", nil); !errors.Is(err, object.ErrNoSuchBucket) {
		t.Errorf("the name leads somewhere: %v", err)
	}
	if _, err := f.Objects.Unalias(f.ctx, f.b, "second", nil); errs.KindOf(err) != errs.NotFound {
		t.Error(err)
	}
}

// TestNamesAreBounded counts names, not keys that have names.
func TestNamesAreBounded(t *testing.T) {
	f := newFixture(t)
	for i := range 150 {
		_, err := f.Objects.Alias(f.ctx, f.b, fmt.Sprintf("local-%d", i), f.freshKey())
		if err != nil {
			if i != 99 || errs.KindOf(err) != errs.TooLarge {
				t.Errorf("the name %d: %v", i, err)
			}
			return
		}
	}
	t.Error("150 names")
}

// TestAccessAtOnce: of many changes of one key's access at once none is lost.
func TestAccessAtOnce(t *testing.T) {
	f := newFixture(t)
	for range 20 {
		var wg sync.WaitGroup
		for _, set := range []func(*object.Access){
			func(a *object.Access) { a.Read = true }, func(a *object.Access) { a.Write = true }, func(a *object.Access) { a.Owner = true }} {
			wg.Go(func() {
				_, err := f.Objects.ChangeAccess(f.ctx, f.b.ID, "key", func(a object.Access) object.Access { set(&a); return a })
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		b, err := f.Objects.ChangeAccess(f.ctx, f.b.ID, "key", func(a object.Access) object.Access {
			if a != (object.Access{Read: true, Write: true, Owner: true}) {
				t.Errorf("%+v", a)
			}
			return object.Access{}
		})
		if err != nil || len(b.Grants) != 1 {
			t.Fatal(b, err)
		}
	}
}
