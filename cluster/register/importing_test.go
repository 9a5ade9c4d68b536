package register

import (
	"fmt"
	"testing"
)

// TestMarksAreBounded: a client that goes through ever more rows while the others are
// being imported does not fill memory.
func TestMarksAreBounded(t *testing.T) {
	r := &Replica{}
	i := r.newImport(0, &tenure{}, false)
	row := func(n int) []byte { return fmt.Appendf(nil, "row %08d %0500d", n, 0) }
	for n := range 400 {
		i.mark(row(n), append(row(n), 0))
	}
	if i.again || !i.has(row(0)) {
		t.Fatal("what fits is forgotten")
	}
	i.cursor = row(300)
	for n := 400; n < 600; n++ {
		i.mark(row(n), append(row(n), 0))
	}
	if i.again || !i.has(row(10)) || !i.has(row(301)) {
		t.Error("the cursor's progress makes no room")
	}
	for n := 600; n < 5000; n++ {
		i.mark(row(n), append(row(n), 0))
		if i.size > maxMarks+1000 || len(i.rows) > 1000 {
			t.Fatalf("%d rows, %d bytes", len(i.rows), i.size)
		}
		if !i.has(row(n)) {
			t.Fatal("what was imported just now counts as not imported")
		}
	}
	if !i.again {
		t.Error("rows are taken for never voted on that may have been")
	}
}
