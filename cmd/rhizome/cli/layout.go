package cli

import (
	"context"
	"fmt"
	"strconv"

	"rhizome/base/lang"
	"rhizome/gateway/admin/api"
	"rhizome/gateway/admin/client"
)

func layoutCommand() command {
	return command{
		use:   "layout",
		short: lang.M("See how the data is shared among the homes, and change it"),
		long: lang.M("The layout says which nodes keep which of the 1,024 slices of the data. It is made by itself when nodes join or leave; nobody has to compose one.\n" +
			"Of two changes at once one is made, and the other is told."),
		examples: []example{
			{lang.M("who keeps how much, and what is moving"), "rhizome layout show"},
			{lang.M("what would happen, without doing it"), "rhizome layout preview drain garden"},
		},
		sub: []command{
			{
				use:   "show",
				short: lang.M("Show who keeps how much, and how far a move is"),
				examples: []example{
					{lang.M("who keeps how much, and what is moving"), "rhizome layout show"},
					{lang.M("follow a move until it is done"), "rhizome layout show --watch"},
				},
				flags: func(f *flagSet) { f.bool("watch", lang.M("wait until nothing moves any more, with a progress bar")) },
				run:   layoutShow,
			},
			previewCommand(),
			{
				use:      "history",
				short:    lang.M("Show the layouts there have been, and what changed"),
				examples: []example{{lang.M("what changed, and when"), "rhizome layout history"}},
				run:      layoutHistory,
			},
			replicasChange().command("rhizome layout", true),
			recoverCommand(),
		},
	}
}

func previewCommand() command {
	out := command{
		use:      "preview",
		short:    lang.M("Show what a change would move, without making it"),
		examples: []example{{lang.M("what would happen, without doing it"), "rhizome layout preview drain garden"}},
	}
	for _, k := range append(nodeChanges(), replicasChange()) {
		out.sub = append(out.sub, k.command("rhizome layout preview", false))
	}
	return out
}

func layoutShow(ctx context.Context, c *call) error {
	node, err := c.node()
	if err != nil {
		return err
	}
	defer node.Close()
	l, err := node.Layout(ctx)
	if err == nil && c.on("watch") {
		l, err = c.watchMoves(ctx, node, l)
	}
	if err != nil {
		return err
	}
	return c.show(l, func() { c.printLayout(l) })
}

func (a *App) printLayout(l api.Layout) {
	say := a.Say
	copies := strconv.Itoa(l.Effective)
	if l.Effective > 1 {
		copies = say.T("%s, each in another home", copies)
	}
	if l.Zones != 0 && l.Zones < l.Effective {
		copies = say.T("%s, in at least %s homes", strconv.Itoa(l.Effective), strconv.Itoa(l.Zones))
	}
	if l.Copies < l.Effective {
		copies = say.T("%s of large objects; %s of all else, as a witness keeps no large ones", strconv.Itoa(l.Copies), strconv.Itoa(l.Effective))
	}
	if l.Effective < l.Replicas {
		copies += say.T(" (%s are wanted, which takes more homes)", strconv.Itoa(l.Replicas))
	}
	writeRows(a.Out, [][]string{
		{say.T("Layout"), say.Int(int64(l.Version))},
		{say.T("Copies"), copies},
		{say.T("Room for objects"), say.T("%s, of which %s are left", say.Bytes(l.Usable), say.Bytes(l.Left))},
	})
	fmt.Fprintln(a.Out)
	var rows [][]string
	for _, h := range l.Homes {
		for _, n := range h.Nodes {
			task := a.roles(api.Node{Roles: n.Roles})
			if n.Draining {
				task += say.T(", ") + say.T("being emptied")
			}
			capacity, slices := "", ""
			if n.Capacity > 0 {
				capacity = say.Bytes(n.Capacity)
			}
			if n.Partitions > 0 {
				slices = say.T("%s of %s", say.Int(int64(n.Partitions)), say.Int(int64(l.Partitions)))
			}
			rows = append(rows, []string{h.Name, n.Name, n.Short, task, capacity, slices})
		}
	}
	a.table([]string{lang.M("Home"), lang.M("Node"), "ID", lang.M("Task"), lang.M("Capacity"), lang.M("Slices")}, rows)
	fmt.Fprintln(a.Out)
	if l.Moving == nil {
		fmt.Fprintln(a.Out, a.paint(a.Out, green, say.T("Everything is where it belongs.")))
	} else {
		fmt.Fprintln(a.Out, a.moveLine(*l.Moving))
	}
	for _, w := range l.Warn {
		fmt.Fprintln(a.Out, a.paint(a.Out, red, w.Reason))
	}
}

func layoutHistory(ctx context.Context, c *call) error {
	node, err := c.node()
	if err != nil {
		return err
	}
	defer node.Close()
	history, err := node.History(ctx)
	if err != nil {
		return err
	}
	return c.show(history, func() {
		var rows [][]string
		for _, v := range history {
			rows = append(rows, c.versionRows(v)...)
		}
		c.table([]string{lang.M("Layout"), lang.M("Made"), lang.M("What changed")}, rows)
	})
}

func (a *App) versionRows(v api.LayoutVersion) [][]string {
	made := ""
	if v.Time != nil {
		made = a.Say.Time(*v.Time, a.Zone)
	}
	rows := [][]string{{a.Say.Int(int64(v.Version)), made, ""}}
	for i, e := range v.Events {
		if i > 0 {
			rows = append(rows, []string{"", "", ""})
		}
		rows[i][2] = e.Text
	}
	return rows
}

// watchMoves shows a bar until nothing moves, and returns the layout then.
func (c *call) watchMoves(ctx context.Context, node *client.Client, l api.Layout) (api.Layout, error) {
	if l.Moving == nil {
		return l, nil
	}
	line := newLine(c.App)
	defer line.stop()
	for l.Moving != nil {
		line.set(c.moveLine(*l.Moving))
		if err := c.pause(ctx); err != nil {
			return l, err
		}
		var err error
		if l, err = node.Layout(ctx); err != nil {
			return l, err
		}
	}
	return l, nil
}
