package seeds

import (
	"slices"
	"testing"
)

func TestOf(t *testing.T) {
	usual := 4
	if raced {
		usual = 1
	}
	for _, c := range []struct {
		seed, soak string
		want       []uint64
	}{
		{"", "", []uint64{1, 2, 3, 4}[:usual]},
		{"", "1", []uint64{1, 2, 3, 4, 5, 6}},
		{"17", "1", []uint64{17}},
	} {
		t.Setenv("RHIZOME_SEED", c.seed)
		t.Setenv("RHIZOME_SOAK", c.soak)
		if got := slices.Collect(Of(t, 4, 6)); !slices.Equal(got, c.want) {
			t.Errorf("seed %q, soak %q: %v, want %v", c.seed, c.soak, got, c.want)
		}
	}
}
