package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"rhizome/base/errs"
	"rhizome/base/lang"
	"rhizome/gateway/admin/api"
	"rhizome/gateway/admin/client"
)

func bucketLifecycle() command {
	return command{
		use:   "lifecycle BUCKET",
		short: lang.M("Say what goes by itself, and after how many days"),
		long:  lang.M("There is one such rule for each prefix; rules by tags and sizes are put by S3's calls. Days end at midnight, UTC."),
		examples: []example{
			{lang.M("logs go after 30 days"), "rhizome bucket lifecycle photos --prefix logs/ --expire 30d"},
			{lang.M("what was replaced goes after 90 days, but for the last 3"), "rhizome bucket lifecycle photos --noncurrent 90d --keep 3"},
			{lang.M("nothing goes by itself any more"), "rhizome bucket lifecycle photos --off"},
			{lang.M("take the rules of one bucket to another"), "rhizome bucket lifecycle photos --show | rhizome bucket lifecycle videos --file -"},
		},
		min: 1, max: 1,
		flags: func(f *flagSet) {
			f.text("prefix", "", lang.M("only what begins with `TEXT`"))
			f.text("expire", "", lang.M("objects go after so many `DAYS`"))
			f.text("noncurrent", "", lang.M("versions go so many `DAYS` after they were replaced or deleted"))
			f.text("keep", "", lang.M("but for so many of the newest, a `NUMBER`"))
			f.text("abort", "", lang.M("uploads that were not completed go after so many `DAYS`"))
			f.bool("off", lang.M("take all rules away"))
			f.text("file", "", lang.M("`FILE` that says what all rules are, in the JSON of the aws command; - is the standard input"))
			f.bool("show", lang.M("show the rules as --file takes them"))
			f.yes()
		},
		run: setLifecycle,
	}
}

func setLifecycle(ctx context.Context, c *call) error {
	in := api.SetLifecycle{Off: c.on("off"), Prefix: c.text("prefix")}
	if c.on("show") {
		return showLifecycle(ctx, c)
	}
	for name, n := range map[string]*int{"expire": &in.Expire, "noncurrent": &in.Noncurrent, "keep": &in.Keep, "abort": &in.Abort} {
		var err error
		if *n, err = days(c.text(name)); err != nil {
			return err
		}
	}
	if name := c.text("file"); name != "" {
		if in != (api.SetLifecycle{}) {
			return usageError{errs.New(errs.Invalid, "a file says what all rules are: the other options do not go with it")}
		}
		var err error
		if in.Text, err = c.readDocument(name); err != nil {
			return err
		}
		if in.Text == "" {
			return errs.New(errs.Invalid, "the file is empty: --off takes all rules away")
		}
	} else if in == (api.SetLifecycle{}) {
		return rulesInWords(ctx, c)
	} else if !in.Off && in.Expire+in.Noncurrent+in.Abort == 0 {
		return usageError{errs.New(errs.Invalid, "say what is to go after how many days: --expire, --noncurrent or --abort")}
	}
	return onBucket(ctx, c, func(n *client.Client, b *api.Bucket) error {
		if err := sureOfRules(ctx, c, n, &in); err != nil {
			return err
		}
		if err := n.Put(ctx, client.Path("buckets", c.args[0], "lifecycle"), in, b); err != nil {
			return err
		}
		if in.Noncurrent > 0 && b.Versioning == "" && !c.json {
			fmt.Fprintln(c.Err, c.Say.T("The bucket keeps no versions yet, so that there are none to go: rhizome bucket versioning %s on.", shellQuote(c.args[0])))
		}
		return nil
	})
}

// rulesInWords shows a bucket with what goes by itself.
func rulesInWords(ctx context.Context, c *call) error {
	return onBucket(ctx, c, func(n *client.Client, b *api.Bucket) error {
		err := n.Get(ctx, client.Path("buckets", c.args[0]), b)
		if err == nil && len(b.Lifecycle) == 0 && !c.json {
			fmt.Fprintln(c.Err, c.Say.T("Nothing goes by itself: rhizome bucket lifecycle --help says how it would."))
		}
		return err
	})
}

// days reads a number of days, perhaps with d behind it, or j in French; 0 if it is not given.
func days(text string) (int, error) {
	n, err := count(strings.TrimRight(text, "dj"))
	if err != nil {
		return 0, usageError{errs.Newf(errs.Invalid, "%q is no number of days: write it as 30d, from 1 on", text)}
	}
	return n, nil
}

// sureOfRules asks about what cannot be taken back: rules that are lost, and that all objects go.
func sureOfRules(ctx context.Context, c *call, n *client.Client, in *api.SetLifecycle) error {
	var err error
	switch {
	case in.Text != "" || in.Off:
		var b api.Bucket
		if err := n.Get(ctx, client.Path("buckets", c.args[0]), &b); err != nil {
			return err
		}
		if len(b.Lifecycle) > 0 {
			err = c.confirm(lang.M("The rules of %s are lost then: %s. Do it?"), c.args[0], c.Say.Int(int64(len(b.Lifecycle))))
		}
	case in.Prefix == "" && in.Expire > 0:
		err = c.confirm(lang.M("Without --prefix all that is in %s goes after %s. Do it?"), c.args[0], c.Say.N(int64(in.Expire), "%s day", "%s days"))
	case in.Prefix == "" && in.Noncurrent > 0:
		err = c.confirm(lang.M("Without --prefix all that was replaced in %s goes after %s. Do it?"), c.args[0], c.Say.N(int64(in.Noncurrent), "%s day", "%s days"))
	}
	in.Sure = err == nil
	return err
}

// showLifecycle shows the rules as --file takes them, with --json too.
func showLifecycle(ctx context.Context, c *call) error {
	node, err := c.node()
	if err != nil {
		return err
	}
	defer node.Close()
	var d api.Document
	if err := node.Get(ctx, client.Path("buckets", c.args[0], "lifecycle"), &d); err != nil {
		return err
	}
	_, err = io.WriteString(c.Out, d.Text)
	return err
}

// ruleText says what a lifecycle rule does.
func (a *App) ruleText(r api.LifecycleRule) string {
	say := a.Say
	days := func(n int) string { return say.N(int64(n), "%s day", "%s days") }
	var parts []string
	if r.Expire > 0 {
		parts = append(parts, say.T("objects go after %s", days(r.Expire)))
	}
	if r.Date != nil {
		parts = append(parts, say.T("objects go on %s", say.Time(*r.Date, a.Zone)))
	}
	if r.Noncurrent > 0 {
		parts = append(parts, say.T("replaced versions go after %s", days(r.Noncurrent)))
	}
	if r.Keep > 0 {
		parts = append(parts, say.T("the last %s stay", say.Int(int64(r.Keep))))
	}
	if r.Abort > 0 {
		parts = append(parts, say.T("uploads under way go after %s", days(r.Abort)))
	}
	text := strings.Join(parts, ", ")
	if r.Prefix != "" {
		text = r.Prefix + ": " + text
	}
	if r.Narrowed {
		text += " " + say.T("(only some, by tags or sizes)")
	}
	if r.Off {
		text += " " + say.T("(off)")
	}
	return text
}

// sweptText says what a node did for lifecycle rules.
func (a *App) sweptText(l *api.Lifecycle) string {
	n := a.Say.Int
	text := a.Say.T("%s expired, %s removed, %s uploads aborted since the start", n(l.Expired), n(l.Removed), n(l.Aborted))
	if l.Locked > 0 {
		text += ", " + a.Say.T("%s kept by a lock", n(l.Locked))
	}
	if l.Left > 0 {
		text += ", " + a.Say.T("at work")
	}
	if l.Reason != "" {
		text += "; " + a.Say.T("tried again the next day: %s", l.Reason)
	}
	return text
}
