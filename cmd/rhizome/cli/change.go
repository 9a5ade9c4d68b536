package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"rhizome/base/errs"
	"rhizome/base/lang"
	"rhizome/cmd/rhizome/settings"
	"rhizome/gateway/admin/api"
	"rhizome/gateway/admin/client"
)

// changeKind is one way to change the layout; it is both a command that does so and one
// below layout preview.
type changeKind struct {
	use, short, long string
	examples         []example // of what follows "rhizome node" or "rhizome layout preview"
	args             int
	flags            func(*flagSet)
	read             func(*call) (api.LayoutChange, error)
	// made and makeExamples are of the command that makes the change alone, and make is what
	// does it, if that is not makeChange.
	made         func(*flagSet)
	make         func(context.Context, *call, api.LayoutChange) error
	makeExamples []example
}

// command makes the kind a command below another, one that makes the change or one that
// shows it only.
func (k changeKind) command(below string, makes bool) command {
	out := command{use: k.use, short: k.short, long: k.long, min: k.args, max: k.args, flags: k.flags}
	run, examples := previewChange, k.examples
	if makes {
		examples = append(examples[:len(examples):len(examples)], k.makeExamples...)
		if run = makeChange; k.make != nil {
			run = k.make
		}
		out.flags = func(f *flagSet) {
			f.yes()
			for _, more := range []func(*flagSet){k.flags, k.made} {
				if more != nil {
					more(f)
				}
			}
		}
	}
	if strings.Contains(k.use, "NODE") {
		out.complete = completeNodes
	}
	for _, e := range examples {
		out.examples = append(out.examples, example{e.what, below + " " + e.line})
	}
	out.run = func(ctx context.Context, c *call) error {
		change, err := k.read(c)
		if err != nil {
			return err
		}
		return run(ctx, c, change)
	}
	return out
}

// ofNode reads a change that needs no more than its node.
func ofNode(kind string) func(*call) (api.LayoutChange, error) {
	return func(c *call) (api.LayoutChange, error) {
		return api.LayoutChange{Kind: kind, Node: c.args[0]}, nil
	}
}

// nodeChanges are those that change one node.
func nodeChanges() []changeKind {
	return []changeKind{
		{
			use: "capacity NODE SIZE", args: 2,
			short:    lang.M("Change how much a node offers"),
			long:     lang.M("SIZE is what the node offers to the rhizome, such as 500GB or 2TiB; 0 makes it a gateway, which keeps nothing. A witness that is given a capacity keeps data from then on."),
			examples: []example{{lang.M("offer 2 TB of the home garden"), "capacity garden 2TB"}},
			read:     readCapacity,
		},
		{
			use: "zone NODE HOME", args: 2,
			short:    lang.M("Say that a node stands in another home"),
			long:     lang.M("HOME names the place that can fail as a whole. Copies of the same data are kept in different homes."),
			examples: []example{{lang.M("the node moved to the house of a neighbour"), "zone garden neighbour"}},
			read: func(c *call) (api.LayoutChange, error) {
				return api.LayoutChange{Kind: api.ChangeZone, Node: c.args[0], Zone: c.args[1]}, nil
			},
		},
		{
			use: "operator NODE NAME", args: 2,
			short:    lang.M("Say who runs a node and may change its share"),
			long:     lang.M("NAME is a member; there need not be one of that name yet. Administrators may change every node, other members those that they run."),
			examples: []example{{lang.M("a neighbour looks after the node from now on"), "operator garden Marie"}},
			read: func(c *call) (api.LayoutChange, error) {
				return api.LayoutChange{Kind: api.ChangeOperator, Node: c.args[0], Operator: c.args[1]}, nil
			},
		},
		{
			use: "drain NODE", args: 1,
			short:    lang.M("Move what a node holds to the others, while all goes on"),
			long:     lang.M("The node goes on serving. Once it is empty, rhizome node remove takes it out."),
			examples: []example{{lang.M("empty a node before it is taken away"), "drain garden"}},
			read:     ofNode(api.ChangeDrain),
		},
		{
			use: "undrain NODE", args: 1,
			short:    lang.M("Let a node that is being emptied keep data again"),
			examples: []example{{lang.M("keep the node after all"), "undrain garden"}},
			read:     ofNode(api.ChangeUndrain),
		},
		{
			use: "remove NODE", args: 1,
			short: lang.M("Take a node out of the rhizome for good"),
			long:  lang.M("A node that is up is emptied first with rhizome node drain, or by --wait, which takes it out as soon as it is empty. --lost is for one that does not come back: the others make new copies of what it held. A removed node is refused from then on."),
			examples: []example{
				{lang.M("take out a node that is empty"), "remove garden"},
				{lang.M("give up a node that was stolen"), "remove garden --lost"},
			},
			made: func(f *flagSet) {
				f.bool("wait", lang.M("empty the node first if need be, and wait until it is out, with a progress bar"))
			},
			make:         removeNode,
			makeExamples: []example{{lang.M("empty a node, and take it out when that is done"), "remove garden --wait"}},
			flags:        func(f *flagSet) { f.bool("lost", lang.M("the node does not come back")) },
			read: func(c *call) (api.LayoutChange, error) {
				return api.LayoutChange{Kind: api.ChangeRemove, Node: c.args[0], Lost: c.on("lost")}, nil
			},
		},
		{
			use: "witness NODE", args: 1,
			short:    lang.M("Make a node a witness: it votes and keeps no objects' bytes"),
			long:     lang.M("A small witness in a third place keeps two homes writing while one of them is away. rhizome node capacity makes it keep data again."),
			examples: []example{{lang.M("let a small computer only vote"), "witness attic"}},
			read:     ofNode(api.ChangeWitness),
		},
	}
}

// replicasChange changes how many copies there are.
func replicasChange() changeKind {
	return changeKind{
		use: "replicas NUMBER", args: 1,
		short:    lang.M("Change how many copies there are of everything"),
		long:     lang.M("NUMBER is 1, 3, 5 or 7. While there are fewer homes than that, each home keeps one copy. --zones allows copies to share homes: 3 copies in at least 2 homes."),
		examples: []example{{lang.M("three copies, each in another home"), "replicas 3"}, {lang.M("three copies in at least two homes"), "replicas 3 --zones 2"}},
		flags: func(f *flagSet) {
			f.text("zones", "0", lang.M("`NUMBER` of homes that the copies are in at least; 0: one home for each copy"))
		},
		read: func(c *call) (api.LayoutChange, error) {
			n, err := strconv.Atoi(c.args[0])
			if err != nil {
				return api.LayoutChange{}, usageError{errs.Newf(errs.Invalid, "%q is no number of copies", c.args[0])}
			}
			zones, err := c.number("zones")
			return api.LayoutChange{Kind: api.ChangeReplicas, Replicas: n, Zones: zones}, err
		},
	}
}

func readCapacity(c *call) (api.LayoutChange, error) {
	n, err := settings.ParseSize(c.args[1])
	if err != nil {
		return api.LayoutChange{}, usageError{err}
	}
	return api.LayoutChange{Kind: api.ChangeCapacity, Node: c.args[0], Capacity: n}, nil
}

// changed is what a change prints with --json.
type changed struct {
	Plan   api.Plan   `json:"plan"`
	Layout api.Layout `json:"layout"`
}

var soAlready = lang.M("That is so already: rhizome layout show tells how far it is.")

// makeChange shows what a change would do, asks, and makes it.
func makeChange(ctx context.Context, c *call, change api.LayoutChange) error {
	node, err := c.node()
	if err != nil {
		return err
	}
	defer node.Close()
	plan, err := c.planned(ctx, node, &change)
	if err != nil {
		return err
	}
	if plan.Already { // who repeats what he had no answer to has what he wants
		l, err := node.Layout(ctx)
		if err != nil {
			return err
		}
		return c.show(changed{plan, l}, func() { fmt.Fprintln(c.Out, c.Say.T(soAlready)) })
	}
	if err := c.goAhead(change, plan.Answers); err != nil {
		return err
	}
	l, err := node.Change(ctx, change)
	if err != nil {
		return err
	}
	return c.show(changed{plan, l}, func() {
		fmt.Fprintln(c.Out, c.Say.T("Done: this is layout %s.", c.Say.Int(int64(l.Version))))
		if plan.Move > 0 || plan.Partitions > 0 {
			fmt.Fprintln(c.Out, c.Say.T("The data moves by itself, while all goes on; rhizome layout show --watch shows how far it is."))
		}
	})
}

// planned previews a change, shows the plan unless JSON is wanted, and makes the change
// one for just that plan.
func (c *call) planned(ctx context.Context, node *client.Client, change *api.LayoutChange) (api.Plan, error) {
	plan, err := node.Preview(ctx, *change)
	if err != nil {
		return plan, err
	}
	if !c.json {
		c.printPlan(plan)
	}
	if plan.Refused != nil {
		return plan, errs.New(errs.Denied, plan.Refused.Reason)
	}
	change.Base = plan.Base
	return plan, nil
}

// goAhead asks whether to make a change whose plan was shown; answers: a node that is to
// be given up as lost does answer.
func (c *call) goAhead(change api.LayoutChange, answers bool) error {
	question := c.Say.T("Make this change?")
	switch {
	case answers:
		question = c.Say.T("The node answers now, and rhizome node drain loses nothing. Give it up all the same? What only it holds is lost, and the node is refused from now on.")
	case change.Lost:
		question = c.Say.T("Make this change? What only this node held is given up, and the node is refused if it comes back.")
	}
	return c.meant(question, errUnasked)
}

// errUnasked says that nobody is there to look at a plan.
var errUnasked = errs.New(errs.Denied, "nobody can be asked here whether this plan is meant: add --yes if it is")

func previewChange(ctx context.Context, c *call, change api.LayoutChange) error {
	node, err := c.node()
	if err != nil {
		return err
	}
	defer node.Close()
	plan, err := node.Preview(ctx, change)
	if err != nil {
		return err
	}
	err = c.show(plan, func() {
		c.printPlan(plan)
		switch {
		case plan.Already:
			fmt.Fprintln(c.Out, c.Say.T(soAlready))
		case plan.Refused == nil:
			fmt.Fprintln(c.Out, c.Say.T("Nothing was changed."))
		}
	})
	if err == nil && plan.Refused != nil {
		err = errs.New(errs.Denied, plan.Refused.Reason)
	}
	return err
}
