package cli

import (
	"context"
	"fmt"
	"time"

	"rhizome/base/errs"
	"rhizome/base/lang"
	"rhizome/gateway/admin/api"
	"rhizome/gateway/admin/client"
)

func bucketVersioning() command {
	return command{
		use:   "versioning BUCKET on|suspend",
		short: lang.M("Keep what is replaced or deleted, or suspend that"),
		examples: []example{
			{lang.M("keep every version from now on"), "rhizome bucket versioning photos on"},
			{lang.M("keep no new versions; those that there are stay"), "rhizome bucket versioning photos suspend"},
		},
		min: 2, max: 2,
		run: func(ctx context.Context, c *call) error {
			in, ok := map[string]api.SetVersioning{"on": {Versioning: api.VersioningOn}, "suspend": {Versioning: api.VersioningSuspended}}[c.args[1]]
			if !ok {
				return usageError{errs.New(errs.Invalid, "say on or suspend")}
			}
			return onBucket(ctx, c, func(n *client.Client, b *api.Bucket) error {
				return n.Put(ctx, client.Path("buckets", c.args[0], "versioning"), in, b)
			})
		},
	}
}

func objectVersions() command {
	return command{
		use:      "versions BUCKET/KEY",
		short:    lang.M("List the versions of an object, the newest first"),
		examples: []example{{lang.M("see what there was"), "rhizome object versions photos/2026/garden.jpg"}},
		min:      1, max: 1,
		run: listVersions,
	}
}

func listVersions(ctx context.Context, c *call) error {
	return onKey(c, func(n *client.Client, bucket, key string, all *[]api.Version) error {
		*all = []api.Version{}
		for after := ""; ; {
			var page api.Versions
			if err := n.Get(ctx, client.Query(client.Path("buckets", bucket, "versions"), "key", key, "after", after), &page); err != nil {
				return err
			}
			if *all = append(*all, page.Versions...); !page.More {
				return nil
			}
			after = page.Next
		}
	}, func(all []api.Version) {
		var rows [][]string
		for _, v := range all {
			size, state := c.Say.Bytes(v.Size), ""
			if v.Latest {
				state = c.Say.T("now")
			}
			if v.Marker {
				size = c.Say.T("deleted")
			}
			rows = append(rows, []string{c.Say.Time(v.Modified, c.Zone), size, v.ID, state, c.lockText(v.Lock)})
		}
		c.table([]string{lang.M("Changed"), lang.M("Size"), lang.M("Version"), "", ""}, rows)
	})
}

func objectUndelete() command {
	return command{
		use:      "undelete BUCKET/KEY",
		short:    lang.M("Bring back an object that was deleted"),
		examples: []example{{lang.M("take a deletion back"), "rhizome object undelete photos/2026/garden.jpg"}},
		min:      1, max: 1,
		run: func(ctx context.Context, c *call) error {
			return onKey(c, func(n *client.Client, bucket, key string, o *api.Object) error {
				return n.Post(ctx, client.Path("buckets", bucket, "undelete"), api.Undelete{Key: key}, o)
			}, func(o api.Object) {
				fmt.Fprintln(c.Out, c.Say.T("The object %s is back: %s, of %s.", c.args[0], c.Say.Bytes(o.Size), c.Say.Time(o.Modified, c.Zone)))
			})
		},
	}
}

func objectRestore() command {
	return command{
		use:   "restore BUCKET/KEY --at TIME",
		short: lang.M("Make an object, or all under a prefix, what they were at a time"),
		long:  lang.M("Nothing is lost by it: what it replaces is kept as another version."),
		examples: []example{
			{lang.M("one object"), `rhizome object restore photos/2026/garden.jpg --at "2026-11-22 18:30"`},
			{lang.M("a whole folder"), `rhizome object restore photos/2026/ --prefix --at 2026-11-22T18:30:00Z`},
		},
		min: 1, max: 1,
		flags: func(f *flagSet) {
			f.text("at", "", lang.M("the `TIME` to go back to, such as \"2026-11-22 18:30\""))
			f.bool("prefix", lang.M("all objects under BUCKET/KEY"))
		},
		run: restore,
	}
}

func restore(ctx context.Context, c *call) error {
	bucket, key, err := bucketKey(c.args[0])
	if err != nil {
		return err
	}
	at, err := parseMoment(c.text("at"), c.Zone)
	if err != nil {
		return err
	}
	node, err := c.node()
	if err != nil {
		return err
	}
	defer node.Close()
	var done api.Restored
	in := api.Restore{Key: key, Prefix: c.on("prefix"), At: at}
	if err := node.Post(ctx, client.Path("buckets", bucket, "restore"), in, &done); err != nil {
		return err
	}
	return c.show(done, func() {
		n := func(i int) string { return c.Say.Int(int64(i)) }
		fmt.Fprintln(c.Out, c.Say.T("%s brought back, %s deleted, %s as they were.", n(done.Brought), n(done.Deleted), n(done.Same)))
	})
}

// parseMoment reads a date and time as people write them; without a zone it is this
// computer's.
func parseMoment(s string, zone *time.Location) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, nil
	}
	for _, layout := range []string{"2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, s, zone); err == nil {
			return t, nil
		}
	}
	return time.Time{}, usageError{errs.Newf(errs.Invalid, "%q is no time: write it as 2026-11-22 18:30", s)}
}
