package node

import (
	"bytes"
	"testing"

	"rhizome/gateway/admin/api"
)

// TestWhereAnObjectLies: each home that keeps a piece is named and how it is there, in a
// witness too, which keeps none.
func TestWhereAnObjectLies(t *testing.T) {
	t.Parallel()
	h := newHomes(t, 0)
	a := h.up("lyon")
	h.join(a, "brest")
	h.settled(2)
	text := h.invite(a)
	w := h.up("attic", func(c *Config) { c.Join, c.Witness, c.Capacity = text, true, 0 })
	h.settled(3)
	a.put(t, "garden", bytes.Repeat([]byte("rhizome "), 100_000))
	states := func(x *home) (p api.Piece, here, there string) {
		pieces, err := x.Locate(t.Context(), x.bucket(t, "family"), "garden")
		if err != nil || len(pieces) != 1 {
			t.Fatalf("%+v, %v", pieces, err)
		}
		for _, c := range pieces[0].Copies {
			if c.This {
				here += c.State
			} else {
				there += c.State + " "
			}
		}
		return pieces[0], here, there
	}
	h.eventually("both homes have it", func() bool {
		p, here, there := states(a)
		return here == api.CopyWhole && there == "whole " && p.Healthy && p.File != ""
	})
	if p, here, there := states(w); here != "" || there != "whole whole " || !p.Healthy || p.File != "" || p.Node != "" {
		t.Errorf("a witness says %+v", p)
	}
	h.kill("brest")
	if p, here, there := states(a); here != api.CopyWhole || there != "silent " || !p.Healthy {
		t.Errorf("with one home away it is said: %+v", p)
	}
}
