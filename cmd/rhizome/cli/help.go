package cli

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// help writes a command's help. Cobra's own template speaks English only.
func (a *App) help(cmd *cobra.Command, _ []string) {
	w := cmd.OutOrStdout()
	use := cmd.UseLine()
	_, alone := cmd.Annotations[runsAlone]
	switch {
	case cmd.HasAvailableSubCommands() && alone:
		use += a.Say.T(" [COMMAND]")
	case cmd.HasAvailableSubCommands():
		use += a.Say.T(" COMMAND")
	}
	fmt.Fprintf(w, "%s\n\n%s\n  %s\n", cmd.Long, a.title(w, a.Say.T("Usage:")), use+a.Say.T(" [options]"))
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(w, "\n%s\n", a.title(w, a.Say.T("Commands:")))
		var rows [][]string
		for _, s := range cmd.Commands() {
			if s.IsAvailableCommand() {
				rows = append(rows, []string{"  " + s.Name(), s.Short})
			}
		}
		writeRows(w, rows)
	}
	if cmd.Example != "" {
		fmt.Fprintf(w, "\n%s\n%s\n", a.title(w, a.Say.T("Examples:")), cmd.Example)
	}
	a.helpFlags(w, a.Say.T("Options:"), cmd.LocalNonPersistentFlags())
	a.helpFlags(w, a.Say.T("Options everywhere:"), cmd.Root().PersistentFlags())
}

func (a *App) title(w io.Writer, text string) string { return a.paint(w, bold, text) }

func (a *App) helpFlags(w io.Writer, title string, fs *pflag.FlagSet) {
	var rows [][]string
	fs.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		name := "      --" + f.Name
		if f.Shorthand != "" {
			name = "  -" + f.Shorthand + ", --" + f.Name
		}
		hint, usage := pflag.UnquoteUsage(f)
		if strings.HasPrefix(f.Usage, "`"+hint+"` ") {
			usage = strings.TrimPrefix(usage, hint+" ")
		}
		if hint != "" && f.Value.Type() != "bool" {
			name += " " + hint
		}
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "[]" {
			usage += " (" + a.Say.T("default %s", f.DefValue) + ")"
		}
		rows = append(rows, []string{name, usage})
	})
	if len(rows) > 0 {
		fmt.Fprintf(w, "\n%s\n", a.title(w, title))
		writeRows(w, rows)
	}
}

// exampleText writes examples as comments and lines.
func (a *App) exampleText(examples []example) string {
	var out []string
	for _, e := range examples {
		out = append(out, "  # "+a.Say.T(e.what), "  "+e.line)
	}
	return strings.Join(out, "\n")
}

// writeRows writes rows with their columns aligned.
func writeRows(w io.Writer, rows [][]string) {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], width(cell))
		}
	}
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			line.WriteString(cell)
			if i < len(row)-1 {
				line.WriteString(strings.Repeat(" ", widths[i]-width(cell)+2))
			}
		}
		fmt.Fprintln(w, strings.TrimRight(line.String(), " "))
	}
}

// width counts the characters of s that show: colour codes do not.
func width(s string) int {
	n := utf8.RuneCountInString(s)
	for {
		i := strings.Index(s, "\x1b[")
		if i < 0 {
			return n
		}
		j := strings.IndexByte(s[i:], 'm')
		if j < 0 {
			return n
		}
		n -= j + 1
		s = s[i+j+1:]
	}
}
