package cli

import (
	"context"
	"fmt"
	"strings"

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
		use:   "undelete BUCKET/KEY",
		short: lang.M("Bring back an object that was deleted, or all under a prefix"),
		examples: []example{
			{lang.M("take a deletion back"), "rhizome object undelete photos/2026/garden.jpg"},
			{lang.M("a whole folder"), "rhizome object undelete photos/2026/ --prefix"},
			{lang.M("see first what it would do"), "rhizome object undelete photos/ --prefix --dry-run"},
		},
		min: 1, max: 1,
		flags: func(f *flagSet) {
			f.bool("prefix", lang.M("all objects under BUCKET/KEY, or BUCKET/ for all there are"))
			f.bool("dry-run", lang.M("say what it would do, and do nothing"))
			f.yes()
		},
		run: undelete,
	}
}

func undelete(ctx context.Context, c *call) error {
	if c.on("prefix") {
		return undeleteAll(ctx, c)
	}
	if c.on("dry-run") {
		return usageError{errs.New(errs.Invalid, "--dry-run is for --prefix: rhizome object versions shows what there is of one object")}
	}
	return onKey(c, func(n *client.Client, bucket, key string, o *api.Undeleted) error {
		return n.Post(ctx, client.Path("buckets", bucket, "undelete"), api.Undelete{Key: key}, o)
	}, func(o api.Undeleted) {
		if !o.Was {
			fmt.Fprintln(c.Out, c.Say.T("The object %s was not deleted; nothing was done. rhizome object versions shows what there was of it, and rhizome object restore --at brings that back.", c.args[0]))
			return
		}
		fmt.Fprintln(c.Out, c.Say.T("The object %s is back: %s, of %s.", c.args[0], c.Say.Bytes(o.Size), c.Say.Time(o.Modified, c.Zone)))
	})
}

// undeleteAll brings back what was deleted under a prefix, which is asked about first: of the
// deletions themselves nothing is left that could be gone back to.
func undeleteAll(ctx context.Context, c *call) error {
	bucket, prefix, _ := strings.Cut(strings.TrimPrefix(c.args[0], "s3://"), "/")
	if bucket == "" {
		_, _, err := bucketKey(c.args[0])
		return err
	}
	node, err := c.node()
	if err != nil {
		return err
	}
	defer node.Close()
	in := api.Undelete{Key: prefix, Prefix: true, Dry: true, Limit: restorePage}
	page := func(after string) (done api.Restored, err error) {
		in.After = after
		return done, node.Post(ctx, client.Path("buckets", bucket, "undelete"), in, &done)
	}
	done, err := c.restorePages(ctx, true, 0, page)
	if err != nil {
		return err
	}
	back := func() string { return c.Say.N(int64(done.Brought), "%s deleted object", "%s deleted objects") }
	if c.on("dry-run") {
		return c.show(done, func() {
			fmt.Fprintln(c.Out, c.Say.T("To be brought back: %s. Nothing was done.", back()))
		})
	}
	if done.Brought > 0 {
		err := c.meant(c.Say.T("To be brought back, whenever they were deleted: %s. Do it?", back()),
			errs.Newf(errs.Denied, "%s deleted objects are brought back by it, and nobody can be asked here: add --yes if it is meant", c.Say.Int(int64(done.Brought))))
		if err != nil {
			return err
		}
		in.Dry = false
		if done, err = c.restorePages(ctx, false, done.Brought+done.Same, page); err != nil {
			return err
		}
	}
	return c.show(done, func() {
		fmt.Fprintln(c.Out, c.Say.T("Brought back: %s.", back()))
	})
}
