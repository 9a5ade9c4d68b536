package cli

import (
	"context"
	"fmt"
	"os"
	"strings"

	"rhizome/base/lang"
	"rhizome/cmd/rhizome/settings"
)

func configCommand() command {
	return command{
		use:      "config",
		short:    lang.M("Look at the settings"),
		long:     lang.M("A setting is taken from the first place that names it: the command line, a variable RHIZOME_…, the configuration file, the default."),
		examples: []example{{lang.M("which settings hold, and where each comes from"), "rhizome config show"}},
		sub: []command{
			{
				use:   "show",
				short: lang.M("Show the settings that hold and where each comes from"),
				examples: []example{
					{lang.M("which settings hold, and where each comes from"), "rhizome config show"},
					{lang.M("with another file"), "rhizome config show --config ./rhizome.toml"},
				},
				settings: true,
				run:      configShow,
			},
			{
				use:      "reference",
				short:    lang.M("Print what every setting means, as Markdown"),
				examples: []example{{lang.M("print the reference"), "rhizome config reference"}},
				run:      func(_ context.Context, c *call) error { return configReference(c) },
			},
		},
	}
}

// shownSetting is what `config show --json` prints for one setting.
type shownSetting struct {
	Name  string          `json:"name"`
	Value any             `json:"value"` // a string, or a list of them
	From  settings.Origin `json:"from"`
	Where string          `json:"where"`
}

func configShow(_ context.Context, c *call) error {
	vs, err := c.values(c.flag)
	if err != nil {
		return err
	}
	out := make([]shownSetting, 0, len(vs))
	for _, v := range vs {
		s := shownSetting{v.Setting.Name, v.Shown(), v.Origin, v.Where}
		if v.Setting.Many {
			s.Value = v.Texts
		}
		out = append(out, s)
	}
	return c.show(out, func() {
		var rows [][]string
		for _, v := range vs {
			where := v.Where
			if v.Origin == settings.FromDefault {
				where = c.Say.T("default")
			}
			rows = append(rows, []string{v.Setting.Name, v.Shown(), where})
		}
		c.table([]string{lang.M("Setting"), lang.M("Value"), lang.M("From")}, rows)
		if file, _ := c.configFile(); file != "" {
			if _, err := os.Stat(file); err != nil {
				file = c.Say.T("%s, which is not there", file)
			}
			fmt.Fprintln(c.Err, c.Say.T("Configuration file: %s", file))
		}
		c.strayVariables()
	})
}

// strayVariables warns of variables that look like settings and are none.
func (c *call) strayVariables() {
	if c.json || c.Environ == nil {
		return
	}
	for _, pair := range c.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		known := name == "RHIZOME_CONFIG" || !strings.HasPrefix(name, "RHIZOME_")
		for _, s := range settings.Table("") {
			known = known || s.Env() == name
		}
		if !known {
			fmt.Fprintln(c.Err, c.Say.T("The variable %s is passed over: there is no such setting. rhizome config reference lists them.", name))
		}
	}
}

func configReference(c *call) error {
	table := settings.Table(c.Say.T("(the platform's data folder)"))
	return c.show(table, func() {
		fmt.Fprintf(c.Out, "# %s\n\n%s\n\n", c.Say.T("Settings"), c.Say.T("A setting is taken from the first place that names it: the command line, a variable RHIZOME_…, the configuration file, the default."))
		fmt.Fprintf(c.Out, "%s\n\n    s3 = \"0.0.0.0:3900\"\n    capacity = \"2TB\"\n    s3-domain = [\"s3.example.org\", \"s3.lan\"]\n\n%s\n\n",
			c.Say.T("The file is ~/.config/rhizome/rhizome.toml, or /etc/rhizome/rhizome.toml for a system service; another is named with --config FILE or RHIZOME_CONFIG. It holds lines of name = value:"),
			c.Say.T("What may be given several times is a list there, and apart by commas in a variable. A path in the file starts where the file lies, or with ~/ in your home. rhizome config show says which settings hold, and which file it looked for."))
		fmt.Fprintf(c.Out, "| %s | %s | %s | %s |\n| --- | --- | --- | --- |\n", c.Say.T("Option and name in the file"), c.Say.T("Variable"), c.Say.T("Default"), c.Say.T("Meaning"))
		for _, s := range table {
			many := ""
			if s.Many {
				many = c.Say.T("; may be given several times")
			}
			name := strings.TrimSpace("--" + s.Name + " " + s.Hint)
			fmt.Fprintf(c.Out, "| `%s` | `%s` | %s | %s%s |\n", name, s.Env(), s.Default, c.Say.T(s.Help), many)
		}
	})
}
