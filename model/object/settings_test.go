package object_test

import (
	"testing"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/base/vfs"
	"rhizome/model/account"
	"rhizome/model/object"
	"rhizome/model/object/objecttest"
)

// TestSettings: they are kept with the bucket, changed one after the other, and a block
// stops what opens the bucket.
func TestSettings(t *testing.T) {
	h := objecttest.Open(t, vfs.NewCrashable(), objecttest.NewIdentity())
	defer h.Close(t)
	k, err := h.Accounts.ImportKey(t.Context(), account.Key{ID: "owner", Secret: "a-secret-of-one", Member: ident.New()})
	if err != nil {
		t.Fatal(err)
	}
	b, err := h.Objects.CreateBucket(t.Context(), "garden", k, false)
	if err != nil || b.Settings.Policy != nil || b.Settings.Block.Set {
		t.Fatalf("%+v %v", b, err)
	}
	p := &object.Policy{Text: []byte("{}"), Bucket: "garden", Principals: []object.Principal{{Written: "a", Key: "b"}, {Written: "c", Canonical: true, Member: ident.New()}}}
	change := func(f func(*object.Settings) error) error {
		_, err := h.Objects.ChangeSettings(t.Context(), b, f)
		return err
	}
	if err := change(func(s *object.Settings) error { s.Policy = p; return nil }); err != nil {
		t.Fatal(err)
	}
	if err := change(func(s *object.Settings) error { s.Block = object.Block{Set: true, BlockACLs: true}; return nil }); err != nil {
		t.Fatal(err)
	}
	if err := change(func(s *object.Settings) error { s.Policy = nil; return errs.New(errs.Denied, "no") }); errs.KindOf(err) != errs.Denied {
		t.Errorf("refused: %v", err)
	}
	if err := change(func(s *object.Settings) error { s.Policy = &object.Policy{Text: make([]byte, 200<<10)}; return nil }); errs.KindOf(err) != errs.TooLarge {
		t.Errorf("too much: %v", err)
	}
	got, err := h.Objects.Bucket(t.Context(), "garden", nil)
	if err != nil || got.Settings.Policy == nil || string(got.Settings.Policy.Text) != "{}" || got.Settings.Policy.Principals[1] != p.Principals[1] {
		t.Fatalf("%+v %v", got, err)
	}
	open := func(a object.Access) error {
		_, err := h.Objects.ChangeAccess(t.Context(), b.ID, "", func(object.Access) object.Access { return a })
		return err
	}
	if err := open(object.Access{Read: true}); errs.KindOf(err) != errs.Denied {
		t.Errorf("opened under a block: %v", err)
	}
	if err := change(func(s *object.Settings) error { s.Block = object.Block{}; return nil }); err != nil {
		t.Fatal(err)
	}
	if err := open(object.Access{Read: true}); err != nil {
		t.Error(err)
	}
	if err := change(func(s *object.Settings) error { s.Block = object.Block{Set: true, BlockACLs: true}; return nil }); err != nil {
		t.Fatal(err)
	}
	if err := open(object.Access{}); err != nil {
		t.Errorf("closed under a block: %v", err)
	}
}
