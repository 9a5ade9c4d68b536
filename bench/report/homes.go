package report

import (
	"fmt"
	"io"
	"strings"

	"rhizome/bench/load"
)

// Homes is what a comparison of one home with several showed.
type Homes struct {
	Head
	Homes   int             `json:"homes"`
	Phases  []load.Compared `json:"phases"`
	Copying *load.Copying   `json:"copying,omitempty"`
	Size    *load.Size      `json:"size,omitempty"`
}

// Text writes the report for people, in Markdown.
func (h *Homes) Text(w io.Writer) error {
	var b strings.Builder
	h.head(&b)
	h.table(&b)
	h.copying(&b)
	h.size(&b)
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
		one, via := perOp(c.One), perOp(c.Via)
		fmt.Fprintf(b, "| %s, %d conn, %s | %s | %s | %s | %s | %s | %.2f | %.2f | %.1f |\n", c.Name, c.One.Conns, unit,
			number(figure(c.One)), number(figure(c.Via)), share(c.Via), number(figure(c.All)), share(c.All), one, via, via/one)
	}
	b.WriteString("\n")
}

func (h *Homes) copying(b *strings.Builder) {
	if h.Copying == nil {
		return
	}
	fmt.Fprintf(b, "Beside copying: %d MiB were stored, one more home got its share in %.0f s.\n\n| | before | while copying | after | while / after |\n|%s\n",
		h.Copying.Bytes>>20, h.Copying.Seconds, strings.Repeat(" --- |", 5))
	for _, r := range h.Copying.Rounds {
		fmt.Fprintf(b, "| %s, /s | %s | %s | %s | %.2f |\n", r.Name, number(r.Before.Rate), number(r.During.Rate), number(r.After.Rate), r.During.Rate/r.After.Rate)
	}
	b.WriteString("\n")
}

func (h *Homes) size(b *strings.Builder) {
	s := h.Size
	if s == nil {
		return
	}
	fmt.Fprintf(b, "| each of %d homes, the largest | |\n| --- | --- |\n", h.Homes)
	for _, m := range s.Memory {
		fmt.Fprintf(b, "| memory %s: resident, of that anonymous | %d MiB, %d MiB |\n", m.When, m.Resident/mib, m.Anonymous/mib)
	}
	fmt.Fprintf(b, "| processor while idle | %.2f%% of a core |\n| sent while idle, to each other | %.0f KB an hour |\n", 100*s.IdleCPU, s.IdleSent/1000)
	fmt.Fprintf(b, "| row store, per object (%d of %d bytes) | %.0f B |\n| bytes on the disk, per object | %.0f B |\n\n", s.Objects, s.Bytes, s.Rows, s.Disk)
}
