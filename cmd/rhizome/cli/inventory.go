package cli

import (
	"context"
	"fmt"

	"rhizome/base/errs"
	"rhizome/base/lang"
	"rhizome/gateway/admin/api"
	"rhizome/gateway/admin/client"
)

func bucketInventory() command {
	return command{
		use:   "inventory BUCKET",
		short: lang.M("Have a list of a bucket written into another one, daily or weekly"),
		long: lang.M("The list is that of S3 Inventory: CSV files and a manifest.json that names them. Without --to the lists that there are are shown.\n" +
			"Lists that S3's calls asked for are shown and taken away here too."),
		examples: []example{
			{lang.M("a list every day"), "rhizome bucket inventory photos --to lists"},
			{lang.M("a list of all versions, on Sundays"), "rhizome bucket inventory photos --to lists --name versions --weekly --versions"},
			{lang.M("write it at once"), "rhizome bucket inventory photos --now"},
			{lang.M("no list any more"), "rhizome bucket inventory photos --off"},
		},
		min: 1, max: 1,
		flags: func(f *flagSet) {
			f.text("name", "daily", lang.M("the list's `NAME`, which its folder has"))
			f.text("to", "", lang.M("the `BUCKET` that it is written to"))
			f.text("prefix", "", lang.M("what its folder begins with, a `TEXT`"))
			f.text("only", "", lang.M("only objects whose key begins with this `TEXT`"))
			f.bool("daily", lang.M("every day, which is so if nothing is said"))
			f.bool("weekly", lang.M("on Sundays"))
			f.bool("versions", lang.M("all versions and delete markers, not only what is current"))
			f.bool("now", lang.M("write it at once, and wait for it"))
			f.bool("off", lang.M("write it no more"))
		},
		run: runInventory,
	}
}

func runInventory(ctx context.Context, c *call) error {
	to := c.text("to")
	if c.on("daily") && c.on("weekly") || c.on("off") && (to != "" || c.on("now")) {
		return usageError{errs.New(errs.Invalid, "choose one of --daily and --weekly, and --off alone")}
	}
	if to == "" && (c.on("daily") || c.on("weekly") || c.on("versions") || c.text("prefix") != "" || c.text("only") != "") {
		return usageError{errs.New(errs.Invalid, "say which bucket to write to: --to BUCKET")}
	}
	n, err := c.node()
	if err != nil {
		return err
	}
	defer n.Close()
	all := client.Path("buckets", c.args[0], "inventory")
	one := client.Path("buckets", c.args[0], "inventory", c.text("name"))
	if c.on("off") {
		if err := n.Delete(ctx, one, nil); err != nil {
			return err
		}
	}
	if to != "" {
		in := api.SetInventory{To: to, Prefix: c.text("prefix"), Only: c.text("only"), Weekly: c.on("weekly"), Versions: c.on("versions")}
		if err := n.Put(ctx, one, in, nil); err != nil {
			return err
		}
	}
	if c.on("now") {
		if err := c.writeInventory(ctx, n, one); err != nil {
			return err
		}
	}
	list := []api.Inventory{}
	if err := n.Get(ctx, all, &list); err != nil {
		return err
	}
	return c.show(list, func() { c.printInventories(list) })
}

// writeInventory does a whole run, step by step, and says how far it is.
func (c *call) writeInventory(ctx context.Context, n *client.Client, path string) error {
	shown := terminal(c.Err) && !c.json
	for {
		var now api.Inventory
		if err := n.Post(ctx, path, struct{}{}, &now); err != nil {
			return err
		}
		if shown {
			fmt.Fprint(c.Err, "\r\x1b[K")
		}
		if now.Began == nil {
			return nil
		}
		if shown {
			fmt.Fprint(c.Err, c.Say.N(now.Listed, "%s object listed", "%s objects listed"))
		}
	}
}

func (a *App) printInventories(list []api.Inventory) {
	say := a.Say
	if len(list) == 0 {
		fmt.Fprintln(a.Out, say.T("No list of it is written."))
		return
	}
	var rows [][]string
	for _, i := range list {
		when, what := say.T("every day"), say.T("what is current")
		if i.Weekly {
			when = say.T("on Sundays")
		}
		if i.Versions {
			what = say.T("all versions")
		}
		if i.Only != "" {
			what += ", " + i.Only + "*"
		}
		last := say.T("none yet")
		if i.Done != nil {
			last = say.Time(*i.Done, a.Zone) + ", " + say.N(i.Count, "%s object", "%s objects")
		}
		switch {
		case i.Off:
			when = say.T("(off)")
		case i.Reason != "":
			last += "; " + say.T("not written: %s", i.Reason)
		case i.Began != nil:
			last += "; " + say.T("at work") + ", " + say.N(i.Listed, "%s object listed", "%s objects listed")
		}
		rows = append(rows, []string{i.ID, i.To + "/" + i.Prefix, when, what, last})
	}
	a.table([]string{lang.M("Name"), lang.M("To"), lang.M("When"), lang.M("What"), lang.M("Last")}, rows)
}
