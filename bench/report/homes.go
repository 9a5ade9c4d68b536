package report

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"rhizome/bench/limits"
	"rhizome/bench/load"
)

// Homes is what a comparison of one home with several showed.
type Homes struct {
	When    string          `json:"when"`
	Machine string          `json:"machine"`
	Homes   int             `json:"homes"`
	Before  limits.Limits   `json:"limits_before"`
	After   limits.Limits   `json:"limits_after"`
	Phases  []load.Compared `json:"phases"`
}

// JSON writes the report for programs.
func (h *Homes) JSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(h)
}

// Text writes the report for people, in Markdown.
func (h *Homes) Text(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s; %s\n\n", h.When, h.Machine)
	(&Report{Before: h.Before, After: h.After}).limits(&b)
	h.table(&b)
	_, err := io.WriteString(w, b.String())
	return err
}

func (h *Homes) table(b *strings.Builder) {
	fmt.Fprintf(b, "| | one home | %d homes, through one | of one / %d | through all | of one / %d | CPU ms/op, one home | through one | times |\n|%s\n",
		h.Homes, h.Homes, h.Homes, strings.Repeat(" --- |", 9))
	for _, c := range h.Phases {
		figure, unit := func(r load.Result) float64 { return r.Rate }, "/s"
		if c.One.Bytes/int64(c.One.Ops) >= mib {
			figure, unit = func(r load.Result) float64 { return r.MBs }, "MB/s"
		}
		share := func(r load.Result) string {
			return fmt.Sprintf("%.2f", figure(r)*float64(h.Homes)/figure(c.One))
		}
		one, via := 1000*c.One.CPU/float64(c.One.Ops), 1000*c.Via.CPU/float64(c.Via.Ops)
		fmt.Fprintf(b, "| %s, %d conn, %s | %s | %s | %s | %s | %s | %.2f | %.2f | %.1f |\n", c.Name, c.One.Conns, unit,
			number(figure(c.One)), number(figure(c.Via)), share(c.Via), number(figure(c.All)), share(c.All), one, via, via/one)
	}
	b.WriteString("\n")
}
