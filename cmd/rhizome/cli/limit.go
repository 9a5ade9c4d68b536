package cli

import (
	"context"
	"strings"

	"rhizome/base/errs"
	"rhizome/base/lang"
	"rhizome/cmd/rhizome/settings"
	"rhizome/gateway/admin/api"
)

func limitCommand() command {
	return command{
		use:   "limit",
		short: lang.M("Limit how much of your line copying and relaying may use"),
		long: lang.M("Limits are this node's own. They hold for what nobody waits for: copying to other homes, mending, and relaying for nodes that cannot reach each other. What you or others upload and download is not limited.\n" +
			"A RATE is bytes a second such as 2MB, or bits such as 16Mbit; 0 is no limit. It holds each way: for what is sent, and for what comes."),
		examples: []example{{lang.M("2 MB a second by day, no limit at night"), "rhizome limit set --hours 08:00-23:00=2MB"}},
		sub: []command{
			{
				use:      "show",
				short:    lang.M("Show the limits of this node"),
				examples: []example{{lang.M("which limits hold?"), "rhizome limit show"}},
				run:      limitShow,
			},
			{
				use:   "set",
				short: lang.M("Change the limits of this node; what is not given stays"),
				examples: []example{
					{lang.M("2 MB a second by day, no limit at night"), "rhizome limit set --hours 08:00-23:00=2MB"},
					{lang.M("always 16 Mbit a second"), "rhizome limit set --no-hours --background 16Mbit"},
					{lang.M("relay little for others"), "rhizome limit set --relay 200kB"},
				},
				flags: func(f *flagSet) {
					f.text("background", "", lang.M("`RATE` for copying and mending at all hours that --hours does not name"))
					f.StringArray("hours", nil, f.a.Say.T("`FROM-TO=RATE` for copying and mending by the hour of the day; may be given several times, and replaces the hours that were set"))
					f.bool("no-hours", lang.M("forget the limits by the hour"))
					f.text("relay", "", lang.M("`RATE` for relaying between nodes that cannot reach each other"))
				},
				run: limitSet,
			},
		},
	}
}

func limitShow(ctx context.Context, c *call) error {
	node, err := c.node()
	if err != nil {
		return err
	}
	defer node.Close()
	l, err := node.Limits(ctx)
	if err != nil {
		return err
	}
	return c.show(l, func() { c.printLimits(l) })
}

func limitSet(ctx context.Context, c *call) error {
	node, err := c.node()
	if err != nil {
		return err
	}
	defer node.Close()
	l, err := node.Limits(ctx)
	if err != nil {
		return err
	}
	if err := c.newLimits(&l); err != nil {
		return err
	}
	if l, err = node.SetLimits(ctx, l); err != nil {
		return err
	}
	return c.show(l, func() { c.printLimits(l) })
}

// newLimits changes what the options name.
func (c *call) newLimits(l *api.Limits) error {
	given := false
	for name, to := range map[string]*int64{"background": &l.Default, "relay": &l.Relay} {
		if c.text(name) == "" {
			continue
		}
		n, err := parseRate(c.text(name))
		if err != nil {
			return usageError{err}
		}
		*to, given = n, true
	}
	hours, _ := c.cmd.Flags().GetStringArray("hours")
	if c.on("no-hours") || len(hours) > 0 {
		l.Background, given = []api.LimitHours{}, true
	}
	for _, text := range hours {
		h, err := parseHours(text)
		if err != nil {
			return usageError{err}
		}
		l.Background = append(l.Background, h)
	}
	if !given {
		return usageError{errs.New(errs.Invalid, "say which limit: --background, --hours, --no-hours or --relay")}
	}
	return nil
}

// parseRate reads bytes a second, or bits if it ends in bit or, as lines are sold, in bps with a
// small b; 0 is no limit.
func parseRate(text string) (int64, error) {
	text = strings.TrimSpace(text)
	size := strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(text), "/s"), "ps")
	size, bits := strings.CutSuffix(size, "bit")
	if !bits && strings.HasSuffix(text, "bps") {
		size, bits = strings.CutSuffix(size, "b")
	}
	n, err := settings.ParseSize(size)
	if err != nil {
		return 0, errs.Newf(errs.Invalid, "%q is no rate: write it as 2MB or 16Mbit", text)
	}
	if bits {
		n /= 8
	}
	return n, nil
}

// parseHours reads FROM-TO=RATE.
func parseHours(text string) (api.LimitHours, error) {
	hours, rate, ok1 := strings.Cut(text, "=")
	from, to, ok2 := strings.Cut(hours, "-")
	h := api.LimitHours{From: from, To: to}
	if _, _, ok := h.Minutes(); !ok1 || !ok2 || !ok {
		return h, errs.Newf(errs.Invalid, "%q is no limit by the hour: write it as 08:00-23:00=2MB", text)
	}
	var err error
	h.Rate, err = parseRate(rate)
	return h, err
}

func (a *App) printLimits(l api.Limits) {
	rate := func(n int64) string {
		if n == 0 {
			return a.Say.T("no limit")
		}
		return a.Say.T("%s a second", a.Say.Bytes(n))
	}
	var rows [][]string
	for _, h := range l.Background {
		rows = append(rows, []string{a.Say.T("Copying and mending"), a.Say.T("from %s to %s", h.From, h.To), rate(h.Rate)})
	}
	when := a.Say.T("always")
	if len(rows) > 0 {
		when = a.Say.T("at other hours")
	}
	rows = append(rows, []string{a.Say.T("Copying and mending"), when, rate(l.Default)}, []string{a.Say.T("Relaying for others"), a.Say.T("always"), rate(l.Relay)})
	a.table([]string{lang.M("Limit"), lang.M("When"), lang.M("At most")}, rows)
}
