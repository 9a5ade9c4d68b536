package report

import (
	"fmt"
	"io"
	"strings"

	"rhizome/bench/load"
)

// Grown is what a bucket with few objects and one with many showed.
type Grown struct {
	Head
	Bucket *load.Grown `json:"bucket"`
}

// Text writes the report for people, in Markdown.
func (g *Grown) Text(w io.Writer) error {
	var b strings.Builder
	g.head(&b)
	fmt.Fprintf(&b, "| objects of 1 KiB in the bucket | %d | %d | times | server CPU ms/op | |\n| --- | --- | --- | --- | --- | --- |\n", g.Bucket.Few, g.Bucket.Many)
	for i, few := range g.Bucket.WithFew {
		many := g.Bucket.WithMany[i]
		name, _, _ := strings.Cut(few.Name, ",")
		fmt.Fprintf(&b, "| %s, %d conn, /s | %s | %s | %.2f | %.2f | %.2f |\n", name, few.Conns, number(few.Rate), number(many.Rate), many.Rate/few.Rate, perOp(few), perOp(many))
	}
	fmt.Fprintf(&b, "| reads of 4 KiB from anywhere in its files, 16 at once, /s | | %s | | | |\n", number(g.Bucket.Reads))
	if g.Bucket.Fill.Ops > 0 {
		fmt.Fprintf(&b, "| PUT while it was filled, at its end, /s | | %s | | | %.2f |\n", number(g.Bucket.Fill.Rate), perOp(g.Bucket.Fill))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// perOp is the server's processor time for an operation, in ms.
func perOp(r load.Result) float64 { return 1000 * r.CPU / float64(max(r.Ops, 1)) }
