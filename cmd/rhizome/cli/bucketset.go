package cli

import (
	"context"
	"slices"
	"strconv"

	"rhizome/base/errs"
	"rhizome/base/lang"
	"rhizome/cmd/rhizome/settings"
	"rhizome/gateway/admin/api"
	"rhizome/gateway/admin/client"
)

func bucketAlias() command {
	return command{
		use:   "alias BUCKET NAME",
		short: lang.M("Give a bucket another name"),
		examples: []example{
			{lang.M("a second name for everybody"), "rhizome bucket alias photos pictures"},
			{lang.M("a name that only one key sees"), "rhizome bucket alias photos backup --local laptop"},
		},
		min: 2, max: 2,
		flags: func(f *flagSet) { f.text("local", "", lang.M("only this `KEY` sees the name")) },
		run: func(ctx context.Context, c *call) error {
			return onBucket(ctx, c, func(n *client.Client, b *api.Bucket) error {
				return n.Post(ctx, client.Path("buckets", c.args[0], "aliases"), api.Alias{Name: c.args[1], Key: c.text("local")}, b)
			})
		},
	}
}

func bucketUnalias() command {
	return command{
		use:      "unalias BUCKET NAME",
		short:    lang.M("Take a name away from a bucket; the last one stays"),
		examples: []example{{lang.M("take a name away"), "rhizome bucket unalias photos pictures"}},
		min:      2, max: 2,
		flags: func(f *flagSet) { f.text("local", "", lang.M("it is the name that this `KEY` sees")); f.yes() },
		run: func(ctx context.Context, c *call) error {
			path := client.Query(client.Path("buckets", c.args[0], "aliases"), "name", c.args[1], "key", c.text("local"))
			return onBucket(ctx, c, func(n *client.Client, b *api.Bucket) error {
				var is api.Bucket
				if err := n.Get(ctx, client.Path("buckets", c.args[0]), &is); err != nil {
					return err
				}
				names := len(is.Names)
				for _, of := range is.LocalNames {
					names += len(of)
				}
				if names > 1 && (c.text("local") != "" || slices.Contains(is.Names, c.args[1])) { // else it is refused anyway
					if err := c.confirm("Take the name %q away? Programs and links that use it do not find the bucket any more.", c.args[1]); err != nil {
						return err
					}
				}
				return n.Delete(ctx, path, b)
			})
		},
	}
}

func bucketAllow() command {
	return command{
		use:   "allow BUCKET",
		short: lang.M("Allow a key, or anybody, to use a bucket"),
		examples: []example{
			{lang.M("a key may read and write"), "rhizome bucket allow photos --key laptop --read --write"},
			{lang.M("anybody may read, without a key"), "rhizome bucket allow photos --anonymous --read"},
		},
		min: 1, max: 1,
		flags: func(f *flagSet) { accessFlags(f); f.yes() },
		run:   func(ctx context.Context, c *call) error { return setAccess(ctx, c, true) },
	}
}

func bucketDeny() command {
	return command{
		use:   "deny BUCKET",
		short: lang.M("Take away what a key, or anybody, may do with a bucket"),
		examples: []example{
			{lang.M("a key may no longer write"), "rhizome bucket deny photos --key laptop --write"},
			{lang.M("a key is needed again"), "rhizome bucket deny photos --anonymous --read --write"},
		},
		min: 1, max: 1,
		flags: func(f *flagSet) { accessFlags(f); f.yes() },
		run:   func(ctx context.Context, c *call) error { return setAccess(ctx, c, false) },
	}
}

func accessFlags(f *flagSet) {
	f.text("key", "", lang.M("the `KEY` it is about"))
	f.bool("anonymous", lang.M("it is about anybody, without a key"))
	f.bool("read", lang.M("read and list objects"))
	f.bool("write", lang.M("store and delete objects"))
	f.bool("owner", lang.M("delete the bucket and change its settings"))
}

func setAccess(ctx context.Context, c *call, allow bool) error {
	in := api.SetAccess{
		Key: c.text("key"), Anonymous: c.on("anonymous"), Allow: allow, Sure: c.yes,
		Access: api.Access{Read: c.on("read"), Write: c.on("write"), Owner: c.on("owner")},
	}
	if in.Access == (api.Access{}) {
		return usageError{errs.New(errs.Invalid, "say what: --read, --write or --owner")}
	}
	return onBucket(ctx, c, func(n *client.Client, b *api.Bucket) error {
		return n.Post(ctx, client.Path("buckets", c.args[0], "access"), in, b)
	})
}

func bucketQuota() command {
	return command{
		use:   "quota BUCKET",
		short: lang.M("Limit what a bucket may hold"),
		examples: []example{
			{lang.M("at most 50 GB and a million objects"), "rhizome bucket quota photos --size 50GB --objects 1000000"},
			{lang.M("no limit of size any more"), "rhizome bucket quota photos --size 0"},
		},
		min: 1, max: 2, // the second is refused with what to write
		flags: func(f *flagSet) {
			f.text("size", "", lang.M("most bytes, as a `SIZE` such as 50GB; 0 is no limit"))
			f.text("objects", "", lang.M("most objects, a `NUMBER`; 0 is no limit"))
		},
		run: func(ctx context.Context, c *call) error {
			if len(c.args) == 2 {
				return usageError{errs.Newf(errs.Invalid, "a size is given with an option: rhizome bucket quota %s --size %s", shellQuote(c.args[0]), shellQuote(c.args[1]))}
			}
			in, err := quotaOf(c)
			if err != nil {
				return err
			}
			return onBucket(ctx, c, func(n *client.Client, b *api.Bucket) error {
				return n.Put(ctx, client.Path("buckets", c.args[0], "quota"), in, b)
			})
		},
	}
}

func quotaOf(c *call) (api.SetQuota, error) {
	var in api.SetQuota
	if s := c.text("size"); s != "" {
		n, err := settings.ParseSize(s)
		if err != nil {
			return in, usageError{err}
		}
		in.Bytes = &n
	}
	if s := c.text("objects"); s != "" {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil || n < 0 {
			return in, usageError{errs.Newf(errs.Invalid, "%q is no number of objects", s)}
		}
		in.Objects = &n
	}
	if in.Bytes == nil && in.Objects == nil {
		return in, usageError{errs.New(errs.Invalid, "say what: --size or --objects")}
	}
	return in, nil
}
