package cli

import (
	"context"
	"fmt"

	"rhizome/base/lang"
	"rhizome/gateway/admin/api"
	"rhizome/gateway/admin/client"
)

func statusCommand() command {
	return command{
		use:   "status",
		short: lang.M("Show where S3 is, what is stored, and whether anything is at risk"),
		examples: []example{
			{lang.M("one screen for people"), "rhizome status"},
			{lang.M("the address of S3, for a script"), "rhizome status --json | jq -r .s3.url"},
		},
		run: status,
	}
}

func status(ctx context.Context, c *call) error {
	node, err := c.node()
	if err != nil {
		return err
	}
	defer node.Close()
	var s api.Status
	if err := node.Get(ctx, client.Path("status"), &s); err != nil {
		return err
	}
	return c.show(s, func() { c.printStatus(s) })
}

func (a *App) printStatus(s api.Status) {
	say := a.Say
	rows := [][]string{
		{"S3", s.S3.URL},
		{say.T("Data"), s.Data},
		{say.T("Node"), say.T("%s at %q, up for %s, version %s", s.Node[:min(12, len(s.Node))], s.Home,
			say.Duration(a.Clock.Now().Sub(s.Started)), s.Version)},
		{say.T("Holds"), say.T("%s, %s, %s", say.N(int64(s.Buckets), "%s bucket", "%s buckets"),
			say.N(s.Objects, "%s object", "%s objects"), say.Bytes(s.Bytes))},
	}
	for i, d := range s.Disks {
		title := ""
		if i == 0 {
			title = say.T("Disks")
		}
		rows = append(rows, []string{title, say.T("%s: %s, %s used, %s free", d.Path, a.diskState(d), say.Bytes(d.Used), say.Bytes(d.Free))})
	}
	rows = append(rows, []string{say.T("Mending"), a.mending(s.Repair)}, []string{say.T("Check"), a.scrubbing(s.Repair.Scrub)})
	for i := range rows {
		rows[i][0] = a.paint(a.Out, bold, rows[i][0])
	}
	writeRows(a.Out, rows)
	fmt.Fprintln(a.Out)
	if s.Health.State == api.Good {
		fmt.Fprintln(a.Out, a.paint(a.Out, green, say.T("Nothing is at risk.")))
		return
	}
	for _, r := range s.Health.Reasons {
		fmt.Fprintln(a.Out, a.paint(a.Out, red, r))
	}
}

func (a *App) mending(r api.Repair) string {
	if r.Pending == 0 && r.Orphans == 0 {
		return a.Say.T("nothing to mend")
	}
	return a.Say.T("%s, %s", a.Say.N(r.Pending, "%s row with work left", "%s rows with work left"),
		a.Say.N(r.Orphans, "%s piece that no object uses", "%s pieces that no object uses"))
}

func (a *App) scrubbing(s api.Scrub) string {
	last := a.Say.T("no whole pass yet")
	if s.Finished != nil {
		last = a.Say.T("last whole pass ended %s", a.Say.Time(*s.Finished, a.Zone))
	}
	return a.Say.T("%s of the stored bytes read again in this pass; %s", a.Say.Percent(s.Done), last)
}

func (a *App) diskState(d api.Disk) string {
	if d.State == api.DiskDraining && d.Live == 0 {
		return a.Say.T("empty: it may be taken away")
	}
	switch d.State {
	case api.DiskOK:
		return a.Say.T("in use")
	case api.DiskDraining:
		return a.Say.T("being emptied")
	case api.DiskFull:
		return a.Say.T("full")
	case api.DiskLost:
		return a.Say.T("lost")
	}
	return d.State
}
