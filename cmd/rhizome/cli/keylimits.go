package cli

import (
	"context"
	"strconv"
	"strings"
	"time"

	"rhizome/base/errs"
	"rhizome/base/lang"
	"rhizome/cmd/rhizome/settings"
	"rhizome/gateway/admin/api"
	"rhizome/gateway/admin/client"
)

// keyEnd says when a key ends to be good.
func (a *App) keyEnd(k api.Key) string {
	switch {
	case k.Expires == nil:
		return a.Say.T("never")
	case !k.Expires.After(a.Clock.Now()):
		return a.Say.T("expired %s", a.Say.Time(*k.Expires, a.Zone))
	}
	return a.Say.Time(*k.Expires, a.Zone)
}

// after is the time that comes so long from now.
func (c *call) after(text string) (time.Time, error) {
	d, err := settings.ParseTime(text)
	if err != nil {
		return time.Time{}, err
	}
	return c.Clock.Now().Add(d), nil
}

func keyExpire() command {
	return command{
		use:   "expire KEY",
		short: lang.M("Say when a key is refused: now, after a while, or never"),
		long:  lang.M("A key that has expired keeps its rights: give it more time and it works again."),
		examples: []example{
			{lang.M("refuse a key from now on"), "rhizome key expire guest"},
			{lang.M("give it another month"), "rhizome key expire guest --in 30d"},
			{lang.M("keep it for good"), "rhizome key expire guest --never"},
		},
		min: 1, max: 1,
		flags: func(f *flagSet) {
			f.text("in", "", lang.M("`TIME` after which the key is refused, such as 12h or 30d"))
			f.bool("never", lang.M("the key never expires"))
		},
		run: func(ctx context.Context, c *call) error {
			change := api.ChangeKey{Never: c.on("never")}
			text := c.text("in")
			if change.Never && text != "" {
				return usageError{errs.New(errs.Invalid, "a key expires after a while or never, not both")}
			}
			if !change.Never {
				end := c.Clock.Now()
				if text != "" {
					var err error
					if end, err = c.after(text); err != nil {
						return err
					}
				}
				change.Expires = &end
			}
			return changeKey(ctx, c, change)
		},
	}
}

func keyLimit() command {
	return command{
		use:   "limit KEY",
		short: lang.M("Limit how many requests a key may make"),
		long:  lang.M("Each node counts for itself: a key that speaks to three nodes may make three times as many. A request above the limit is answered SlowDown (503), which clients try again."),
		examples: []example{
			{lang.M("at most 50 requests a second"), "rhizome key limit website --rate 50/s"},
			{lang.M("as many as it likes"), "rhizome key limit website --rate none"},
		},
		min: 1, max: 1,
		flags: func(f *flagSet) { f.text("rate", "", lang.M("`RATE` such as 50/s, or none")) },
		run: func(ctx context.Context, c *call) error {
			rate, err := requestRate(c.text("rate"))
			if err != nil {
				return err
			}
			return changeKey(ctx, c, api.ChangeKey{Rate: &rate})
		},
	}
}

// requestRate reads requests a second: 50/s, 50, or none.
func requestRate(text string) (int, error) {
	if text == "none" || text == "0" {
		return 0, nil
	}
	n, err := strconv.Atoi(strings.TrimSuffix(text, "/s"))
	if err != nil || n < 1 {
		return 0, usageError{errs.Newf(errs.Invalid, "%q is no rate: write it as 50/s, or none", text)}
	}
	return n, nil
}

func changeKey(ctx context.Context, c *call, change api.ChangeKey) error {
	return onNode(c, func(n *client.Client, k *api.Key) error { return n.Put(ctx, client.Path("keys", c.args[0]), change, k) }, c.printKey)
}
