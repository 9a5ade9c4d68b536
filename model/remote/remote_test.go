package remote_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/base/vfs"
	"rhizome/cluster/register"
	"rhizome/model/object/objecttest"
	"rhizome/model/remote"
)

func usual() remote.Remote {
	return remote.Remote{Name: "offsite", Endpoint: "https://s3.example.org", Region: "eu", ID: "hidden-id", Secret: "hidden-secret", Rate: 5, Owner: ident.New()}
}

// TestRemotes: a remote is what it was made, once, until it is removed; its row shows nothing.
func TestRemotes(t *testing.T) {
	who := objecttest.NewIdentity()
	h := objecttest.Open(t, vfs.NewCrashable(), who)
	defer h.Close(t)
	s := remote.New(h.Regs, who.Root, h.Clock)
	ctx := t.Context()
	made, err := s.Add(ctx, usual())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Add(ctx, usual()); !errors.Is(err, remote.ErrTaken) {
		t.Errorf("a name is taken twice: %v", err)
	}
	again := remote.New(h.Regs, who.Root, h.Clock)
	if got, err := again.Remote(ctx, "offsite"); err != nil || *got != *made {
		t.Errorf("it is %+v, %v; want %+v", got, err, made)
	}
	if all, err := again.All(ctx); err != nil || len(all) != 1 || *all[0] != *made {
		t.Errorf("all are %+v, %v", all, err)
	}
	err = h.Replica.Rows(ctx, remote.Remotes, func(row register.Row, v *register.Value) error {
		if bytes.Contains(v.Data, []byte("hidden")) || bytes.Contains(v.Data, []byte("example")) {
			return fmt.Errorf("the row of %s shows a secret", row.Sort)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	changed, err := s.Change(ctx, "offsite", func(r *remote.Remote) error {
		r.Name, r.Owner = "other", ident.New()
		r.Secret, r.Endpoint, r.Rate = "hidden-new", "https://s3.example.net", 0
		return nil
	})
	want := *made
	want.Secret, want.Endpoint, want.Rate = "hidden-new", "https://s3.example.net", 0
	if err != nil || *changed != want {
		t.Errorf("changed it is %+v, %v; want %+v", changed, err, want)
	}
	for name, f := range map[string]func(*remote.Remote) error{
		"what is no endpoint": func(r *remote.Remote) error { r.Endpoint = "here"; return nil },
		"who may not":         func(r *remote.Remote) error { r.Secret = "x"; return remote.ErrOthers },
	} {
		if _, err := s.Change(ctx, "offsite", f); err == nil {
			t.Errorf("%s changes it", name)
		}
	}
	if got, err := again.Remote(ctx, "offsite"); err != nil || *got != want {
		t.Errorf("it is %+v, %v; want %+v", got, err, want)
	}
	if _, err := s.Change(ctx, "none", func(*remote.Remote) error { return nil }); !errors.Is(err, remote.ErrUnknown) {
		t.Errorf("what is not there is changed: %v", err)
	}
	for range 2 {
		err = s.Remove(ctx, "offsite")
	}
	if _, gone := s.Remote(ctx, "offsite"); !errors.Is(err, remote.ErrUnknown) || !errors.Is(gone, remote.ErrUnknown) {
		t.Errorf("removed twice: %v; then it is %v", err, gone)
	}
}

// TestRefused: what is no name, endpoint or key is refused.
func TestRefused(t *testing.T) {
	for name, f := range map[string]func(*remote.Remote){
		"no name":     func(r *remote.Remote) { r.Name = "" },
		"a slash":     func(r *remote.Remote) { r.Name = "a/b" },
		"a colon":     func(r *remote.Remote) { r.Name = "a:b" },
		"a long name": func(r *remote.Remote) { r.Name = strings.Repeat("a", 65) },
		"ftp":         func(r *remote.Remote) { r.Endpoint = "ftp://example.org" },
		"no scheme":   func(r *remote.Remote) { r.Endpoint = "example.org" },
		"a path":      func(r *remote.Remote) { r.Endpoint = "https://example.org/bucket" },
		"a user":      func(r *remote.Remote) { r.Endpoint = "https://u:p@example.org" },
		"a query":     func(r *remote.Remote) { r.Endpoint = "https://example.org?x" },
		"no ID":       func(r *remote.Remote) { r.ID = "" },
		"no secret":   func(r *remote.Remote) { r.Secret = "" },
		"a rate":      func(r *remote.Remote) { r.Rate = -1 },
		"a style":     func(r *remote.Remote) { r.Style = 3 },
	} {
		r := usual()
		if f(&r); errs.KindOf(r.Check()) != errs.Invalid {
			t.Errorf("%s: %v", name, r.Check())
		}
	}
	if r := usual(); r.Check() != nil {
		t.Error(r.Check())
	}
}
