package cli

import (
	"context"
	"fmt"
	"strings"

	"rhizome/base/errs"
	"rhizome/base/lang"
	"rhizome/gateway/admin/api"
	"rhizome/gateway/admin/client"
)

func recoverCommand() command {
	return command{
		use:   "recover",
		short: lang.M("Go on without nodes that are lost for good, although most are"),
		long: lang.M("For the day when so many homes are lost that the rest can decide nothing. It asks of each node that is away whether it is lost for good, says what may be missing, and asks once more.\n" +
			"Never do this while the others may still run somewhere: both halves would go on by themselves. A node that was said to be lost and comes back is refused; what it holds alone stays on its disks.\n" +
			"As long as a majority is there, rhizome node remove NODE --lost is what you want instead."),
		examples: []example{
			{lang.M("be asked node by node"), "rhizome layout recover"},
			{lang.M("in a script"), "rhizome layout recover --gone garden --gone attic --yes"},
		},
		flags: func(f *flagSet) {
			f.yes()
			f.StringArray("gone", nil, f.a.Say.T("`NODE` that is lost for good; may be given several times"))
		},
		run: layoutRecover,
	}
}

// recovered is what a recovery prints with --json.
type recovered struct {
	Plan   api.RecoverPlan `json:"plan"`
	Layout api.Layout      `json:"layout"`
}

func layoutRecover(ctx context.Context, c *call) error {
	node, err := c.node()
	if err != nil {
		return err
	}
	defer node.Close()
	gone, err := c.whichAreGone(ctx, node)
	if err != nil {
		return err
	}
	in := api.Recover{Gone: gone}
	plan, err := node.PreviewRecover(ctx, in)
	if err != nil {
		return err
	}
	if plan.Refused != nil { // nothing is given up, so there is nothing to say of what is lost
		return errs.New(errs.Denied, plan.Refused.Reason)
	}
	if !c.json {
		c.printLoss(plan)
	}
	if err := c.confirm("Go on without them for good? This cannot be undone."); err != nil {
		return err
	}
	in.Base = plan.Base
	l, err := node.Recover(ctx, in)
	if err != nil {
		return err
	}
	return c.show(recovered{plan, l}, func() {
		fmt.Fprintln(c.Out, c.Say.T("Done: this is layout %s.", c.Say.Int(int64(l.Version))))
		fmt.Fprintln(c.Out, c.Say.T("New copies are being made of what is left; rhizome status shows what is at risk until then, and rhizome invite brings a new home in."))
	})
}

// whichAreGone asks of each node that is away whether it is lost, unless --gone says so.
func (c *call) whichAreGone(ctx context.Context, node *client.Client) ([]string, error) {
	if gone, _ := c.cmd.Flags().GetStringArray("gone"); len(gone) > 0 {
		return gone, nil
	}
	nodes, err := node.Nodes(ctx)
	if err != nil {
		return nil, err
	}
	var away, gone []string
	for _, n := range nodes {
		if n.Up {
			continue
		}
		away = append(away, n.Name)
		if !c.canAsk() {
			continue
		}
		lost, err := c.answersYes(c.lossQuestion(n))
		if err != nil {
			return nil, err
		}
		if lost {
			gone = append(gone, n.ID)
		}
	}
	switch {
	case len(away) == 0:
		return nil, errs.New(errs.Conflict, "every node is up: there is nothing to recover from")
	case !c.canAsk():
		return nil, errs.Newf(errs.Denied, "nobody can be asked here which nodes are lost: say so with --gone; away are %s", strings.Join(away, ", "))
	case len(gone) == 0:
		return nil, errs.New(errs.Denied, "no node is lost for good: bring one of them back, and all goes on by itself")
	}
	return gone, nil
}

func (c *call) lossQuestion(n api.Node) string {
	seen := ""
	if n.Since != nil {
		seen = c.Say.T(", away for %s", c.ago(n.Seconds))
	}
	return c.Say.T("Is the node %s (%s, home %s, %s used%s) lost for good?", n.Name, n.Short, n.Home, c.Say.Bytes(n.Used), seen)
}

// printLoss says what may be missing after a recovery.
func (a *App) printLoss(p api.RecoverPlan) {
	say := a.Say
	part := func(n int) string { return say.Percent(max(0.01, float64(n)/float64(max(1, p.Partitions)))) }
	var names []string
	for _, n := range p.Nodes {
		if n.Gone {
			names = append(names, n.Name)
		}
	}
	fmt.Fprintln(a.Out, say.T("Given up: %s", strings.Join(names, say.T(", "))))
	said := false
	tell := func(n int, text string) {
		if n > 0 {
			fmt.Fprintln(a.Out, a.paint(a.Out, red, say.T(text, part(n))))
			said = true
		}
	}
	tell(p.Loss.Rows, lang.M("- %s of the data is gone entirely: names, keys and objects of it."))
	tell(p.Loss.Bytes, lang.M("- %s of the data has no copy left: objects there are named, but cannot be read."))
	tell(p.Loss.Doubtful, lang.M("- of %s of the data the last changes before the loss may be missing."))
	if !said {
		fmt.Fprintln(a.Out, say.T("Nothing should be missing: a majority of each part of the data is here."))
	}
	for _, w := range p.Warn {
		fmt.Fprintln(a.Out, a.paint(a.Out, red, w.Reason))
	}
}
