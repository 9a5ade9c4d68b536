package extent

import (
	"bytes"
	"testing"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/net/rpc"
)

// cut parts a home from all others, or joins it again.
func (h *homes) cut(i int, on bool) {
	for j := range h.all {
		if j == i {
			continue
		}
		for _, way := range [][2]ident.NodeID{{homeID(i), homeID(j)}, {homeID(j), homeID(i)}} {
			if on {
				h.net.Cut(way[0], way[1])
			} else {
				h.net.Heal(way[0], way[1])
			}
		}
	}
	h.mu.Lock()
	h.all[i].down = on
	h.mu.Unlock()
}

// half writes the first half of some bytes, has something happen, and writes the rest.
func (x *home) half(key string, plain []byte, happens func()) (Piece, error) {
	ref := x.ref(key)
	w := x.NewWriter(ctx, ref, int64(len(plain)), nil)
	defer w.Abort()
	if _, err := w.Write(plain[:len(plain)/2]); err != nil {
		return Piece{}, err
	}
	happens()
	if _, err := w.Write(plain[len(plain)/2:]); err != nil {
		return Piece{}, err
	}
	p, err := w.Close(ctx)
	if err == nil {
		must(x.t, x.commit(ref, p.Extent))
		x.Settle(ref.ID, p.Extent)
	}
	return p, err
}

func TestWriteGoesOnWithoutOneHolder(t *testing.T) {
	plain := noise(12 * FrameSize)
	for name, c := range map[string]struct {
		homes  int
		broken func(*homes)
		mend   func(*homes)
		had    []int // who has the bytes before mending
	}{
		"crashed": {3, func(h *homes) { h.all[2].vanish() }, func(h *homes) { h.all[2].crash() }, []int{0, 1}},
		"stalled": {3, func(h *homes) { h.cut(2, true) }, func(h *homes) { h.cut(2, false) }, []int{0, 1}},
		"slow": {3, func(h *homes) { h.net.SetWay(homeID(0), homeID(2), rpc.Way{Rate: 1 << 20}) },
			func(h *homes) { h.net.SetWay(homeID(0), homeID(2), rpc.Way{}) }, []int{0, 1}},
		"two of five":    {5, func(h *homes) { h.cut(2, true); h.all[3].vanish() }, func(h *homes) { h.cut(2, false); h.all[3].crash() }, []int{0, 1, 4}},
		"one of two":     {2, func(h *homes) { h.cut(1, true) }, func(h *homes) { h.cut(1, false) }, []int{0}},
		"crashed of two": {2, func(h *homes) { h.all[1].vanish() }, func(h *homes) { h.all[1].crash() }, []int{0}},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHomesWith(t, homesOptions{holders: c.homes, gateways: 1, voters: 5})
			p, err := h.all[0].half("k", plain, func() { c.broken(h) })
			must(t, err)
			h.wantBytes(0, p, plain)
			q := h.all[0].keep("whole", plain) // from the beginning
			h.wantBytes(0, q, plain)
			for _, i := range c.had {
				if !h.all[i].has(p.Extent) {
					h.quiet() // may be a straggler
				}
			}
			h.wantOn(p.Extent, c.had...)
			c.mend(h)
			h.spread()
			for _, x := range h.all[:c.homes] {
				_, err = x.Sweep(ctx, func(ident.ID) {})
				must(t, err)
			}
			h.settle()
			var every []int
			for i := range c.homes {
				every = append(every, i)
			}
			h.wantOn(p.Extent, every...)
			h.wantOn(q.Extent, every...)
			h.wantIdle()
		})
	}
}

// wantIdle checks that nothing is left to mend and nothing was called damaged.
func (h *homes) wantIdle() {
	h.t.Helper()
	for i, x := range h.all {
		if x.Store == nil {
			continue
		}
		if p := x.Progress(); p.Queued > 0 || p.Lost > 0 {
			h.t.Errorf("home %d: %+v", i, p)
		}
		x.hurtMu.Lock()
		for id := range x.hurt {
			h.t.Errorf("home %d: extent %s counts as damaged", i, id)
		}
		x.hurtMu.Unlock()
	}
}

func TestTooFewHolders(t *testing.T) {
	h := newHomesWith(t, homesOptions{holders: 3, voters: 5, gateways: 0})
	h.cut(1, true)
	h.cut(2, true)
	_, _, err := h.all[0].write("k", noise(5*FrameSize))
	wantKind(t, err, errs.Unavailable)
	h.cut(1, false)
	h.cut(2, false)
	for _, x := range h.all[:3] {
		_, err := x.Sweep(ctx, func(ident.ID) {})
		must(t, err)
	}
	h.settle()
	h.wantNothing()
}

// wantNothing checks that no home has any bytes.
func (h *homes) wantNothing() {
	h.t.Helper()
	for i, x := range h.all {
		if x.disks != nil {
			if ids := x.extents(); len(ids) > 0 {
				h.t.Errorf("home %d still has %v", i, ids)
			}
		}
	}
}

func TestFullHolders(t *testing.T) {
	plain := noise(6 * FrameSize)
	small := int64(2 << 20)
	for name, c := range map[string]struct {
		holders int
		full    map[int]int64
		kind    error
	}{
		"one":             {1, map[int]int64{0: small}, errs.Full},
		"one of two":      {2, map[int]int64{1: small}, errs.Full},
		"here, of two":    {2, map[int]int64{0: small}, errs.Full},
		"one of three":    {3, map[int]int64{2: small}, nil},
		"here, of three":  {3, map[int]int64{0: small}, nil},
		"two of three":    {3, map[int]int64{1: small, 2: small}, errs.Full},
		"all three":       {3, map[int]int64{0: small, 1: small, 2: small}, errs.Full},
		"here and beyond": {3, map[int]int64{0: small, 2: small}, errs.Full},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHomesWith(t, homesOptions{holders: c.holders, capacity: c.full, gateways: 1})
			for _, from := range []int{0, c.holders} {
				for _, hint := range []int64{int64(len(plain)), -1} {
					ref := h.all[from].ref("k")
					w := h.all[from].NewWriter(ctx, ref, hint, nil)
					_, err := w.Write(plain)
					var p Piece
					if err == nil {
						p, err = w.Close(ctx)
					}
					w.Abort()
					if c.kind == nil {
						must(t, err)
						h.wantBytes(from, p, plain)
						continue
					}
					wantKind(t, err, c.kind.(errs.Kind))
				}
			}
			if c.kind != nil {
				h.settle()
				h.wantNothing()
			}
		})
	}
}

func TestRestGivesBuffersBack(t *testing.T) {
	h := newHomes(t, 3)
	plain := noise(3*FrameSize + 5)
	ref := h.all[0].ref("k")
	w := h.all[0].NewWriter(ctx, ref, -1, nil)
	for at := 0; at < len(plain); at += FrameSize {
		_, err := w.Write(plain[at:min(at+FrameSize, len(plain))])
		must(t, err)
		if at+FrameSize < len(plain) {
			must(t, w.Rest())
		}
	}
	p, err := w.Close(ctx)
	must(t, err)
	must(t, h.all[0].commit(ref, p.Extent))
	h.settle()
	h.wantOn(p.Extent, 0, 1, 2)
	h.wantBytes(2, p, plain)
}

// TestKilledCoordinatorLeavesNothing: a node dies at any step of a write.
func TestKilledCoordinatorLeavesNothing(t *testing.T) {
	plain := noise(3 * FrameSize)
	for name, step := range map[string]func(h *homes, x *home){
		"mid-write": func(h *homes, x *home) {
			w := x.NewWriter(ctx, x.ref("k"), -1, nil)
			_, err := w.Write(plain)
			must(t, err)
			x.vanish()
			w.Abort()
		},
		"bytes without a row": func(h *homes, x *home) {
			f, err := x.newFan(ctx, ident.New(), -1)
			must(t, err)
			must(t, f.append(bytes.Repeat([]byte{7}, 5000), nil))
			must(t, f.commit(ctx, nil))
		},
		"row and bytes without a commit": func(h *homes, x *home) {
			_, _, err := x.write("k", plain)
			must(t, err)
		},
		"row without bytes": func(h *homes, x *home) {
			id, ref := ident.New(), x.ref("k")
			v := (&rowRecord{Length: 5, Stored: 23, Frames: 1, Digest: make([]byte, 16), Refs: []refRecord{record(ref)}}).value(true)
			must(t, x.regs.Create(ctx, Row(id), x.regs.NewBallot(), v))
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHomesWith(t, homesOptions{holders: 3, gateways: 1})
			x := h.all[3]
			step(h, x)
			h.quiet()
			x.vanish()
			for range 2 + passesMute { // the one who wrote cannot be asked any more
				for _, y := range h.all[:3] {
					_, _, err := y.CollectPending(ctx, usesData)
					must(t, err)
				}
			}
			h.settle()
			h.wantNothing()
			h.wantIdle()
			for i, y := range h.all[:3] {
				if n, err := y.local.PendingCount(ctx, Extents); err != nil || n > 0 {
					t.Errorf("home %d has %d on its work list, %v", i, n, err)
				}
			}
		})
	}
}
