package cli

import (
	"context"
	"fmt"
	"strings"

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
	}
	if s.Web != nil {
		rows = append(rows, []string{say.T("Web sites"), s.Web.URL})
	}
	rows = append(rows, [][]string{
		{say.T("Data"), s.Data},
		{say.T("Node"), say.T("%s at %q, up for %s, version %s", s.Node[:min(12, len(s.Node))], s.Home,
			say.Duration(a.Clock.Now().Sub(s.Started)), s.Version)},
		{say.T("Holds"), a.holds(s)},
	}...)
	for i, d := range s.Disks {
		title := ""
		if i == 0 {
			title = say.T("Disks")
		}
		rows = append(rows, []string{title, say.T("%s: %s, %s used, %s free", d.Path, a.diskState(d), say.Bytes(d.Used), a.diskFree(d))})
	}
	rows = append(rows, a.homeRows(s)...)
	if s.Counted {
		rows = append(rows, []string{say.T("Mending"), a.mending(s.Repair)}, []string{say.T("Check"), a.scrubbing(s.Repair.Scrub)})
	}
	rows = append(rows, a.mendingRows(s)...)
	for i := range rows {
		rows[i][0] = a.paint(a.Out, bold, rows[i][0])
	}
	writeRows(a.Out, rows)
	fmt.Fprintln(a.Out)
	a.printHealth(s.Health)
}

// printHealth says what is at risk, and then what would make things safer.
func (a *App) printHealth(h api.Health) {
	switch {
	case h.State == api.Good && len(h.Hints) > 0:
		fmt.Fprintln(a.Out, a.paint(a.Out, green, a.Say.T("All is well here.")))
	case h.State == api.Good:
		fmt.Fprintln(a.Out, a.paint(a.Out, green, a.Say.T("Nothing is at risk.")))
	}
	for _, r := range h.Reasons {
		fmt.Fprintln(a.Out, a.paint(a.Out, red, r))
	}
	for _, hint := range h.Hints {
		fmt.Fprintln(a.Out, hint)
	}
}

func (a *App) holds(s api.Status) string {
	if !s.Counted {
		return a.Say.T("not known while too few homes answer")
	}
	if s.Buckets == 0 {
		return a.Say.T("nothing yet")
	}
	return a.Say.T("%s, %s, %s", a.Say.N(int64(s.Buckets), "%s bucket", "%s buckets"),
		a.Say.N(s.Objects, "%s object", "%s objects"), a.Say.Bytes(s.Bytes))
}

// homeRows are the homes, if there is more than this node.
func (a *App) homeRows(s api.Status) (rows [][]string) {
	if len(s.Homes) == 0 || len(s.Homes) == 1 && s.Homes[0].Nodes == 1 {
		return nil
	}
	for i, h := range s.Homes {
		title := ""
		if i == 0 {
			title = a.Say.T("Homes")
		}
		rows = append(rows, []string{title, a.homeLine(h)})
	}
	return rows
}

func (a *App) homeLine(h api.Home) string {
	say := a.Say
	state := a.paint(a.Out, green, say.T("up"))
	switch h.State {
	case api.HomeAway:
		state = a.paint(a.Out, red, say.T("away"))
	case api.HomePart:
		state = a.paint(a.Out, red, say.N(int64(h.Away), "%s node away", "%s nodes away"))
	}
	if h.Since != nil {
		state = say.T("%s for %s", state, a.ago(h.Seconds))
	}
	name := h.Name
	if h.This {
		name = say.T("%s (here)", name)
	}
	if h.Witness {
		return say.T("%s: %s, witness", name, state)
	}
	return say.T("%s: %s, %s, %s used, %s free", name, state, say.N(int64(h.Nodes), "%s node", "%s nodes"), say.Bytes(h.Used), say.Bytes(h.Free))
}

// mendingRows say which nodes still fetch or check what belongs to them, and until when.
func (a *App) mendingRows(s api.Status) (rows [][]string) {
	for i, m := range s.Mending {
		title := ""
		if i == 0 {
			title = a.Say.T("On its way")
		}
		var what []string
		if m.Bytes > 0 {
			what = append(what, a.Say.Bytes(m.Bytes))
		}
		if m.Partitions > 0 {
			what = append(what, a.Say.N(int64(m.Partitions), "%s slice", "%s slices"))
		}
		left := a.Say.T("%s still fetches %s", m.Name, strings.Join(what, a.Say.T(", ")))
		if len(what) == 0 { // pieces that may be there already, or are others' by now
			left = a.Say.T("%s still has %s to look at", m.Name, a.Say.N(m.Extents, "%s piece", "%s pieces"))
		}
		if m.Rate > 0 {
			left += a.Say.T(", %s a second", a.Say.Bytes(m.Rate))
		}
		if m.Until != nil {
			left += a.Say.T(", until about %s", a.Say.Time(*m.Until, a.Zone))
		}
		rows = append(rows, []string{title, left})
	}
	return rows
}

func (a *App) mending(r api.Repair) string {
	if r.Pending == 0 && r.Overdue == 0 {
		return a.Say.T("nothing to mend")
	}
	var left []string
	if r.Pending > 0 {
		left = append(left, a.Say.N(r.Pending, "%s entry to tidy up", "%s entries to tidy up"))
	}
	if r.Overdue > 0 {
		left = append(left, a.Say.N(r.Overdue, "%s piece of which it is not known yet whether it is still used", "%s pieces of which it is not known yet whether they are still used"))
	}
	return strings.Join(left, a.Say.T(", "))
}

func (a *App) scrubbing(s api.Scrub) string {
	last := a.Say.T("no whole pass yet")
	if s.Finished != nil {
		last = a.Say.T("last whole pass ended %s", a.Say.Time(*s.Finished, a.Zone))
	}
	return a.Say.T("this pass has read %s of the stored bytes again; %s", a.Say.Percent(s.Done), last)
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
		return a.Say.T("away")
	}
	return d.State
}
