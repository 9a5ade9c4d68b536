package report

import (
	"fmt"
	"io"
	"strings"

	"rhizome/bench/load"
)

// Expiring is what a store showed that deletes nothing, and one whose lifecycle rules do.
type Expiring struct {
	Head
	Store *load.Expiring `json:"store"`
}

// Text writes the report for people, in Markdown.
func (e *Expiring) Text(w io.Writer) error {
	var b strings.Builder
	e.head(&b)
	fmt.Fprintf(&b, "| 1 KiB, %d objects are due | nothing goes | rules have objects go | times | go, /s |\n| --- | --- | --- | --- | --- |\n", e.Store.Expired)
	for i, quiet := range e.Store.Quiet {
		sweep := e.Store.Sweep[i]
		name, _, _ := strings.Cut(quiet.Name, ",")
		fmt.Fprintf(&b, "| %s, %d conn, /s | %s | %s | %.2f | %s |\n", name, quiet.Conns, number(quiet.Rate), number(sweep.Rate), sweep.Rate/quiet.Rate, number(e.Store.Gone[i]))
	}
	fmt.Fprintf(&b, "| no requests | | | | %s |\n", number(e.Store.Idle))
	_, err := io.WriteString(w, b.String())
	return err
}
