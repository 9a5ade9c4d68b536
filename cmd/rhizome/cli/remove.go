package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"rhizome/base/errs"
	"rhizome/gateway/admin/api"
	"rhizome/gateway/admin/client"
)

// removeNode takes a node out. With --wait it is emptied first, after one question, and the
// command ends when it is out; of a lost one, when the others have made what it held anew.
func removeNode(ctx context.Context, c *call, change api.LayoutChange) error {
	if !c.on("wait") {
		return makeChange(ctx, c, change)
	}
	node, err := c.node()
	if err != nil {
		return err
	}
	defer node.Close()
	var plan api.Plan
	var l api.Layout
	if change.Lost {
		plan, l, err = c.removeLost(ctx, node, change)
	} else {
		plan, l, err = c.removeEmptied(ctx, node, change)
	}
	if err != nil {
		return err
	}
	return c.show(changed{plan, l}, func() {
		fmt.Fprintln(c.Out, c.Say.T("The node %s is out of the rhizome, and nothing moves any more.", c.args[0]))
	})
}

func (c *call) removeLost(ctx context.Context, node *client.Client, change api.LayoutChange) (plan api.Plan, l api.Layout, err error) {
	if plan, err = c.planned(ctx, node, &change); err != nil {
		return plan, l, err
	}
	if err = c.goAhead(change, plan.Answers); err != nil {
		return plan, l, err
	}
	if l, err = node.Change(ctx, change); err == nil {
		l, err = c.watchMoves(ctx, node, l)
	}
	return plan, l, err
}

func (c *call) removeEmptied(ctx context.Context, node *client.Client, change api.LayoutChange) (plan api.Plan, l api.Layout, err error) {
	plan, err = node.Preview(ctx, change)
	if err != nil {
		return plan, l, err
	}
	n, err := nodeCalled(ctx, node, change.Node)
	if err != nil {
		return plan, l, err
	}
	change.Node = n.ID
	drain := api.LayoutChange{Kind: api.ChangeDrain, Node: n.ID}
	// What keeps nothing need not be emptied, though it may be refused for a moment.
	full := plan.Refused != nil && !n.Draining && (n.Partitions > 0 || slices.Contains(n.Roles, api.RoleStorage))
	switch {
	case n.This:
		return plan, l, errs.New(errs.Conflict, "a node cannot be taken out through itself: ask another node")
	case plan.Refused != nil && !n.Up: // nobody can say when it is empty
		err = errs.New(errs.Denied, plan.Refused.Reason)
	case full:
		plan, err = c.planned(ctx, node, &drain)
	case !c.json:
		c.printPlan(plan)
	}
	if err != nil {
		return plan, l, err
	}
	if err := c.meant(c.Say.T("Empty the node, and take it out as soon as it is empty?"), errUnasked); err != nil {
		return plan, l, err
	}
	if full {
		if _, err := node.Change(ctx, drain); err != nil {
			return plan, l, err
		}
	}
	l, err = c.takeOut(ctx, node, change, full || n.Draining)
	return plan, l, err
}

// maxDown is how many looks in a row may find that the node is not up, and how many may find one
// refused that keeps nothing, which is for a moment only.
const maxDown = int(5 * time.Minute / lookEvery)

// taking is how a node is taken out.
type taking struct {
	change  api.LayoutChange
	emptied bool // it is being emptied
	line    *line
	told    string // the last refusal that was told, without figures
	down    int    // looks in a row that found the node down, or for nothing refused
}

// takeOut waits until a node, which may be being emptied, may be taken out, and does so.
func (c *call) takeOut(ctx context.Context, node *client.Client, change api.LayoutChange, emptied bool) (api.Layout, error) {
	t := &taking{change: change, emptied: emptied, line: newLine(c.App)}
	defer t.line.stop()
	for {
		l, err := c.tryTakeOut(ctx, node, t)
		if err != nil && ctx.Err() != nil {
			return l, errs.New(errs.Unavailable, "interrupted: the node is still being emptied, and stays in the rhizome until the same command, run again, takes it out")
		}
		if !errors.Is(err, errNotEmpty) {
			return l, err
		}
		_ = c.pause(ctx) // ctx is looked at above
	}
}

// errNotEmpty says that a node is not to be taken out yet.
var errNotEmpty = errors.New("not empty yet")

func (c *call) tryTakeOut(ctx context.Context, node *client.Client, t *taking) (l api.Layout, err error) {
	plan, err := node.Preview(ctx, t.change)
	if err != nil {
		return l, err
	}
	if plan.Refused == nil {
		change := t.change
		change.Base = plan.Base
		if l, err = node.Change(ctx, change); !errors.Is(err, errs.Conflict) { // else another change came first
			return l, err
		}
		return l, errNotEmpty
	}
	n, err := nodeCalled(ctx, node, t.change.Node)
	if err != nil {
		return l, err
	}
	if err := t.refused(n, plan.Refused.Reason); err != nil {
		return l, err
	}
	if l, err = node.Layout(ctx); err != nil {
		return l, err
	}
	if t.line.set(plan.Refused.Reason); l.Moving != nil {
		t.line.set(c.moveLine(*l.Moving))
	}
	return l, errNotEmpty
}

// refused says whether to wait any longer for a node that may not go yet. Where there is no line to
// show why, it tells each reason once.
func (t *taking) refused(n *api.Node, why string) error {
	if t.emptied && !n.Draining {
		return errs.New(errs.Conflict, "somebody lets the node keep data again, so it is not taken out")
	}
	if t.down++; n.Up && t.emptied {
		t.down = 0
	}
	if t.down > maxDown {
		return errs.New(errs.Unavailable, why)
	}
	if kind := strings.Map(figureless, why); !t.line.on && kind != t.told {
		fmt.Fprintln(t.line.a.Err, t.line.a.Say.T("Not yet: %s", why))
		t.told = kind
	}
	return nil
}

// figureless takes the figures out of a reason: that fewer bytes are left is no other one.
func figureless(r rune) rune {
	if unicode.IsDigit(r) || r == '.' || r == ',' {
		return -1
	}
	return r
}

// nodeCalled finds a node by what the server takes for its name.
func nodeCalled(ctx context.Context, node *client.Client, ref string) (*api.Node, error) {
	nodes, err := node.Nodes(ctx)
	if err != nil {
		return nil, err
	}
	for _, is := range []func(api.Node) bool{
		func(n api.Node) bool { return n.ID == ref || n.Name == ref },
		func(n api.Node) bool { return n.Home == ref },
		func(n api.Node) bool { return strings.HasPrefix(n.ID, strings.ToLower(ref)) },
	} {
		if i := slices.IndexFunc(nodes, is); i >= 0 {
			return &nodes[i], nil
		}
	}
	return nil, errs.Newf(errs.NotFound, "there is no node %q: see rhizome node list", ref)
}
