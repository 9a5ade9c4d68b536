package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"rhizome/base/lang"
	"rhizome/cmd/rhizome/settings"
	"rhizome/gateway/admin/api"
	"rhizome/gateway/admin/client"
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
				long:  lang.M("They are those of the node that runs. With options, or if none runs, they are those with which one would start."),
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

// shownSettings are settings as people are shown them, without secrets.
func (a *App) shownSettings(vs settings.Values) api.Settings {
	file, _ := a.configFile()
	if abs, err := filepath.Abs(file); err == nil && file != "" {
		file = abs
	}
	out := api.Settings{File: file}
	for _, v := range vs {
		s := api.Setting{Name: v.Setting.Name, Value: v.Shown(), From: string(v.Origin), Where: v.Where}
		if v.Setting.Many {
			s.Value = v.Texts
		}
		out.List = append(out.List, s)
	}
	return out
}

// configShow shows the settings of the node that runs, unless the command line names some: then,
// and without a node, those with which one would start.
func configShow(ctx context.Context, c *call) error {
	vs, err := c.values(c.flag)
	if err != nil {
		return err
	}
	out, running := c.shownSettings(vs), false
	if !c.asksForSettings() {
		out, running, err = c.settingsOfNode(ctx, out)
		if err != nil {
			return err
		}
	}
	return c.show(out.List, func() {
		var rows [][]string
		for _, s := range out.List {
			where := s.Where
			if s.From == string(settings.FromDefault) {
				where = c.Say.T("default")
			}
			rows = append(rows, []string{s.Name, settingText(s.Value), where})
		}
		c.table([]string{lang.M("Setting"), lang.M("Value"), lang.M("From")}, rows)
		if file := out.File; file != "" {
			if _, err := os.Stat(file); err != nil {
				file = c.Say.T("%s, which is not there", file)
			}
			fmt.Fprintln(c.Err, c.Say.T("Configuration file: %s", file))
		}
		if running {
			fmt.Fprintln(c.Err, c.Say.T("These are the settings of the node that runs. What is changed elsewhere holds from its next start on."))
		} else {
			fmt.Fprintln(c.Err, c.Say.T("These are the settings with which rhizome up would start a node now, with the same options."))
		}
		c.strayVariables()
	})
}

// asksForSettings reports whether the command line says what settings would be.
func (c *call) asksForSettings() bool {
	if c.config != "" {
		return true
	}
	for _, s := range settings.Table("") {
		if _, given := c.flag(s.Name); given && s.Name != settings.Data {
			return true
		}
	}
	return false
}

// settingsOfNode are those of the node that runs, or the given ones if none answers.
func (c *call) settingsOfNode(ctx context.Context, without api.Settings) (out api.Settings, running bool, err error) {
	node, err := c.node()
	if err != nil {
		return without, false, err
	}
	defer node.Close()
	if err := node.Get(ctx, client.Path("settings"), &out); err != nil || len(out.List) == 0 {
		return without, false, nil
	}
	return out, true, nil
}

// settingText is a setting's value as one text.
func settingText(v any) string {
	switch v := v.(type) {
	case []string:
		return strings.Join(v, ",")
	case []any:
		parts := make([]string, len(v))
		for i := range v {
			parts[i] = fmt.Sprint(v[i])
		}
		return strings.Join(parts, ",")
	}
	return fmt.Sprint(v)
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
