package cli

import (
	"errors"
	"path/filepath"

	"github.com/spf13/pflag"

	"rhizome/base/errs"
	"rhizome/cmd/rhizome/settings"
)

// flagSet declares a command's own flags, with their help said in the person's
// language. A word in backquotes stands for the value.
type flagSet struct {
	a *App
	*pflag.FlagSet
}

func (f *flagSet) bool(name, help string) { f.Bool(name, false, f.a.Say.T(help)) }

func (f *flagSet) text(name, def, help string) { f.String(name, def, f.a.Say.T(help)) }

// yes declares --yes, for commands that destroy something.
func (f *flagSet) yes() { f.BoolVarP(&f.a.yes, "yes", "y", false, f.a.Say.T("do it without asking")) }

// on returns a boolean flag.
func (c *call) on(name string) bool {
	on, _ := c.cmd.Flags().GetBool(name)
	return on
}

// text returns a text flag.
func (c *call) text(name string) string {
	s, _ := c.cmd.Flags().GetString(name)
	return s
}

// paths returns a flag's paths, which may be given several times, as absolute ones.
func (c *call) paths(name string) ([]string, error) {
	given, _ := c.cmd.Flags().GetStringArray(name)
	out := make([]string, len(given))
	for i, p := range given {
		abs, err := filepath.Abs(p)
		if err != nil || p == "" {
			return nil, usageError{errs.Newf(errs.Invalid, "the option %s cannot be %q", dashes(name), p)}
		}
		out[i] = abs
	}
	return out, nil
}

// addSettings declares the settings that are wanted as flags.
func (a *App) addSettings(fs *pflag.FlagSet, wanted func(name string) bool) {
	for _, s := range settings.Table(a.Places.DataDir()) {
		if !wanted(s.Name) {
			continue
		}
		if s.Form == settings.Switch {
			fs.Bool(s.Name, false, a.Say.T(s.Help))
			continue
		}
		help := "`" + s.Hint + "` " + a.Say.T(s.Help)
		if s.Many {
			fs.StringArray(s.Name, nil, help)
			continue
		}
		fs.String(s.Name, s.Default, help)
	}
}

// flagError says pflag's errors in our words.
func flagError(err error) error {
	var unknown *pflag.NotExistError
	var missing *pflag.ValueRequiredError
	var invalid *pflag.InvalidValueError
	switch {
	case errors.As(err, &unknown):
		return errs.Newf(errs.Invalid, "there is no option %s", dashes(unknown.GetSpecifiedName()))
	case errors.As(err, &missing):
		return errs.Newf(errs.Invalid, "the option %s needs a value", dashes(missing.GetSpecifiedName()))
	case errors.As(err, &invalid):
		return errs.Newf(errs.Invalid, "the option %s cannot be %q", dashes(invalid.GetFlag().Name), invalid.GetValue())
	}
	return errs.Newf(errs.Invalid, "the options cannot be read: %w", err)
}

func dashes(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}
