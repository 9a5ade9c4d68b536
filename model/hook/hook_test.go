package hook_test

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
	"rhizome/model/hook"
	"rhizome/model/object/objecttest"
)

// TestWebhooks: a webhook is what it was made, once, until it is removed; its row shows nothing.
func TestWebhooks(t *testing.T) {
	who := objecttest.NewIdentity()
	h := objecttest.Open(t, vfs.NewCrashable(), who)
	defer h.Close(t)
	s := hook.New(h.Regs, who.Root, h.Clock)
	ctx, owner := t.Context(), ident.New()
	made, err := s.Add(ctx, owner, "album", "https://example.org/hidden-path", "")
	if err != nil || len(made.Secret) != 64 {
		t.Fatal(made, err)
	}
	if _, err := s.Add(ctx, owner, "album", "https://example.org", ""); !errors.Is(err, hook.ErrTaken) {
		t.Errorf("a name is taken twice: %v", err)
	}
	if _, err := s.Add(ctx, ident.ID{}, "Another_1.0", "http://127.0.0.1:1", "a secret of my own"); err != nil {
		t.Fatal(err)
	}
	again := hook.New(h.Regs, who.Root, h.Clock)
	got, err := again.Webhook(ctx, "album")
	if err != nil || *got != *made || got.Owner != owner {
		t.Errorf("it is %+v, %v; want %+v", got, err, made)
	}
	all, err := again.All(ctx)
	if err != nil || len(all) != 2 || all[0].Name != "Another_1.0" || all[0].Secret != "a secret of my own" {
		t.Errorf("all are %+v, %v", all, err)
	}
	var damaged register.Row
	err = h.Replica.Rows(ctx, hook.Webhooks, func(row register.Row, v *register.Value) error {
		if row.Sort == "Another_1.0" {
			damaged = row
		}
		if bytes.Contains(v.Data, []byte("hidden-path")) || bytes.Contains(v.Data, []byte(made.Secret)) || bytes.Contains(v.Data, []byte("my own")) {
			return fmt.Errorf("the row of %s shows a secret", row.Sort)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	_, err = h.Regs.Update(ctx, damaged, register.Change{Apply: func(*register.Value) (*register.Value, error) {
		return &register.Value{Data: []byte("no record"), Count: 1}, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	all, err = s.All(ctx)
	if _, gerr := s.Webhook(ctx, "Another_1.0"); err != nil || len(all) != 1 || gerr == nil || errors.Is(gerr, hook.ErrUnknown) {
		t.Errorf("beside a damaged one all are %+v, %v; it is %v", all, err, gerr)
	}
	if _, err := s.Add(ctx, owner, "third", "https://example.org", ""); err != nil {
		t.Errorf("beside a damaged one none can be made: %v", err)
	}
	if err := s.Remove(ctx, "Another_1.0"); err != nil {
		t.Errorf("a damaged one cannot be removed: %v", err)
	}
	for range 2 {
		err = s.Remove(ctx, "album")
	}
	if _, gone := s.Webhook(ctx, "album"); !errors.Is(err, hook.ErrUnknown) || !errors.Is(gone, hook.ErrUnknown) {
		t.Errorf("removed twice: %v; then it is %v", err, gone)
	}
}

// TestRefused: what is no name, address or secret is refused.
func TestRefused(t *testing.T) {
	who := objecttest.NewIdentity()
	h := objecttest.Open(t, vfs.NewCrashable(), who)
	defer h.Close(t)
	s := hook.New(h.Regs, who.Root, h.Clock)
	const good = "https://example.org/"
	for _, w := range [][3]string{{"", good}, {"a b", good}, {"a:b", good}, {"a\x00b", good}, {strings.Repeat("a", 65), good},
		{"a", "ftp://example.org"}, {"a", "example.org"}, {"a", "https:///x"}, {"a", good + "#x"}, {"a", good + strings.Repeat("x", 3000)},
		{"a", good, "short"}, {"a", good, strings.Repeat("x", 257)}} {
		if _, err := s.Add(t.Context(), ident.ID{}, w[0], w[1], w[2]); errs.KindOf(err) != errs.Invalid {
			t.Errorf("%q: %v", w, err)
		}
	}
}
