package cli

import (
	"context"
	"fmt"
	"io"
	"os"

	"rhizome/base/errs"
	"rhizome/base/lang"
	"rhizome/gateway/admin/api"
	"rhizome/gateway/admin/client"
)

// maxDocument is the longest document that is sent; a node takes shorter ones.
const maxDocument = 128 << 10

func bucketPolicy() command {
	return command{
		use:   "policy",
		short: lang.M("Show, set or delete a bucket's policy"),
		long:  lang.M("A policy is AWS's JSON. What is not understood is refused, and nothing changes. A policy that locks everybody out can be mended here."),
		examples: []example{
			{lang.M("set a policy"), "rhizome bucket policy set photos --file policy.json"},
		},
		sub: []command{
			documentGet("policy", lang.M("Show a bucket's policy"), lang.M("keep a copy of it"), "rhizome bucket policy get photos > policy.json"),
			documentSet("policy", lang.M("Set a bucket's policy"), lang.M("set a policy"), "rhizome bucket policy set photos --file policy.json",
				lang.M("The policy of %s is set.")),
			documentDelete("policy", lang.M("Delete a bucket's policy"), lang.M("go by keys' rights alone"), "rhizome bucket policy delete photos",
				lang.M("%s has no policy any more.")),
		},
	}
}

func bucketCORS() command {
	return command{
		use:   "cors",
		short: lang.M("Show, set or delete what pages of other origins may ask of a bucket"),
		long:  lang.M("A CORS configuration is S3's XML."),
		examples: []example{
			{lang.M("set a configuration"), "rhizome bucket cors set photos --file cors.xml"},
		},
		sub: []command{
			documentGet("cors", lang.M("Show a bucket's CORS configuration"), lang.M("keep a copy of it"), "rhizome bucket cors get photos > cors.xml"),
			documentSet("cors", lang.M("Set a bucket's CORS configuration"), lang.M("set a configuration"), "rhizome bucket cors set photos --file cors.xml",
				lang.M("The CORS configuration of %s is set.")),
			documentDelete("cors", lang.M("Delete a bucket's CORS configuration"), lang.M("pages of other origins may ask nothing"), "rhizome bucket cors delete photos",
				lang.M("%s has no CORS configuration any more.")),
		},
	}
}

func documentGet(kind, short, why, how string) command {
	return command{
		use: "get BUCKET", short: short, examples: []example{{why, how}}, min: 1, max: 1,
		run: func(ctx context.Context, c *call) error {
			return onNode(c, func(n *client.Client, d *api.Document) error {
				return n.Get(ctx, client.Path("buckets", c.args[0], kind), d)
			},
				func(d api.Document) { fmt.Fprintln(c.Out, d.Text) })
		},
	}
}

func documentSet(kind, short, why, how, said string) command {
	return command{
		use: "set BUCKET", short: short, examples: []example{{why, how}}, min: 1, max: 1,
		flags: func(f *flagSet) { f.text("file", "-", lang.M("`FILE` to read; - is the standard input")) },
		run: func(ctx context.Context, c *call) error {
			text, err := c.readDocument(c.text("file"))
			if err != nil {
				return err
			}
			return onNode(c, func(n *client.Client, d *api.Document) error {
				return n.Put(ctx, client.Path("buckets", c.args[0], kind), api.SetDocument{Text: text}, d)
			}, func(d api.Document) {
				fmt.Fprintln(c.Out, c.Say.T(said, c.args[0]))
				if d.Public {
					fmt.Fprintln(c.Out, c.Say.T("It opens the bucket to everybody."))
				}
			})
		},
	}
}

func documentDelete(kind, short, why, how, said string) command {
	return command{
		use: "delete BUCKET", short: short, examples: []example{{why, how}}, min: 1, max: 1,
		flags: func(f *flagSet) { f.yes() },
		run: func(ctx context.Context, c *call) error {
			if err := c.confirm(lang.M("It is lost then, and so is what it denies. Delete it?")); err != nil {
				return err
			}
			node, err := c.node()
			if err != nil {
				return err
			}
			defer node.Close()
			if err := node.Delete(ctx, client.Path("buckets", c.args[0], kind), nil); err != nil {
				return err
			}
			return c.show(struct{}{}, func() { fmt.Fprintln(c.Out, c.Say.T(said, c.args[0])) })
		},
	}
}

// readDocument reads a file, or the standard input.
func (c *call) readDocument(name string) (string, error) {
	in := c.In
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return "", errs.Newf(errs.Invalid, "the file cannot be read: %w", err)
		}
		defer f.Close()
		in = f
	}
	b, err := io.ReadAll(io.LimitReader(in, maxDocument+1))
	switch {
	case err != nil:
		return "", errs.Newf(errs.Invalid, "the file cannot be read: %w", err)
	case len(b) > maxDocument:
		return "", errs.Newf(errs.Invalid, "the file is longer than %d bytes", maxDocument)
	}
	return string(b), nil
}
