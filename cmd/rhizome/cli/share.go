package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"rhizome/base/errs"
	"rhizome/base/lang"
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
			d, err := parseDuration(c.text("for"))
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
				fmt.Fprintln(c.Err, c.Say.T("Whoever has this link can read the object until %s.", c.Say.Time(out.Expires, c.Zone)))
			})
		},
	}
}

// parseDuration reads a number and one of s, m, h, d (French j), w.
func parseDuration(text string) (time.Duration, error) {
	units := map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour, "j": 24 * time.Hour, "w": 7 * 24 * time.Hour}
	t := strings.TrimSpace(text)
	if len(t) >= 2 {
		n, err := strconv.ParseInt(t[:len(t)-1], 10, 32)
		if unit, ok := units[t[len(t)-1:]]; ok && err == nil && n > 0 {
			return time.Duration(n) * unit, nil
		}
	}
	return 0, errs.Newf(errs.Invalid, "%q is no duration: write it as 30m, 2h or 7d", text)
}
