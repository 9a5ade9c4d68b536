package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"rhizome/base/errs"
)

// colour is an ANSI code.
type colour string

const (
	bold  colour = "1"
	red   colour = "31"
	green colour = "32"
)

// paint colours text for a terminal, unless NO_COLOR (no-color.org) is set.
func (a *App) paint(w io.Writer, c colour, text string) string {
	if !a.colours(w) {
		return text
	}
	return "\x1b[" + string(c) + "m" + text + "\x1b[0m"
}

func (a *App) colours(w io.Writer) bool {
	return terminal(w) && a.Getenv("NO_COLOR") == "" && a.Getenv("TERM") != "dumb"
}

// show prints a result: v as JSON with --json, else what people writes.
func (a *App) show(v any, people func()) error {
	if !a.json {
		people()
		return nil
	}
	e := json.NewEncoder(a.Out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return errs.Newf(errs.Internal, "the result cannot be written: %w", err)
	}
	return nil
}

// done is the result of a command that has nothing else to say.
func (a *App) done(text string, args ...any) error {
	return a.show(struct {
		Done bool `json:"done"`
	}{true}, func() { fmt.Fprintln(a.Out, a.Say.T(text, args...)) })
}

// table prints rows under a title row.
func (a *App) table(titles []string, rows [][]string) {
	head := make([]string, len(titles))
	for i, t := range titles {
		head[i] = a.paint(a.Out, bold, a.Say.T(t))
	}
	writeRows(a.Out, append([][]string{head}, rows...))
}

// confirm asks before something is destroyed. Without a terminal only --yes agrees.
func (a *App) confirm(question string, args ...any) error {
	asked := a.Say.T(question, args...)
	return a.meant(asked, errs.Newf(errs.Denied, "nobody can be asked here: add --yes if it is meant. The question is: %s", asked))
}

// meant asks a question that was said, and fails with unasked if nobody can be asked.
func (a *App) meant(question string, unasked error) error {
	if a.yes {
		return nil
	}
	if !a.canAsk() {
		return unasked
	}
	return a.agreed(question)
}

// canAsk reports whether somebody is there to answer.
func (a *App) canAsk() bool { return a.asked || terminal(a.In) && terminal(a.Err) }

// agreed asks, and fails if the answer is not yes.
func (a *App) agreed(question string) error {
	yes, err := a.answersYes(question)
	if err == nil && !yes {
		return errNotMeant
	}
	return err
}

func (a *App) answersYes(question string) (bool, error) {
	fmt.Fprintf(a.Err, "%s %s ", question, a.Say.T("[y/N]"))
	line, err := a.readLine(100)
	if err != nil {
		return false, errs.Newf(errs.Internal, "the answer cannot be read: %w", err)
	}
	switch strings.ToLower(line) {
	case "y", "yes", "o", "oui":
		return true, nil
	}
	return false, nil
}

// yesNo says a truth for a table.
func (a *App) yesNo(b bool) string {
	if b {
		return a.Say.T("yes")
	}
	return a.Say.T("no")
}
