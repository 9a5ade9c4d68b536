package rpc

import "testing"

func TestBehindAndAside(t *testing.T) {
	for _, c := range []struct {
		of            Class
		behind, aside Class
	}{{Control, Control, Control}, {Urgent, Background, Control}, {Bulk, Background, Bulk}, {Background, Background, Background}} {
		if got := ClassOf(t.Context(), c.of); got != c.of {
			t.Errorf("a call of class %d became %d", c.of, got)
		}
		if got := ClassOf(Behind(t.Context()), c.of); got != c.behind {
			t.Errorf("behind, a call of class %d became %d", c.of, got)
		}
		if got := ClassOf(Aside(t.Context()), c.of); got != c.aside {
			t.Errorf("aside, a call of class %d became %d", c.of, got)
		}
	}
}
