package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"rhizome/base/errs"
	"rhizome/base/lang"
	"rhizome/gateway/admin/api"
	"rhizome/gateway/admin/client"
)

func objectRestore() command {
	return command{
		use:   "restore BUCKET/KEY --at TIME",
		short: lang.M("Make an object, or all under a prefix, what they were at a time"),
		long:  lang.M("Nothing is lost by it: what it replaces is kept as another version. What was not there then is deleted, which is asked about first."),
		examples: []example{
			{lang.M("one object"), `rhizome object restore photos/2026/garden.jpg --at "2026-11-22 18:30"`},
			{lang.M("a whole folder"), `rhizome object restore photos/2026/ --prefix --at 2026-11-22T18:30:00Z`},
			{lang.M("a whole bucket"), `rhizome object restore photos/ --prefix --at "2026-11-22 18:30"`},
			{lang.M("see first what it would do"), `rhizome object restore photos/ --prefix --at "2026-11-22 18:30" --dry-run`},
		},
		min: 1, max: 1,
		flags: func(f *flagSet) {
			f.text("at", "", lang.M("the `TIME` to go back to, such as \"2026-11-22 18:30\""))
			f.bool("prefix", lang.M("all objects under BUCKET/KEY, or BUCKET/ for all there are"))
			f.bool("dry-run", lang.M("say what it would do, and do nothing"))
			f.yes()
		},
		run: restore,
	}
}

func restore(ctx context.Context, c *call) error {
	bucket, in, err := c.restoreOf()
	if err != nil {
		return err
	}
	node, err := c.node()
	if err != nil {
		return err
	}
	defer node.Close()
	n := func(i int) string { return c.Say.Int(int64(i)) }
	in.Dry = true
	page := func(after string) (done api.Restored, err error) {
		in.After, in.Limit = after, restorePage
		return done, node.Post(ctx, client.Path("buckets", bucket, "restore"), in, &done)
	}
	done, err := c.restorePages(ctx, true, 0, page)
	if err != nil {
		return err
	}
	if c.on("dry-run") {
		return c.show(done, func() {
			fmt.Fprintln(c.Out, c.Say.T("%s would be brought back, %s deleted, as they were not there then, and %s stay as they are. Nothing was done.", n(done.Brought), n(done.Deleted), n(done.Same)))
		})
	}
	if done.Deleted > 0 {
		question := c.Say.T("On %s, %s not there yet. Deleted by it: %s; brought back: %s. Do it?", c.Say.Time(in.At, c.Zone), c.Say.N(int64(done.Deleted), "%s of these objects was", "%s of these objects were"), n(done.Deleted), n(done.Brought))
		if err := c.meant(question, errs.Newf(errs.Denied, "nobody can be asked here: add --yes if it is meant. The question is: %s", question)); err != nil {
			return err
		}
	}
	in.Dry = false
	before := c.Clock.Now().Add(-time.Millisecond) // what is made in this very one is its own
	if done, err = c.restorePages(ctx, false, done.Brought+done.Deleted+done.Same, page); err != nil {
		return err
	}
	return c.show(done, func() {
		fmt.Fprintln(c.Out, c.Say.T("%s brought back, %s deleted, %s as they were.", n(done.Brought), n(done.Deleted), n(done.Same)))
		if done.Brought+done.Deleted > 0 {
			fmt.Fprintln(c.Out, c.Say.T("To take that back: %s", takeBack(c.args[0], in.Prefix, before.In(c.Zone))))
		}
	})
}

// restorePage is how many objects are restored by one request.
const restorePage = 500

// restorePages restores page by page, each by a call of page with the key after which it begins, and
// counts on a terminal; all is how many objects there are, if that is known. dry: nothing is done by it.
func (c *call) restorePages(ctx context.Context, dry bool, all int, page func(after string) (api.Restored, error)) (sum api.Restored, err error) {
	line := newLine(c.App)
	defer line.stop()
	n := func(i int) string { return c.Say.Int(int64(i)) }
	for after := ""; ; {
		done, err := page(after)
		if err != nil {
			if ctx.Err() != nil && !dry {
				err = errs.Newf(errs.Unavailable, "interrupted: %s objects are what they were, and the others stay as they are; the same command goes on", n(sum.Brought+sum.Deleted+sum.Same))
			}
			return sum, err
		}
		sum.Brought, sum.Deleted, sum.Same = sum.Brought+done.Brought, sum.Deleted+done.Deleted, sum.Same+done.Same
		looked := sum.Brought + sum.Deleted + sum.Same
		switch {
		case dry:
			line.set(c.Say.T("%s looked at", c.Say.N(int64(looked), "%s object", "%s objects")))
		case all > 0:
			line.set(gauge(float64(looked)/float64(all)) + "  " + c.Say.T("%s brought back, %s deleted, %s as they were.", n(sum.Brought), n(sum.Deleted), n(sum.Same)))
		}
		if done.Next == "" {
			return sum, nil
		}
		after = done.Next
	}
}

// restoreOf reads what is to be restored.
func (c *call) restoreOf() (bucket string, in api.Restore, err error) {
	in.Prefix = c.on("prefix")
	bucket, in.Key, _ = strings.Cut(strings.TrimPrefix(c.args[0], "s3://"), "/")
	switch {
	case bucket == "":
		_, _, err = bucketKey(c.args[0])
	case in.Key == "" && !in.Prefix:
		err = usageError{errs.Newf(errs.Invalid, "%q is a whole bucket: add --prefix to make all of it what it was, or name an object as BUCKET/KEY", c.args[0])}
	case c.text("at") == "":
		err = usageError{errs.New(errs.Invalid, "say which time to go back to: --at \"2026-11-22 18:30\"")}
	default:
		in.At, err = c.moment(c.text("at"))
		if err == nil && !strings.Contains(c.text("at"), ":") {
			err = usageError{errs.Newf(errs.Invalid, "%q lacks the time of day: write it as 2026-11-22 18:30", c.text("at"))}
		}
	}
	return bucket, in, err
}

// takeBack is the command that undoes a restore which began at a moment.
func takeBack(what string, prefix bool, before time.Time) string {
	line := "rhizome object restore " + shellQuote(what)
	if prefix {
		line += " --prefix"
	}
	return line + ` --at "` + before.Format("2006-01-02 15:04:05.000") + `"`
}

// moment reads a date and time as people write them, and as they are shown; without a zone
// they are this computer's, and without a time of day it is midnight.
func (c *call) moment(s string) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, nil
	}
	layouts := []string{"2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02"}
	if c.Say.Language() == lang.French { // elsewhere 2/11 may be the 11th of February
		layouts = append(layouts, "2/1/2006 15:04:05", "2/1/2006 15:04", "2/1/2006")
	}
	for _, layout := range layouts {
		if t, err := time.ParseInLocation(layout, s, c.Zone); err == nil {
			return t, nil
		}
	}
	return time.Time{}, usageError{errs.Newf(errs.Invalid, "%q is no time: write it as 2026-11-22 18:30", s)}
}
