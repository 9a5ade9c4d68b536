package cli

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"rhizome/base/errs"
	"rhizome/base/lang"
	"rhizome/gateway/admin/api"
	"rhizome/gateway/admin/client"
)

func webhookCommand() command {
	return command{
		use:   "webhook",
		short: lang.M("Register addresses that are told what happens in buckets"),
		long: lang.M("A webhook is an address of yours that gets a POST for each event. What it gets is what S3 sends, signed with the webhook's secret.\n" +
			"An address that is away is told later; nothing is lost by that."),
		examples: []example{
			{lang.M("register an address; its secret is shown once"), "rhizome webhook add photos https://photos.example.org/hook"},
			{lang.M("tell it what happens in a bucket"), "rhizome bucket notify photos --webhook photos"},
		},
		sub: []command{webhookAdd(), webhookList(), webhookShow(), webhookRemove()},
	}
}

func webhookAdd() command {
	return command{
		use:   "add NAME URL",
		short: lang.M("Register an address"),
		long:  lang.M("A secret is made and shown, unless one is given with --secret-stdin: an argument would be seen by every user of this computer."),
		examples: []example{
			{lang.M("register an address"), "rhizome webhook add photos https://photos.example.org/hook"},
			{lang.M("with a secret of your own, from a file"), "rhizome webhook add photos http://127.0.0.1:8000/ --secret-stdin < secret.txt"},
		},
		min: 2, max: 2,
		flags: func(f *flagSet) { f.bool("secret-stdin", lang.M("read the secret from standard input")) },
		run: func(ctx context.Context, c *call) error {
			in := api.NewWebhook{Name: c.args[0], URL: c.args[1]}
			if c.on("secret-stdin") {
				line, err := bufio.NewReader(io.LimitReader(c.In, 4096)).ReadString('\n')
				if in.Secret = strings.TrimSpace(line); in.Secret == "" {
					return usageError{errs.Newf(errs.Invalid, "no secret came from standard input: %v", err)}
				}
			}
			err := onWebhook(ctx, c, func(n *client.Client, w *api.Webhook) error {
				return n.Post(ctx, client.Path("webhooks"), in, w)
			})
			if err == nil && !c.json {
				fmt.Fprintln(c.Err, c.Say.T("It is told nothing yet. To tell it what happens in a bucket: rhizome bucket notify BUCKET --webhook %s\nIts secret is needed there to check what comes; rhizome webhook show %s --secret shows it again.", shellQuote(in.Name), shellQuote(in.Name)))
			}
			return err
		},
	}
}

// onWebhook runs f on the node and shows the webhook that it answers with.
func onWebhook(ctx context.Context, c *call, f func(*client.Client, *api.Webhook) error) error {
	node, err := c.node()
	if err != nil {
		return err
	}
	defer node.Close()
	var w api.Webhook
	if err := f(node, &w); err != nil {
		return err
	}
	return c.show(w, func() {
		rows := [][]string{{c.Say.T("Name"), w.Name}, {c.Say.T("Address"), w.URL}}
		if w.Secret != "" {
			rows = append(rows, []string{c.Say.T("Secret"), w.Secret})
		}
		rows = append(rows, []string{c.Say.T("Made"), c.Say.Time(w.Created, c.Zone)})
		if w.Failed > 0 {
			rows = append(rows, []string{c.Say.T("Failed"), c.failed(w)})
		}
		writeRows(c.Out, rows)
	})
}

// failed says how often a webhook could not be told.
func (a *App) failed(w api.Webhook) string {
	if w.Failed == 0 {
		return ""
	}
	return a.Say.T("%s: %s", a.Say.N(int64(w.Failed), "%s time", "%s times"), w.Reason)
}

func webhookList() command {
	return command{
		use:      "list",
		short:    lang.M("List the webhooks, and which of them cannot be told at present"),
		examples: []example{{lang.M("list the webhooks"), "rhizome webhook list"}},
		run: func(ctx context.Context, c *call) error {
			node, err := c.node()
			if err != nil {
				return err
			}
			defer node.Close()
			var all []api.Webhook
			if err := node.Get(ctx, client.Path("webhooks"), &all); err != nil {
				return err
			}
			return c.show(all, func() {
				var rows [][]string
				for _, w := range all {
					rows = append(rows, []string{w.Name, w.URL, c.Say.Time(w.Created, c.Zone), c.failed(w)})
				}
				c.table([]string{lang.M("Name"), lang.M("Address"), lang.M("Made"), lang.M("Failed")}, rows)
			})
		},
	}
}

func webhookShow() command {
	return command{
		use:   "show NAME",
		short: lang.M("Show one webhook"),
		examples: []example{
			{lang.M("show a webhook"), "rhizome webhook show photos"},
			{lang.M("show its whole address and its secret too"), "rhizome webhook show photos --secret"},
		},
		min: 1, max: 1,
		flags: func(f *flagSet) { f.bool("secret", lang.M("show the whole address and the secret too")) },
		run: func(ctx context.Context, c *call) error {
			path := client.Path("webhooks", c.args[0])
			if c.on("secret") {
				path = client.Query(path, "secret", "true")
			}
			return onWebhook(ctx, c, func(n *client.Client, w *api.Webhook) error { return n.Get(ctx, path, w) })
		},
	}
}

func webhookRemove() command {
	return command{
		use: "remove NAME", aliases: []string{"delete"},
		short:    lang.M("Forget a webhook; what it was not told yet is dropped"),
		examples: []example{{lang.M("forget a webhook"), "rhizome webhook remove photos"}},
		min:      1, max: 1,
		flags: func(f *flagSet) { f.yes() },
		run: func(ctx context.Context, c *call) error {
			node, err := c.node()
			if err != nil {
				return err
			}
			defer node.Close()
			if err := node.Get(ctx, client.Path("webhooks", c.args[0]), nil); err != nil {
				return err
			}
			if err := c.toldNothing(ctx, node); err != nil {
				return err
			}
			if err := c.confirm("Forget the webhook %q, and drop what it was not told yet?", c.args[0]); err != nil {
				return err
			}
			if err := node.Delete(ctx, client.Path("webhooks", c.args[0]), nil); err != nil {
				return err
			}
			return c.done("The webhook %q is forgotten.", c.args[0])
		},
	}
}

// toldNothing fails if a bucket tells the webhook of the first argument what happens: its rule would
// speak of nobody.
func (c *call) toldNothing(ctx context.Context, node *client.Client) error {
	var all []api.Bucket
	if err := node.Get(ctx, client.Path("buckets"), &all); err != nil {
		return err
	}
	for _, b := range all {
		if slices.ContainsFunc(b.Notify, func(r api.Notify) bool { return r.Webhook == c.args[0] }) {
			name := b.ID
			if len(b.Names) > 0 {
				name = b.Names[0]
			}
			return errs.Newf(errs.Conflict, "the bucket %s tells it what happens: take that away first, with rhizome bucket notify %s --webhook %s --off", name, shellQuote(name), shellQuote(c.args[0]))
		}
	}
	return nil
}

func bucketNotify() command {
	return command{
		use:   "notify BUCKET",
		short: lang.M("Tell a webhook what happens in a bucket"),
		long: lang.M("Events are created, removed, expired and tagged, or S3's own names, such as s3:ObjectCreated:Put. Another call for the same webhook replaces its rule, unless it has another --id.\n" +
			"rhizome bucket info shows the rules, and what was not told yet."),
		examples: []example{
			{lang.M("everything that happens"), "rhizome bucket notify photos --webhook photos"},
			{lang.M("new pictures alone"), "rhizome bucket notify photos --webhook photos --events created --suffix .jpg"},
			{lang.M("nothing any more"), "rhizome bucket notify photos --webhook photos --off"},
		},
		min: 1, max: 1,
		flags: func(f *flagSet) {
			f.text("webhook", "", lang.M("`NAME` of the webhook"))
			f.text("events", "created,removed,expired", lang.M("`LIST` of events, with commas"))
			f.text("prefix", "", lang.M("only objects whose key begins with this `TEXT`"))
			f.text("suffix", "", lang.M("only objects whose key ends with this `TEXT`"))
			f.text("id", "", lang.M("`NAME` of the rule; without it, the webhook's"))
			f.bool("off", lang.M("take the webhook's rules away"))
		},
		run: func(ctx context.Context, c *call) error {
			in := api.Notify{ID: c.text("id"), Webhook: c.text("webhook"), Events: eventsOf(c.text("events")), Prefix: c.text("prefix"), Suffix: c.text("suffix")}
			if in.Webhook == "" {
				return usageError{errs.New(errs.Invalid, "say which webhook: --webhook NAME")}
			}
			if in.ID == "" {
				in.ID = in.Webhook
			}
			path := client.Path("buckets", c.args[0], "notify")
			return onBucket(ctx, c, func(n *client.Client, b *api.Bucket) error {
				if c.on("off") {
					return n.Delete(ctx, client.Query(path, "webhook", in.Webhook), b)
				}
				return n.Put(ctx, path, in, b)
			})
		},
	}
}

// eventsOf reads a list of events.
func eventsOf(list string) (out []string) {
	short := map[string]string{"created": "s3:ObjectCreated:*", "removed": "s3:ObjectRemoved:*", "expired": "s3:LifecycleExpiration:*", "tagged": "s3:ObjectTagging:*"}
	for e := range strings.SplitSeq(list, ",") {
		if e = strings.TrimSpace(e); short[e] != "" {
			e = short[e]
		}
		if e != "" && !slices.Contains(out, e) {
			out = append(out, e)
		}
	}
	return out
}

// notifyRows say what webhooks are told of a bucket.
func (a *App) notifyRows(b api.Bucket) (rows [][]string) {
	say := a.Say
	for _, n := range b.Notify {
		what := strings.Join(n.Events, ", ")
		if n.Prefix != "" || n.Suffix != "" {
			what += " (" + n.Prefix + "*" + n.Suffix + ")"
		}
		rows = append(rows, []string{say.T("Tells %s", n.Webhook), what})
	}
	if b.Waiting == nil {
		return rows
	}
	rows = append(rows, []string{say.T("Not told yet"), say.N(b.Waiting.Events, "%s event", "%s events")})
	for _, w := range b.Waiting.By {
		since := say.T("since %s", say.Time(w.Oldest, a.Zone))
		if w.Lost > 0 {
			since += "; " + say.N(w.Lost, "%s event is only counted", "%s events are only counted")
		}
		rows = append(rows, []string{say.T("%s waits", w.Webhook), since})
	}
	return rows
}
