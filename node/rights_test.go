package node

import (
	"errors"
	"testing"

	"rhizome/base/errs"
	"rhizome/gateway/admin/api"
)

// TestOperatorsChangeTheirOwnNodes: who runs a node without being an administrator
// changes that one, and nothing else.
func TestOperatorsChangeTheirOwnNodes(t *testing.T) {
	t.Parallel()
	h := newHomes(t, 0)
	a := h.up("lyon")
	i, err := a.Invite(t.Context(), api.NewInvitation{Uses: 1, Seconds: 3600, Operator: "Marie"})
	if err != nil || i.Operator != "Marie" {
		t.Fatal(i.Operator, err)
	}
	b := h.up("brest", func(c *Config) { c.Join = i.Text })
	h.settled(2)
	mine, theirs := b.keys.id().String(), a.keys.id().String()
	refused := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, errs.Denied) {
			t.Errorf("%s: %v", what, err)
		}
	}
	change := func(c api.LayoutChange) error {
		_, err := b.Change(t.Context(), c)
		return err
	}
	refused("capacity of another's", change(api.LayoutChange{Kind: api.ChangeCapacity, Node: theirs, Capacity: 5 << 20}))
	refused("drain another's", change(api.LayoutChange{Kind: api.ChangeDrain, Node: theirs}))
	refused("remove another's", change(api.LayoutChange{Kind: api.ChangeRemove, Node: theirs, Lost: true}))
	refused("replicas", change(api.LayoutChange{Kind: api.ChangeReplicas, Replicas: 1}))
	_, err = b.Recover(t.Context(), api.Recover{Gone: []string{theirs}})
	refused("recover", err)
	_, err = b.Invite(t.Context(), api.NewInvitation{Uses: 1, Seconds: 3600, Operator: "Paul"})
	refused("inviting for somebody else", err)
	_, err = b.Invite(t.Context(), api.NewInvitation{Uses: 1, Seconds: 3600})
	refused("inviting for oneself", err)
	refused("revoking", b.RevokeInvitation(t.Context(), i.ID))
	if all, err := b.Invitations(t.Context()); err != nil || len(all) != 1 {
		t.Errorf("the invitations are listed as %+v, %v", all, err)
	}
	if err := change(api.LayoutChange{Kind: api.ChangeCapacity, Node: mine, Capacity: 2 << 30}); err != nil {
		t.Error("the own capacity:", err)
	}
	h.settled(2)
	h.eventually("the other home hears of it", func() bool { return a.members.Layout().Version == b.members.Layout().Version })
	nodes, err := a.Nodes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range nodes {
		if n.ID == mine && (n.Operator != "Marie" || n.Capacity != 2<<30) || n.ID == theirs && n.Operator != "first" {
			t.Errorf("%+v", n)
		}
	}
	if a.Facts().Member == b.Facts().Member {
		t.Error("keys that Marie makes are the first member's")
	}
	if _, err := a.Change(t.Context(), api.LayoutChange{Kind: api.ChangeCapacity, Node: mine, Capacity: 1 << 30}); err != nil {
		t.Error("an administrator:", err)
	}
	h.settled(2)
	refused("giving a node away", change(api.LayoutChange{Kind: api.ChangeOperator, Node: mine, Operator: "Paul"}))
	if _, err := a.Change(t.Context(), api.LayoutChange{Kind: api.ChangeOperator, Node: mine, Operator: "Paul"}); err != nil {
		t.Error("an administrator gives it to somebody:", err)
	}
	if _, err := a.Change(t.Context(), api.LayoutChange{Kind: api.ChangeOperator, Node: mine, Operator: "Marie"}); err != nil {
		t.Error("and back:", err)
	}
	h.settled(2)
	h.kill("lyon") // no row can be read: what was known of Marie holds
	refused("while others are away", change(api.LayoutChange{Kind: api.ChangeRemove, Node: theirs, Lost: true}))
}

// TestTheFirstMemberIsFoundInEachLanguage: who reads "premier membre" means the one who was
// named in English.
func TestTheFirstMemberIsFoundInEachLanguage(t *testing.T) {
	h := newHomes(t, 0)
	a := h.up("lyon", func(c *Config) { c.Member = "first member" })
	for _, name := range []string{"first member", "premier membre"} {
		m, err := a.memberNamed(t.Context(), name)
		if err != nil || m.ID != a.member {
			t.Errorf("%q is %+v, %v", name, m, err)
		}
	}
	if m, err := a.memberNamed(t.Context(), "Marie"); err != nil || m.ID == a.member {
		t.Errorf("%+v, %v", m, err)
	}
}
