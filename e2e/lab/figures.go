package lab

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"
)

// Figures are durations by row and column, for a table. Tests print them and assert
// nothing about them. Safe for concurrent use.
type Figures struct {
	Title string

	mu      sync.Mutex
	rows    []string
	columns []string
	cells   map[[2]string][]time.Duration
}

// Add adds one measurement.
func (f *Figures) Add(row, column string, d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !slices.Contains(f.rows, row) {
		f.rows = append(f.rows, row)
	}
	if !slices.Contains(f.columns, column) {
		f.columns = append(f.columns, column)
	}
	if f.cells == nil {
		f.cells = map[[2]string][]time.Duration{}
	}
	f.cells[[2]string{row, column}] = append(f.cells[[2]string{row, column}], d)
}

// Time adds how long f took, if it succeeded.
func (f *Figures) Time(row, column string, run func() error) error {
	began := time.Now()
	err := run()
	if err == nil {
		f.Add(row, column, time.Since(began))
	}
	return err
}

// String is the table, rows sorted: median and maximum in milliseconds, or the one value.
func (f *Figures) String() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 3, ' ', 0)
	fmt.Fprintf(w, "%s\n(ms: median / most)\t%s\n", f.Title, strings.Join(f.columns, "\t"))
	slices.Sort(f.rows)
	for _, row := range f.rows {
		fmt.Fprint(w, row)
		for _, column := range f.columns {
			fmt.Fprint(w, "\t", cell(f.cells[[2]string{row, column}]))
		}
		fmt.Fprintln(w)
	}
	w.Flush()
	return b.String()
}

func cell(d []time.Duration) string {
	switch len(d) {
	case 0:
		return "-"
	case 1:
		return fmt.Sprint(d[0].Milliseconds())
	}
	d = slices.Sorted(slices.Values(d))
	return fmt.Sprintf("%d / %d", d[len(d)/2].Milliseconds(), d[len(d)-1].Milliseconds())
}
