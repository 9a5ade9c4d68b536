package cli

import (
	"context"
	"fmt"

	"rhizome/base/errs"
	"rhizome/base/lang"
	"rhizome/gateway/admin/api"
	"rhizome/gateway/admin/client"
)

func bucketLogging() command {
	return command{
		use:   "logging BUCKET",
		short: lang.M("Write down who asks what of a bucket, in another bucket"),
		long: lang.M("The lines are those of S3's server access logs. Every node writes those about its own requests, every 5 minutes, or at once with --now.\n" +
			"rhizome bucket info shows where they go, and what keeps them from getting there."),
		examples: []example{
			{lang.M("write them into the bucket logs"), "rhizome bucket logging photos --to logs --prefix photos/"},
			{lang.M("write what this node has at once"), "rhizome bucket logging photos --now"},
			{lang.M("write nothing any more"), "rhizome bucket logging photos --off"},
		},
		min: 1, max: 1,
		flags: func(f *flagSet) {
			f.text("to", "", lang.M("the `BUCKET` that they are written to"))
			f.text("prefix", "", lang.M("what names of log objects begin with, a `TEXT`"))
			f.text("days", "", lang.M("put owner, region, bucket and day into the names, by the day of the `event` or the delivery"))
			f.bool("now", lang.M("write what this node has at once"))
			f.bool("off", lang.M("write nothing any more"))
		},
		run: setLogging,
	}
}

func setLogging(ctx context.Context, c *call) error {
	in := api.SetLogging{Off: c.on("off"), To: c.text("to"), Prefix: c.text("prefix"), Partitioned: c.text("days")}
	now := c.on("now")
	if !in.Off && in.To == "" && !now || in.Off && (now || in.To != "") {
		return usageError{errs.New(errs.Invalid, "say which bucket to write to, with --to BUCKET, or --now, or --off")}
	}
	path := client.Path("buckets", c.args[0], "logging")
	return onBucket(ctx, c, func(n *client.Client, b *api.Bucket) error {
		if in.Off || in.To != "" {
			if err := n.Put(ctx, path, in, b); err != nil {
				return err
			}
			c.warnOfLog(ctx, n, in, b)
			if !now {
				return nil
			}
		}
		return n.Post(ctx, path, struct{}{}, b)
	})
}

// warnOfLog says what may not have been meant: a log among what it is about, or one that nobody can
// delete.
func (c *call) warnOfLog(ctx context.Context, n *client.Client, in api.SetLogging, b *api.Bucket) {
	var to api.Bucket
	if in.Off || c.json || n.Get(ctx, client.Path("buckets", in.To), &to) != nil {
		return
	}
	if to.ID == b.ID {
		fmt.Fprintln(c.Err, c.Say.T("The log goes into the bucket that it is about, among its own objects. If that is not meant, name another with --to."))
	}
	if l := to.Lock; l != nil && l.On && l.Mode != "" {
		fmt.Fprintln(c.Err, c.Say.T("What is written to %s is locked for %s: no log can be deleted before.", in.To, c.Say.N(int64(l.Days+365*l.Years), "%s day", "%s days")))
	}
}

// loggingRows say where a bucket's requests are written down.
func (a *App) loggingRows(b api.Bucket) (rows [][]string) {
	l, say := b.Logging, a.Say
	if l == nil {
		return nil
	}
	rows = append(rows, []string{say.T("Requests are written to"), l.To + "/" + l.Prefix})
	done := say.N(l.Written, "%s line", "%s lines")
	if l.Waiting > 0 {
		done += ", " + say.T("%s wait", say.Bytes(l.Waiting))
	}
	if l.Dropped > 0 {
		done += ", " + say.N(l.Dropped, "%s line was dropped", "%s lines were dropped")
	}
	rows = append(rows, []string{say.T("By this node"), done})
	if l.Reason != "" {
		rows = append(rows, []string{say.T("Not written"), l.Reason})
	}
	return rows
}
