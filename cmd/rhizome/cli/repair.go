package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"rhizome/base/lang"
	"rhizome/gateway/admin/api"
	"rhizome/gateway/admin/client"
)

func repairCommand() command {
	return command{
		use:      "repair",
		short:    lang.M("See what is damaged and mend it"),
		examples: []example{{lang.M("is anything damaged?"), "rhizome repair status"}},
		sub: []command{
			{
				use:      "status",
				short:    lang.M("Show what is being mended and what cannot be"),
				examples: []example{{lang.M("is anything damaged?"), "rhizome repair status"}},
				run:      repairStatus,
			},
			{
				use:      "scrub",
				short:    lang.M("Read and check every stored byte now, instead of over the month"),
				examples: []example{{lang.M("check everything now"), "rhizome repair scrub"}},
				run: func(ctx context.Context, c *call) error {
					node, err := c.node()
					if err != nil {
						return err
					}
					defer node.Close()
					if err := node.Post(ctx, client.Path("repair", "scrub"), nil, nil); err != nil {
						return err
					}
					return c.done("Every stored byte is being read and checked; rhizome repair status shows how far it is.")
				},
			},
			{
				use:      "accept-loss",
				short:    lang.M("After homes were lost for good, give up what only they knew of"),
				examples: []example{{lang.M("let bytes go that no home that is left knows of"), "rhizome repair accept-loss --yes"}},
				flags:    func(f *flagSet) { f.yes() },
				run:      acceptLoss,
			},
			rebuildCommand(),
		},
	}
}

func acceptLoss(ctx context.Context, c *call) error {
	node, err := c.node()
	if err != nil {
		return err
	}
	defer node.Close()
	if err := c.confirm("Give up what only lost homes knew of, and delete its bytes here?"); err != nil {
		return err
	}
	if err := node.Post(ctx, client.Path("repair", "accept-loss"), nil, nil); err != nil {
		return err
	}
	return c.done("What only lost homes knew of is given up here. Say so in each other home too.")
}

func repairStatus(ctx context.Context, c *call) error {
	node, err := c.node()
	if err != nil {
		return err
	}
	defer node.Close()
	var r api.Repair
	if err := node.Get(ctx, client.Path("repair"), &r); err != nil {
		return err
	}
	return c.show(r, func() { c.printRepair(r) })
}

func (a *App) printRepair(r api.Repair) {
	rows := [][]string{
		{a.Say.T("Mending"), a.mending(r)},
		{a.Say.T("Check"), a.scrubbing(r.Scrub)},
		{a.Say.T("Snapshot"), a.snapshot(r.Snapshot)},
	}
	if r.Lifecycle != nil {
		rows = append(rows, []string{a.Say.T("By itself"), a.sweptText(r.Lifecycle)})
	}
	writeRows(a.Out, rows)
	fmt.Fprintln(a.Out)
	for _, dir := range r.Uncompared {
		fmt.Fprintln(a.Out, a.Say.T("The disk %s was away when the rows were made anew. Nothing that lies on it is deleted for want of a row, and it cannot be drained. With the disk in its place, stop the node and run rhizome repair rebuild once more; or give all of it up with rhizome disk remove --force.", dir))
	}
	if r.Doubtful {
		fmt.Fprintln(a.Out, a.Say.T("Homes were lost for good. Bytes of objects that only they knew of may lie here, and are kept. If no other home is left: stop the node and run rhizome repair rebuild --alone, which makes those objects anew from their bytes. Else, or once that is not wanted: rhizome repair accept-loss, in each home."))
	}
	if len(r.Lost) == 0 {
		fmt.Fprintln(a.Out, a.paint(a.Out, green, a.Say.T("Nothing is damaged.")))
		return
	}
	a.printDamage(r.Lost)
}

func (a *App) snapshot(s api.Snapshot) string {
	last := a.Say.T("none of the rows yet")
	if s.Last != nil {
		last = a.Say.T("the last one of the rows was taken %s", a.Say.Time(*s.Last, a.Zone))
	}
	if s.Reason != "" {
		return a.Say.T("%s; the last attempt failed: %s", last, s.Reason)
	}
	return last
}

func (a *App) printDamage(lost []api.Damage) {
	var rows [][]string
	for _, d := range lost {
		what := d.Bucket + "/" + d.Key
		if d.Version != "" {
			what = a.Say.T("%s, older version %s", what, d.Version)
		}
		if d.Bucket == "" {
			what = d.Extent
		}
		rows = append(rows, []string{what, d.Disk, d.Reason})
	}
	a.table([]string{lang.M("Damaged"), lang.M("Disk"), lang.M("What is wrong")}, rows)
	i := slices.IndexFunc(lost, func(d api.Damage) bool { return d.Bucket != "" && d.Key != "" })
	if i < 0 {
		return
	}
	fmt.Fprintln(a.Out, "\n"+a.Say.T("What another home has whole is mended from there by itself. What none has is lost: store the object anew if you have it elsewhere, and delete what is damaged, after which it is no longer named here. An older version is deleted with its ID:"))
	id := cmp.Or(lost[i].Version, "ID")
	fmt.Fprintln(a.Out, "  aws s3api delete-object --bucket "+shellQuote(lost[i].Bucket)+" --key "+shellQuote(lost[i].Key)+" --version-id "+id)
}
