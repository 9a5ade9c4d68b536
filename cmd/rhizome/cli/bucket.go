package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"rhizome/base/errs"
	"rhizome/base/lang"
	"rhizome/gateway/admin/api"
	"rhizome/gateway/admin/client"
)

func bucketCommand() command {
	return command{
		use:      "bucket",
		short:    lang.M("Make buckets and say who may use them"),
		long:     lang.M("A bucket holds objects. BUCKET is one of its names or its ID; KEY is a key's ID or name."),
		examples: []example{{lang.M("make a bucket"), "rhizome bucket create photos"}},
		sub: []command{
			bucketCreate(), bucketList(), bucketInfo(), bucketDelete(),
			bucketAlias(), bucketUnalias(), bucketAllow(), bucketDeny(), bucketQuota(), bucketVersioning(), bucketLock(), bucketLifecycle(), bucketLogging(), bucketInventory(),
			bucketPolicy(), bucketCORS(), bucketNotify(), bucketReplicate(), bucketReplication(),
		},
	}
}

// onBucket runs f on the node and shows the bucket that it answers with.
func onBucket(_ context.Context, c *call, f func(*client.Client, *api.Bucket) error) error {
	return onNode(c, f, c.printBucket)
}

func bucketCreate() command {
	return command{
		use:   "create NAME",
		short: lang.M("Make a bucket"),
		examples: []example{
			{lang.M("make a bucket that belongs to your oldest key"), "rhizome bucket create photos"},
			{lang.M("make one for another key, under a name only that key sees"), "rhizome bucket create backup --key laptop --local"},
		},
		min: 1, max: 1,
		flags: func(f *flagSet) {
			f.text("key", "", lang.M("`KEY` that owns the bucket; without it the oldest of yours, if possible one without end and limit"))
			f.bool("local", lang.M("only that key sees the name"))
		},
		run: func(ctx context.Context, c *call) error {
			in := api.NewBucket{Name: c.args[0], Key: c.text("key"), Local: c.on("local")}
			return onBucket(ctx, c, func(n *client.Client, b *api.Bucket) error {
				return n.Post(ctx, client.Path("buckets"), in, b)
			})
		},
	}
}

func bucketList() command {
	return command{
		use:      "list",
		short:    lang.M("List the buckets and how much they hold"),
		examples: []example{{lang.M("list the buckets"), "rhizome bucket list"}},
		run: func(ctx context.Context, c *call) error {
			node, err := c.node()
			if err != nil {
				return err
			}
			defer node.Close()
			var buckets []api.Bucket
			if err := node.Get(ctx, client.Path("buckets"), &buckets); err != nil {
				return err
			}
			return c.show(buckets, func() {
				var rows [][]string
				for _, b := range buckets {
					n := c.Say.Int(b.Objects)
					if b.Versioning != "" {
						n = c.Say.N(b.Objects, "%s version", "%s versions")
					}
					rows = append(rows, []string{c.names(b), n, c.Say.Bytes(b.Bytes), c.Say.Time(b.Created, c.Zone)})
				}
				c.table([]string{lang.M("Name"), lang.M("Objects"), lang.M("Size"), lang.M("Made")}, rows)
				if slices.ContainsFunc(buckets, func(b api.Bucket) bool { return len(b.LocalNames) > 0 }) {
					fmt.Fprintln(c.Err, c.Say.T("Only one key sees a name in brackets: rhizome bucket info tells which."))
				}
			})
		},
	}
}

// names lists a bucket's names, the local ones in brackets, its ID if it has none.
func (a *App) names(b api.Bucket) string {
	out := slices.Clone(b.Names)
	for _, local := range b.LocalNames {
		for _, n := range local {
			out = append(out, "("+n+")")
		}
	}
	if len(out) == 0 {
		return b.ID
	}
	slices.Sort(out[len(b.Names):])
	return strings.Join(out, ", ")
}

func bucketInfo() command {
	return command{
		use:      "info BUCKET",
		short:    lang.M("Show a bucket: its names, size, quota and who may use it"),
		examples: []example{{lang.M("show a bucket"), "rhizome bucket info photos"}},
		min:      1, max: 1,
		run: func(ctx context.Context, c *call) error {
			return onBucket(ctx, c, func(n *client.Client, b *api.Bucket) error {
				return n.Get(ctx, client.Path("buckets", c.args[0]), b)
			})
		},
	}
}

func (a *App) printBucket(b api.Bucket) {
	say := a.Say
	quota := say.T("none")
	if b.Quota.Bytes > 0 || b.Quota.Objects > 0 {
		var parts []string
		if b.Quota.Bytes > 0 {
			parts = append(parts, say.Bytes(b.Quota.Bytes))
		}
		if b.Quota.Objects > 0 {
			parts = append(parts, say.N(b.Quota.Objects, "%s object", "%s objects"))
		}
		quota = strings.Join(parts, ", ")
	}
	rows := [][]string{
		{say.T("Names"), a.names(b)},
		{say.T("ID"), b.ID},
		{say.T("Made"), say.Time(b.Created, a.Zone)},
		{say.T("Holds"), a.bucketHolds(b)},
		{say.T("Quota"), quota},
		{say.T("Anybody may"), a.access(b.Anonymous)},
	}
	if b.Policy != nil {
		text := say.T("it decides too who may do what: rhizome bucket policy get shows it")
		if b.Policy.Public {
			text = say.T("it opens the bucket to everybody: rhizome bucket policy get shows it")
		}
		rows = append(rows, []string{say.T("Policy"), text})
	}
	switch b.Versioning {
	case api.VersioningOn:
		rows = append(rows, []string{say.T("Versions"), say.T("what is replaced or deleted is kept")})
	case api.VersioningSuspended:
		rows = append(rows, []string{say.T("Versions"), say.T("suspended: what there is stays, nothing new is kept")})
	}
	if b.Lock != nil {
		rows = append(rows, []string{say.T("Object lock"), a.bucketLockText(b.Lock)})
	}
	for _, r := range b.Lifecycle {
		rows = append(rows, []string{say.T("By itself"), a.ruleText(r)})
	}
	for _, key := range slices.Sorted(maps.Keys(b.LocalNames)) {
		rows = append(rows, []string{say.T("Key %q alone sees", keyName(b, key)), strings.Join(b.LocalNames[key], ", ")})
	}
	rows = append(rows, a.notifyRows(b)...)
	rows = append(rows, a.loggingRows(b)...)
	for _, g := range b.Grants {
		who := g.Name
		if who == "" {
			who = g.Key
		}
		may := a.access(g.Access)
		if g.Deleted {
			may = say.T("nothing: it is deleted")
		}
		rows = append(rows, []string{say.T("Key %q may", who), may})
	}
	writeRows(a.Out, rows)
}

// keyName is what a key is called that a bucket tells of, or its ID.
func keyName(b api.Bucket, id string) string {
	for _, g := range b.Grants {
		if g.Key == id && g.Name != "" {
			return g.Name
		}
	}
	return id
}

// bucketHolds says how much is in a bucket. Where versions are kept, they and delete markers count.
func (a *App) bucketHolds(b api.Bucket) string {
	n := a.Say.N(b.Objects, "%s object", "%s objects")
	if b.Versioning != "" {
		n = a.Say.N(b.Objects, "%s version or delete marker", "%s versions and delete markers")
	}
	return n + ", " + a.Say.Bytes(b.Bytes)
}

func (a *App) access(x api.Access) string {
	var words []string
	for _, w := range []struct {
		on   bool
		word string
	}{{x.Read, a.Say.T("read")}, {x.Write, a.Say.T("write")}, {x.Owner, a.Say.T("own")}} {
		if w.on {
			words = append(words, w.word)
		}
	}
	if len(words) == 0 {
		return a.Say.T("nothing")
	}
	return strings.Join(words, ", ")
}

func bucketDelete() command {
	return command{
		use: "delete BUCKET", aliases: []string{"remove"},
		short:    lang.M("Delete an empty bucket"),
		examples: []example{{lang.M("delete a bucket"), "rhizome bucket delete photos"}},
		min:      1, max: 1,
		flags: func(f *flagSet) { f.yes() },
		run: func(ctx context.Context, c *call) error {
			node, err := c.node()
			if err != nil {
				return err
			}
			defer node.Close()
			var b api.Bucket
			if err := node.Get(ctx, client.Path("buckets", c.args[0]), &b); err != nil {
				return err
			}
			if b.Objects > 0 {
				name := shellQuote(c.args[0])
				if b.Versioning != "" {
					return errs.Newf(errs.Conflict, "the bucket %q is not empty: it holds %s. It empties itself within days, but for what is locked, with: rhizome bucket lifecycle %s --expire 1d --noncurrent 1d", c.args[0], c.bucketHolds(b), name)
				}
				return errs.Newf(errs.Conflict, "the bucket %q is not empty: it holds %s. An S3 client empties it at once (aws s3 rm --recursive s3://%s), or it empties itself within days, with: rhizome bucket lifecycle %s --expire 1d", c.args[0], c.bucketHolds(b), name, name)
			}
			if err := c.confirm("Delete the bucket %q?", c.args[0]); err != nil {
				return err
			}
			if err := node.Delete(ctx, client.Path("buckets", c.args[0]), nil); err != nil {
				return err
			}
			return c.done("The bucket %q is deleted.", c.args[0])
		},
	}
}
