package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"rhizome/base/errs"
	"rhizome/base/lang"
	"rhizome/cmd/rhizome/demo"
)

func demoCommand() command {
	return command{
		use:   "demo",
		short: lang.M("Show on this computer what several homes do: nothing stops when one is lost"),
		long: lang.M("Starts several nodes on this computer alone, joins them, stores objects, kills one node and brings it back, and shows that nothing stopped and that it heals by itself.\n" +
			"It takes less than a minute. At the end, and after Ctrl-C, everything is removed; your own node and its data are not touched."),
		examples: []example{
			{lang.M("three homes, one of them lost and back"), "rhizome demo"},
			{lang.M("keep them to try things out"), "rhizome demo --homes 3 --keep"},
		},
		flags: func(f *flagSet) {
			f.text("homes", "3", lang.M("`NUMBER` of homes, 3 to 9"))
			f.text("dir", "", lang.M("empty `FOLDER` to work in; without it, a temporary one"))
			f.bool("keep", lang.M("leave the nodes running at the end, and say how to use them"))
		},
		run: runDemo,
	}
}

func runDemo(ctx context.Context, c *call) error {
	homes, err := c.number("homes")
	if err != nil {
		return err
	}
	program, err := os.Executable()
	if err != nil {
		return errs.Newf(errs.Internal, "the program's own file is not known: %w", err)
	}
	dir := c.text("dir")
	if dir != "" {
		if dir, err = filepath.Abs(dir); err != nil {
			return usageError{errs.Newf(errs.Invalid, "the option %s cannot be %q", "--dir", c.text("dir"))}
		}
	}
	ownFiles()
	line := newLine(c.App)
	s, err := demo.Run(ctx, demo.Config{
		Program: program, Dir: dir, Homes: homes, Keep: c.on("keep"), Environ: os.Environ(), Say: c.Say,
		Tell: func(text string) {
			if !c.json {
				line.set("")
				fmt.Fprintln(c.Out, text)
			}
		},
		Progress: line.set,
	})
	line.stop()
	if err != nil && errs.KindOf(err) == errs.Invalid {
		return usageError{err}
	}
	if c.json && s.Dir != "" {
		if shown := c.show(s, func() {}); shown != nil {
			return shown
		}
	}
	if s.Interrupted {
		if !c.json {
			fmt.Fprintln(c.Out, c.Say.T("Everything was ended and removed."))
		}
		return errStopped
	}
	if err != nil || c.json {
		return err
	}
	c.demoEnd(s)
	return nil
}

// demoEnd says what is left.
func (c *call) demoEnd(s demo.Summary) {
	say := c.Say
	fmt.Fprintln(c.Out, c.paint(c.Out, green, say.T("That is all: %s requests, %s failed, in %s.", say.Int(int64(s.Requests.Reads+s.Requests.Writes)),
		say.Int(int64(s.Requests.Failed)), say.Duration(time.Duration(s.Seconds*float64(time.Second))))))
	if !s.Kept {
		fmt.Fprintln(c.Out, say.T("Everything was ended and removed. Your own: rhizome up, then rhizome invite."))
		return
	}
	fmt.Fprintln(c.Out, say.T("The nodes go on. Look at them:"))
	var stop string
	for _, h := range s.Homes {
		fmt.Fprintln(c.Out, "  rhizome status --data "+shellQuote(h.Data)+"   # S3 "+h.S3)
		stop += " " + strconv.Itoa(h.PID)
	}
	fmt.Fprintln(c.Out, say.T("Use them over S3:"))
	fmt.Fprintln(c.Out, "  set -a; . "+shellQuote(filepath.Join(s.Homes[0].Data, "first-key.txt"))+"; set +a")
	fmt.Fprintln(c.Out, "  aws s3 ls s3://demo/")
	fmt.Fprintln(c.Out, say.T("End them and remove everything:"))
	fmt.Fprintln(c.Out, "  kill"+stop+" && sleep 10 && rm -r "+shellQuote(s.Dir))
}
