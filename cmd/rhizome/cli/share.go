package cli

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"time"

	"rhizome/base/lang"
	"rhizome/cmd/rhizome/settings"
	"rhizome/gateway/admin/api"
	"rhizome/gateway/admin/client"
)

func shareCommand() command {
	return command{
		use:   "share BUCKET/KEY",
		short: lang.M("Make a link to an object that works without a key for a while"),
		examples: []example{
			{lang.M("a link for a week"), "rhizome share photos/2026/garden.jpg --for 7d"},
			{lang.M("a link for two hours"), "rhizome share photos/2026/garden.jpg --for 2h"},
		},
		min: 1, max: 1,
		flags: func(f *flagSet) { f.text("for", "1d", lang.M("how `LONG` it works: 30m, 2h, 7d; seven days at most")) },
		run: func(ctx context.Context, c *call) error {
			bucket, key, err := bucketKey(c.args[0])
			if err != nil {
				return err
			}
			d, err := settings.ParseTime(c.text("for"))
			if err != nil {
				return usageError{err}
			}
			node, err := c.node()
			if err != nil {
				return err
			}
			defer node.Close()
			var out api.Shared
			in := api.Share{Bucket: bucket, Object: key, Seconds: int64(d / time.Second)}
			if err := node.Post(ctx, client.Path("share"), in, &out); err != nil {
				return err
			}
			return c.show(out, func() {
				fmt.Fprintln(c.Out, out.URL)
				if local(out.URL) {
					fmt.Fprintln(c.Err, c.Say.T("This link works on this computer alone, because S3 listens only to it: start the node with --s3 0.0.0.0:3900 for others."))
				}
				if out.Refused {
					fmt.Fprintln(c.Err, c.Say.T("The bucket's policy refuses this link (403), unless it lets some in by what nobody knows yet, as their address: rhizome bucket policy get %s shows it.", shellQuote(bucket)))
					return
				}
				fmt.Fprintln(c.Err, c.Say.T("Whoever has this link can read the object until %s.", c.Say.Time(out.Expires, c.Zone)))
			})
		},
	}
}

// local reports whether a link leads to this computer for whoever follows it.
func local(link string) bool {
	u, err := url.Parse(link)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}
