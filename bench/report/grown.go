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
	fmt.Fprintf(&b, "| objects of 1 KiB in the bucket | %d | %d | times |\n| --- | --- | --- | --- |\n", g.Bucket.Few, g.Bucket.Many)
	for i, few := range g.Bucket.WithFew {
		many := g.Bucket.WithMany[i]
		name, _, _ := strings.Cut(few.Name, ",")
		fmt.Fprintf(&b, "| %s, %d conn, /s | %s | %s | %.2f |\n", name, few.Conns, number(few.Rate), number(many.Rate), many.Rate/few.Rate)
	}
	fmt.Fprintf(&b, "| PUT while it was filled, /s | | %s | |\n", number(g.Bucket.Fill.Rate))
	_, err := io.WriteString(w, b.String())
	return err
}
