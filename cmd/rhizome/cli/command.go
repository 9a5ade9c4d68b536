package cli

import (
	"context"
	"regexp"
	"slices"

	"github.com/spf13/cobra"

	"rhizome/base/errs"
	"rhizome/base/lang"
	"rhizome/cmd/rhizome/settings"
)

// command describes one command; build makes it one of cobra's. Texts are English
// and said through package lang.
type command struct {
	use         string   // the name and its arguments: "create NAME"
	aliases     []string // other names that it answers to
	short, long string
	examples    []example
	min, max    int // number of arguments
	flags       func(*flagSet)
	run         func(context.Context, *call) error
	complete    completion // of the first argument; nil: none
	settings    bool       // takes every setting as a flag, as all take --data
	sub         []command
}

// example is a command line and what it does.
type example struct{ what, line string }

// call is one call of a command.
type call struct {
	*App
	cmd  *cobra.Command
	args []string
	// at is what the commands that people are told need to find this node: " --data DIR", or
	// nothing where they find it by themselves.
	at string
}

// flag is a settings.Sources.Flags.
func (c *call) flag(name string) ([]string, bool) {
	f := c.cmd.Flags().Lookup(name)
	if f == nil || !f.Changed {
		return nil, false
	}
	if list, err := c.cmd.Flags().GetStringArray(name); err == nil {
		return list, true
	}
	return []string{f.Value.String()}, true
}

// Command returns the whole tree.
func (a *App) Command() *cobra.Command {
	root := a.build(command{
		use:   "rhizome",
		short: lang.M("Your own cloud at home: S3 storage that nobody has to nurse"),
		long: lang.M("Rhizome keeps your data on your own computers and serves it over S3.\n\n" +
			"rhizome up starts the node of this computer; the other commands speak to it while it runs."),
		examples: []example{
			{lang.M("start the node; nothing else is needed"), "rhizome up"},
			{lang.M("see how it is"), "rhizome status"},
			{lang.M("make a key for another computer"), "rhizome key create laptop"},
		},
		sub: []command{
			upCommand(), demoCommand(), statusCommand(), metricsCommand(), keyCommand(), bucketCommand(), objectCommand(), siteCommand(), shareCommand(), webhookCommand(), remoteCommand(),
			importCommand(), inviteCommand(), nodeCommand(), layoutCommand(), limitCommand(), diskCommand(), repairCommand(), kitCommand(), serviceCommand(),
			configCommand(), completionCommand(), versionCommand(),
		},
	})
	root.SilenceErrors, root.SilenceUsage = true, true
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetHelpCommand(&cobra.Command{Hidden: true, Use: "no-help"})
	p := root.PersistentFlags()
	a.addSettings(p, func(name string) bool { return name == settings.Data })
	p.BoolVar(&a.json, "json", false, a.Say.T("print the result as JSON"))
	p.StringVar(&a.config, "config", "", a.Say.T("`FILE` of settings (TOML)"))
	p.BoolP("help", "h", false, a.Say.T("show this help"))
	root.Version = version()
	root.SetVersionTemplate("rhizome {{.Version}}\n")
	root.Flags().Bool("version", false, a.Say.T("show the version of this program"))
	root.SetHelpFunc(a.help)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{flagError(err)} })
	return root
}

// runsAlone marks a command that does something itself, be there commands below it or not.
const runsAlone = "runs alone"

func (a *App) build(c command) *cobra.Command {
	cmd := &cobra.Command{
		Use: a.use(c.use), Aliases: c.aliases, Short: a.Say.T(c.short), Long: a.Say.T(c.long), Example: a.exampleText(c.examples),
		DisableFlagsInUseLine: true, SilenceErrors: true, SilenceUsage: true,
		ValidArgsFunction: a.completer(c.completion()), SuggestionsMinimumDistance: 2,
	}
	if c.long == "" {
		cmd.Long = cmd.Short
	}
	if c.run != nil {
		cmd.Annotations = map[string]string{runsAlone: ""}
	}
	if c.settings {
		a.addSettings(cmd.Flags(), func(name string) bool { return name != settings.Data })
	}
	if c.flags != nil {
		c.flags(&flagSet{a, cmd.Flags()})
	}
	for _, s := range c.sub {
		cmd.AddCommand(a.build(s))
	}
	cmd.Args = cobra.ArbitraryArgs
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if c.run == nil {
			return group(cmd, args)
		}
		if len(args) < c.min || len(args) > c.max {
			if len(c.examples) > 0 {
				return usageError{errs.Newf(errs.Invalid, "write it as: %s, for instance: %s", cmd.UseLine(), c.examples[0].line)}
			}
			return usageError{errs.Newf(errs.Invalid, "write it as: %s", cmd.UseLine())}
		}
		return c.run(cmd.Context(), &call{App: a, cmd: cmd, args: args})
	}
	return cmd
}

// placeholders stand for what a person writes in their place.
var placeholders = []string{
	lang.M("NAME"), lang.M("SIZE"), lang.M("TIME"), lang.M("NODE"), lang.M("HOME"), lang.M("FILE"), lang.M("DIR"),
	lang.M("NUMBER"), lang.M("KEY"), lang.M("DISK"), lang.M("ADDRESS"),
}

// placeholder is a word of a usage line that may be one.
var placeholder = regexp.MustCompile(`\b[A-Z]+\b`)

// use is a usage line with its placeholders in the person's language.
func (a *App) use(line string) string {
	return placeholder.ReplaceAllStringFunc(line, func(word string) string {
		if slices.Contains(placeholders, word) {
			return a.Say.T(word)
		}
		return word
	})
}

// elsewhere are commands that people look for in vain, and what does that.
var elsewhere = map[string]string{
	"rhizome object list":   "rhizome object versions BUCKET/KEY",
	"rhizome object ls":     "rhizome object versions BUCKET/KEY",
	"rhizome object delete": "aws s3 rm",
	"rhizome object remove": "aws s3 rm",
}

// group answers for a command that only has commands below it.
func group(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return cmd.Help()
	}
	if args[0] == "help" {
		about, _, err := cmd.Find(args[1:])
		if err != nil || about == nil {
			about = cmd
		}
		return about.Help()
	}
	if other := elsewhere[cmd.CommandPath()+" "+args[0]]; other != "" {
		return usageError{errs.Newf(errs.Invalid, "there is no command %q; did you mean %q?", args[0], other)}
	}
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		slices.Sort(near)
		return usageError{errs.Newf(errs.Invalid, "there is no command %q; did you mean %q?", args[0], near[0])}
	}
	return usageError{errs.Newf(errs.Invalid, "there is no command %q", args[0])}
}
