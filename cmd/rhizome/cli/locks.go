package cli

import (
	"cmp"
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

func bucketLock() command {
	return command{
		use:   "lock BUCKET",
		short: lang.M("Turn object lock on for ever, and say how long new versions are kept"),
		long:  lang.M("Without a mode, versions are only kept as each is told, and a bucket that is locked already is only shown. Versioning has to be on."),
		examples: []example{
			{lang.M("versions may be locked, each by itself"), "rhizome bucket lock backup --yes"},
			{lang.M("nobody deletes a version within 30 days, not even an administrator"), "rhizome bucket lock backup --mode compliance --days 30"},
			{lang.M("new versions are not kept any more unless each is told"), "rhizome bucket lock backup --no-default"},
		},
		min: 1, max: 1,
		flags: func(f *flagSet) {
			f.text("mode", "", lang.M("`MODE`: governance, which owners may end, or compliance, which nobody may"))
			f.text("days", "", lang.M("how long, a `NUMBER` of days"))
			f.text("years", "", lang.M("how long, a `NUMBER` of years"))
			f.bool("no-default", lang.M("keep new versions only as each is told"))
			f.yes()
		},
		run: lockBucket,
	}
}

func lockBucket(ctx context.Context, c *call) error {
	in := api.SetLock{Mode: c.text("mode"), Sure: true}
	var err error
	if in.Days, err = count(c.text("days")); err != nil {
		return err
	}
	if in.Years, err = count(c.text("years")); err != nil {
		return err
	}
	given := in != (api.SetLock{Sure: true})
	if given && c.on("no-default") {
		return usageError{errs.New(errs.Invalid, "say how long, or --no-default, not both")}
	}
	if err := checkMode(in.Mode); err != nil {
		return err
	}
	if given && (in.Mode == "" || (in.Days == 0) == (in.Years == 0)) {
		return usageError{errs.New(errs.Invalid, "a mode goes with a time, and a time with a mode: --mode governance --days 30, or --years")}
	}
	err = onBucket(ctx, c, func(n *client.Client, b *api.Bucket) error {
		path := client.Path("buckets", c.args[0])
		if err := n.Get(ctx, path, b); err != nil || b.Lock != nil && !given && !c.on("no-default") {
			return err // it is only shown
		}
		if err := c.sureOfLock(b.Lock, in); err != nil {
			return err
		}
		*b = api.Bucket{}
		if err := n.Put(ctx, path+"/lock", in, b); err != nil {
			return err
		}
		c.whoMayUnlock(*b)
		return nil
	})
	return err
}

// checkMode refuses what is no mode of a retention, before anything is asked.
func checkMode(mode string) error {
	if mode != "" && mode != api.Governance && mode != api.Compliance {
		return usageError{errs.Newf(errs.Invalid, "the mode of a retention is governance or compliance, not %q", mode)}
	}
	return nil
}

// sureOfLock asks about what cannot be taken back, and about a lock that is made weaker.
func (c *call) sureOfLock(is *api.BucketLock, in api.SetLock) error {
	switch {
	case is == nil:
		return c.confirm(lang.M("Object lock of %s is never turned off again, and neither is versioning then. Turn it on?"), c.args[0])
	case in.Mode == api.Compliance:
		return c.confirm(lang.M("What is written to %s from now on nobody deletes before its time, and nobody makes that time shorter. Do it?"), c.args[0])
	case weaker(*is, in):
		return c.meant(c.Say.T("That is weaker for what is written to %s from now on; until now it is %s. Do it?", c.args[0], c.bucketLockText(is)),
			errs.New(errs.Denied, "that is a weaker lock than the bucket has, and nobody can be asked here: add --yes if it is meant"))
	}
	return nil
}

// weaker reports whether new versions would be kept for a shorter time, or less strictly.
func weaker(is api.BucketLock, in api.SetLock) bool {
	return in.Days+365*in.Years < is.Days+365*is.Years || is.Mode == api.Compliance && in.Mode != api.Compliance
}

// whoMayUnlock names the keys that may end a default retention in the mode governance.
func (c *call) whoMayUnlock(b api.Bucket) {
	if b.Lock == nil || b.Lock.Mode != api.Governance || c.json {
		return
	}
	var names []string
	for _, g := range b.Grants {
		if g.Access.Owner && !g.Deleted {
			names = append(names, cmp.Or(g.Name, g.Key))
		}
	}
	if len(names) > 0 {
		fmt.Fprintln(c.Err, c.Say.T("Keys that own the bucket may still delete locked versions when they ask to bypass the lock: %s. Give programs keys that only read and write; in the mode compliance nobody may.", strings.Join(names, ", ")))
	}
}

// count reads a number of days or years; 0 if it is not given.
func count(s string) (int, error) {
	if s == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		return 0, usageError{errs.Newf(errs.Invalid, "%q is no number of days or years: write it as 30", s)}
	}
	return n, nil
}

func objectLock() command {
	return command{
		use:   "lock BUCKET/KEY --until TIME",
		short: lang.M("Keep a version of an object from being deleted until a time"),
		long:  lang.M("A retention may be made longer. In the mode governance it may be ended or made shorter too, with --bypass."),
		examples: []example{
			{lang.M("nobody deletes it before"), "rhizome object lock backup/2026.tar --mode compliance --until 2027-01-01"},
			{lang.M("end a retention in the mode governance"), "rhizome object lock backup/2026.tar --mode none --bypass"},
		},
		min: 1, max: 1,
		flags: func(f *flagSet) {
			f.text("mode", api.Governance, lang.M("`MODE`: governance, compliance, or none for no retention"))
			f.text("until", "", lang.M("`TIME` at which it ends, such as 2027-01-01"))
			f.text("version", "", lang.M("`ID` of the version; without it the present one"))
			f.bool("bypass", lang.M("go around a retention in the mode governance"))
			f.yes()
		},
		run: func(ctx context.Context, c *call) error {
			in := api.SetRetention{Version: c.text("version"), Mode: c.text("mode"), Bypass: c.on("bypass")}
			if in.Mode == "none" {
				in.Mode = ""
			} else {
				err := checkMode(in.Mode)
				if err != nil {
					return err
				}
				if in.Until, err = c.moment(c.text("until")); err != nil {
					return err
				}
			}
			if in.Mode == api.Compliance {
				if err := c.confirm(lang.M("Until %s nobody deletes this version of %s, and nobody makes that time shorter. Do it?"), c.Say.Time(in.Until, c.Zone), c.args[0]); err != nil {
					return err
				}
				in.Sure = true
			}
			return onLock(c, func(n *client.Client, bucket, key string, l *api.Lock) error {
				in.Key = key
				return n.Put(ctx, client.Path("buckets", bucket, "retention"), in, l)
			})
		},
	}
}

func objectHold(use string, on bool, short, example1 string) command {
	return command{
		use:   use + " BUCKET/KEY",
		short: short,
		examples: []example{
			{example1, "rhizome object " + use + " backup/2026.tar"},
		},
		min: 1, max: 1,
		flags: func(f *flagSet) {
			f.text("version", "", lang.M("`ID` of the version; without it the present one"))
		},
		run: func(ctx context.Context, c *call) error {
			return onLock(c, func(n *client.Client, bucket, key string, l *api.Lock) error {
				return n.Put(ctx, client.Path("buckets", bucket, "hold"), api.SetHold{Key: key, Version: c.text("version"), On: on}, l)
			})
		},
	}
}

// onLock changes a version's lock and shows what it is then.
func onLock(c *call, f func(n *client.Client, bucket, key string, l *api.Lock) error) error {
	return onKey(c, f, func(l api.Lock) {
		text := c.lockText(&l)
		if text == "" {
			text = c.Say.T("not locked")
		}
		fmt.Fprintln(c.Out, c.args[0]+": "+text)
	})
}

// lockText says what keeps a version; "" if nothing does.
func (a *App) lockText(l *api.Lock) string {
	if l == nil {
		return ""
	}
	text := ""
	if l.Until != nil {
		text = a.Say.T("kept until %s (%s)", a.Say.Time(*l.Until, a.Zone), l.Mode)
		if !l.Until.After(time.Now()) {
			text = a.Say.T("was kept until %s (%s)", a.Say.Time(*l.Until, a.Zone), l.Mode)
		}
	}
	if l.Hold {
		if text != "" {
			text += ", "
		}
		text += a.Say.T("legal hold")
	}
	return text
}

// bucketLockText says what a bucket's object lock is.
func (a *App) bucketLockText(l *api.BucketLock) string {
	switch {
	case l.Days > 0:
		return a.Say.T("on; new versions are kept for %s (%s)", a.Say.N(int64(l.Days), "%s day", "%s days"), l.Mode)
	case l.Years > 0:
		return a.Say.T("on; new versions are kept for %s (%s)", a.Say.N(int64(l.Years), "%s year", "%s years"), l.Mode)
	}
	return a.Say.T("on; each version is kept as it is told")
}
