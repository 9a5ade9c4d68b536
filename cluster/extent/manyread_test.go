package extent

import (
	"bytes"
	"io"
	"slices"
	"testing"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/net/rpc"
)

// onlyOn removes an extent's bytes from all homes but some.
func (h *homes) onlyOn(id ident.ID, keep ...int) {
	h.t.Helper()
	for i, x := range h.all {
		if x.disks != nil && !slices.Contains(keep, i) {
			must(h.t, x.disks.Delete(ctx, id))
		}
	}
}

func TestReadGoesOnWithTheNextHolder(t *testing.T) {
	plain := noise(6*FrameSize + 7)
	for name, c := range map[string]struct {
		from  int // who reads
		spoil func(h *homes, id ident.ID)
	}{
		"not here":              {0, func(h *homes, id ident.ID) { h.onlyOn(id, 1, 2) }},
		"only one has it":       {0, func(h *homes, id ident.ID) { h.onlyOn(id, 2) }},
		"damaged here":          {0, func(h *homes, id ident.ID) { h.all[0].spoil(id, 3) }},
		"damaged everywhere":    {0, func(h *homes, id ident.ID) { h.all[0].spoil(id, 1); h.all[1].spoil(id, 2); h.all[2].spoil(id, 3) }},
		"two damaged":           {0, func(h *homes, id ident.ID) { h.all[0].spoil(id, 2); h.all[1].spoil(id, 2) }},
		"gateway":               {3, func(*homes, ident.ID) {}},
		"gateway, damage":       {3, func(h *homes, id ident.ID) { h.all[0].spoil(id, 0); h.all[1].spoil(id, 6) }},
		"gateway, nearest away": {3, func(h *homes, id ident.ID) { h.all[0].vanish() }},
		"gateway, nearest mute": {3, func(h *homes, id ident.ID) { h.net.Cut(homeID(0), homeID(3)) }},
		"here gone, nearest mute": {0, func(h *homes, id ident.ID) {
			must(h.t, h.all[0].disks.Delete(ctx, id))
			h.net.Cut(homeID(1), homeID(0))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHomesWith(t, homesOptions{holders: 3, gateways: 1})
			p := h.all[0].keep("k", plain)
			h.settle()
			c.spoil(h, p.Extent)
			h.wantBytes(c.from, p, plain)
			for _, r := range [][2]int64{{0, 1}, {3 * FrameSize, 5}, {FrameSize - 1, 2*FrameSize + 2}, {p.Length, 0}} {
				got, err := h.all[c.from].get(p, r[0], r[1])
				if err != nil || !bytes.Equal(got, plain[r[0]:r[0]+r[1]]) {
					t.Errorf("%d bytes at %d: %v", r[1], r[0], err)
				}
			}
		})
	}
}

func TestHolderFailsInTheMiddleOfARead(t *testing.T) {
	plain := noise(12 * FrameSize)
	for name, fail := range map[string]func(h *homes){
		"crash": func(h *homes) { h.all[0].vanish() },
		"cut":   func(h *homes) { h.cut(0, true) },
		"mute":  func(h *homes) { h.net.Cut(homeID(0), homeID(3)) },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHomesWith(t, homesOptions{holders: 3, gateways: 1})
			p := h.all[0].keep("k", plain)
			h.settle()
			r, err := h.all[3].Open(ctx, p.Extent, p.Key, p.Length, 0, -1)
			must(t, err)
			defer r.Close()
			got := make([]byte, 3*FrameSize)
			_, err = io.ReadFull(r, got)
			must(t, err)
			fail(h)
			rest, err := io.ReadAll(r)
			if err != nil || !bytes.Equal(append(got, rest...), plain) {
				t.Errorf("%d bytes, %v", len(got)+len(rest), err)
			}
		})
	}
}

func TestWhatIsNowhere(t *testing.T) {
	h := newHomesWith(t, homesOptions{holders: 3, gateways: 1})
	p := h.all[0].keep("k", noise(2*FrameSize))
	h.settle()
	h.onlyOn(p.Extent)
	for _, x := range h.all {
		_, err := x.get(p, 0, -1)
		wantKind(t, err, errs.NotFound)
	}
	q := h.all[0].keep("q", noise(2*FrameSize))
	h.settle()
	for i := range 3 {
		h.all[i].spoil(q.Extent, 1)
	}
	for _, x := range h.all {
		_, err := x.get(q, 0, -1)
		wantKind(t, err, errs.Corrupt)
		if got, err := x.get(q, 0, FrameSize); err != nil || len(got) != FrameSize {
			t.Errorf("the frame that is whole: %d bytes, %v", len(got), err)
		}
	}
	h.cut(2, true)
	_, err := h.all[3].get(q, 0, -1)
	wantKind(t, err, errs.Unavailable)
}

func TestFormerHoldersAreRead(t *testing.T) {
	h := newHomesWith(t, homesOptions{holders: 2, voters: 4, gateways: 1})
	plain := noise(3 * FrameSize)
	p := h.all[0].keep("k", plain)
	h.settle()
	h.relay(2, 3)
	for _, i := range []int{2, 4} {
		h.wantBytes(i, p, plain)
	}
}

// TestLongReadsUseSeveralHolders: slow upload lines add up.
func TestLongReadsUseSeveralHolders(t *testing.T) {
	h := newHomesWith(t, homesOptions{holders: 3, gateways: 1})
	plain := noise(16 * FrameSize)
	p := h.all[0].keep("k", plain)
	h.settle()
	for i := range 3 {
		h.net.SetWay(homeID(i), homeID(3), rpc.Way{Rate: 20 << 20})
	}
	r, err := h.all[3].Open(ctx, p.Extent, p.Key, p.Length, 0, -1)
	must(t, err)
	got, err := io.ReadAll(r)
	if err != nil || !bytes.Equal(got, plain) {
		t.Fatal(len(got), err)
	}
	givers := 0
	for _, q := range r.far.pullers {
		if q.count() > 0 {
			givers++
		}
	}
	if givers < 2 {
		t.Errorf("%d homes gave frames", givers)
	}
	must(t, r.Close())
	// A short one takes one.
	h.net.Counts()
	_, err = h.all[3].get(p, 0, 100)
	must(t, err)
	n := 0
	for c, k := range h.net.Counts() {
		if c.Method == methodGet {
			n += k
		}
	}
	if n > 2 {
		t.Errorf("%d streams for 100 bytes", n)
	}
}

func TestReadersGiveEverythingBack(t *testing.T) {
	h := newHomesWith(t, homesOptions{holders: 3, gateways: 1})
	p := h.all[0].keep("k", noise(10*FrameSize))
	h.settle()
	for range 2 * wideReaders {
		r, err := h.all[3].Open(ctx, p.Extent, p.Key, p.Length, 0, -1)
		must(t, err)
		_, err = r.Read(make([]byte, 10))
		must(t, err)
		must(t, r.Close())
		must(t, r.Close())
	}
	if n := h.all[3].wide.Load(); n != 0 {
		t.Errorf("%d readers count as long", n)
	}
}
