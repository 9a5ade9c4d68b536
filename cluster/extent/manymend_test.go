package extent

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/base/seeds"
	"rhizome/cluster/register"
	"rhizome/net/rpc"
)

func (h *homes) sweep(which ...int) {
	h.t.Helper()
	for _, i := range which {
		_, err := h.all[i].Sweep(ctx, func(id ident.ID) { h.t.Errorf("extent %s counts as lost", id) })
		must(h.t, err)
	}
}

func TestDamageIsMended(t *testing.T) {
	plain := noise(5 * FrameSize)
	for name, found := range map[string]func(h *homes, p Piece){
		"by a reader here": func(h *homes, p Piece) { h.wantBytes(1, p, plain) },
		"by a reader elsewhere": func(h *homes, p Piece) {
			for _, i := range []int{0, 2} {
				h.net.SetWay(homeID(i), homeID(3), rpc.Way{Delay: 20 * time.Millisecond})
			}
			got, err := h.all[3].get(p, 2*FrameSize, 10)
			if err != nil || string(got) != string(plain[2*FrameSize:2*FrameSize+10]) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
		},
		"by the check of stored bytes": func(h *homes, p Piece) { h.all[1].Suspect(p.Extent) },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHomesWith(t, homesOptions{holders: 3, gateways: 1})
			p := h.all[0].keep("k", plain)
			h.settle()
			before := h.all[1].Progress().Fetched
			h.all[1].spoil(p.Extent, 2)
			h.wantOn(p.Extent, 0, 2)
			found(h, p)
			h.quiet()
			h.settle()
			h.wantOn(p.Extent, 0, 1, 2)
			if n := h.all[1].Progress().Queued; n != 0 {
				t.Errorf("%d queued", n)
			}
			// Only what was damaged came over the network.
			if got := h.all[1].Progress().Fetched - before; got > 2*FrameSize {
				t.Errorf("%d bytes fetched for one frame", got)
			}
		})
	}
}

func TestDamageInDifferentFramesOnAllHomes(t *testing.T) {
	h := newHomes(t, 3)
	p := h.all[0].keep("k", noise(4*FrameSize))
	h.settle()
	for i := range 3 {
		h.all[i].spoil(p.Extent, i)
		h.all[i].Suspect(p.Extent)
	}
	h.settle()
	h.wantOn(p.Extent, 0, 1, 2)
}

func TestReplacedNodeGetsEverything(t *testing.T) {
	h := newHomesWith(t, homesOptions{holders: 3, voters: 5})
	var kept []Piece
	for i := range 12 {
		kept = append(kept, h.all[i%3].keep(fmt.Sprint(i), noise(1000+i*300_000)))
	}
	h.settle()
	h.all[2].vanish() // for ever
	h.relay(0, 1, 3)
	if p := h.all[3].Progress(); p.Queued != len(kept) || p.ByReason[Missing] != len(kept) || p.Bytes < 1_000_000 {
		t.Errorf("before: %+v", p)
	}
	h.settle()
	for _, p := range kept {
		h.wantOnOf(p.Extent, []int{0, 1, 3, 4}, 0, 1, 3)
	}
	if p := h.all[3].Progress(); p.Queued != 0 || p.Bytes != 0 || p.Mended != int64(len(kept)) || p.LastError != nil {
		t.Errorf("after: %+v", p)
	}
}

// wantOnOf is wantOn that looks at some homes only.
func (h *homes) wantOnOf(id ident.ID, look []int, want ...int) {
	h.t.Helper()
	for _, i := range look {
		wanted := false
		for _, w := range want {
			wanted = wanted || w == i
		}
		if got := h.all[i].has(id); got != wanted {
			h.t.Errorf("home %d has the bytes: %v", i, got)
		}
	}
}

func TestLayoutMoves(t *testing.T) {
	h := newHomesWith(t, homesOptions{holders: 3, voters: 5, gateways: 1})
	for _, x := range h.all {
		x.endurance = time.Second
	}
	plain := noise(2*FrameSize + 5)
	p := h.all[0].keep("k", plain)
	h.settle()
	h.cut(4, true) // one of the new ones is away: nothing is deleted
	h.relay(2, 3, 4)
	h.settle()
	h.wantOnOf(p.Extent, []int{0, 1, 2, 3}, 0, 1, 2, 3)
	if q := h.all[0].Progress(); q.ByReason[Moved] != 1 || q.LastError == nil {
		t.Errorf("home 0: %+v", q)
	}
	h.wantBytes(5, p, plain)
	h.cut(4, false)
	for _, x := range h.all {
		x.LinkUp(homeID(4))
	}
	h.spread()
	h.sweep(4)
	h.settle()
	h.wantOn(p.Extent, 2, 3, 4)
	h.wantIdle()
	h.wantBytes(0, p, plain)
	// And back again, where its old files were removed a moment ago.
	h.relay(0, 1, 2)
	h.settle()
	h.wantOn(p.Extent, 0, 1, 2)
	h.wantIdle()
}

// TestForgottenHolderHandsOver moves bytes while nobody remembers who had them: the
// writer's layout was older than any that the new holder knows.
func TestForgottenHolderHandsOver(t *testing.T) {
	h := newHomesWith(t, homesOptions{holders: 1, voters: 2})
	plain := noise(2*FrameSize + 5)
	p := h.all[0].keep("k", plain)
	h.settle()
	h.spread()
	h.relay(1)
	h.mu.Lock()
	h.former = nil
	h.mu.Unlock()
	h.all[1].mend.add(p.Extent, Missing, 0, 0)
	for range lostTries + 1 {
		h.all[1].mendOnce()
	}
	if q := h.all[1].Progress(); q.Lost != 1 {
		t.Errorf("what nobody is known to have does not count as lost: %+v", q)
	}
	h.settle()
	h.wantOn(p.Extent, 1)
	h.wantBytes(1, p, plain)
	if q := h.all[1].Progress(); q.Lost != 0 {
		t.Errorf("what was found counts as lost: %+v", q)
	}
}

func TestDamagedCopyIsNoReasonToDelete(t *testing.T) {
	h := newHomesWith(t, homesOptions{holders: 1, voters: 2})
	p := h.all[0].keep("k", noise(3*FrameSize))
	h.settle()
	h.relay(1)
	h.all[1].settleAlone() // it has fetched
	h.all[1].spoil(p.Extent, 1)
	h.all[1].mend.add(p.Extent, Damaged, 0, 1<<40)
	h.all[0].mendOnce()
	h.wantOn(p.Extent, 0)
	h.all[1].settleAlone()
	h.all[0].settleAlone()
	h.wantOn(p.Extent, 1)
}

func (x *home) settleAlone() {
	for range 5 {
		if x.mendOnce() == 0 {
			return
		}
	}
}

func TestLostIsTold(t *testing.T) {
	h := newHomes(t, 3)
	p := h.all[0].keep("k", noise(3*FrameSize))
	h.settle()
	h.onlyOn(p.Extent)
	h.sweep(0, 1, 2)
	for range lostTries + 2 {
		for _, x := range h.all {
			x.mendOnce()
		}
	}
	for i, x := range h.all {
		if q := x.Progress(); q.Lost != 1 || q.Queued != 0 {
			t.Errorf("home %d: %+v", i, q)
		}
		x.hurtMu.Lock()
		if !x.hurt[p.Extent] {
			t.Errorf("home %d tells nothing", i)
		}
		x.hurtMu.Unlock()
	}
}

func TestDeletedEverywhere(t *testing.T) {
	h := newHomesWith(t, homesOptions{holders: 3, gateways: 1})
	p, ref, err := h.all[3].write("k", noise(FrameSize+1))
	must(t, err)
	h.settle()
	h.wantOn(p.Extent, 0, 1, 2)
	must(t, h.all[3].DropRef(ctx, p.Extent, ref.ID))
	h.all[3].regs.Close()
	h.settle()
	h.wantNothing()
	h.wantIdle()
}

func TestDeletedWhileAway(t *testing.T) {
	h := newHomes(t, 3)
	p, ref, err := h.all[0].write("k", noise(FrameSize+1))
	must(t, err)
	h.settle()
	h.cut(2, true)
	must(t, h.all[0].DropRef(ctx, p.Extent, ref.ID))
	h.settle()
	h.wantOn(p.Extent, 2)
	_, err = h.all[2].Sweep(ctx, func(ident.ID) {}) // it cannot tell: nothing goes
	wantKind(t, err, errs.Unavailable)
	h.settle()
	h.wantOn(p.Extent, 2)
	h.cut(2, false)
	h.sweep(2)
	h.settle()
	h.wantNothing()
}

func TestWhere(t *testing.T) {
	h := newHomesWith(t, homesOptions{holders: 4, gateways: 1})
	p := h.all[0].keep("k", noise(3*FrameSize))
	h.settle()
	must(t, h.all[1].disks.Delete(ctx, p.Extent))
	h.all[2].spoil(p.Extent, 1)
	h.cut(3, true)
	for _, from := range []int{0, 4} {
		st, err := h.all[from].Where(ctx, p.Extent)
		must(t, err)
		if len(st.Holders) != 4 || st.Missing {
			t.Fatalf("%+v", st)
		}
		for _, x := range st.Holders {
			i := int(x.Node[0]) - 1
			if x.Missing != (i == 1) || (len(x.Damaged) > 0) != (i == 2) || (x.Err != nil) != (i == 3) || x.Whole() != (i == 0) {
				t.Errorf("home %d: %+v", i, x)
			}
			if i == 0 && x.Place.File == "" {
				t.Error("no place")
			}
		}
	}
}

func TestCollectorAsksTheWriter(t *testing.T) {
	h := newHomesWith(t, homesOptions{holders: 3, gateways: 1})
	p, _, err := h.all[3].write("k", noise(1000))
	must(t, err)
	h.settle()
	pass := func(n int) {
		for range n {
			for _, x := range h.all[:3] {
				_, _, err := x.CollectPending(ctx, usesData)
				must(t, err)
			}
		}
	}
	pass(2 * passesMute)
	h.wantOn(p.Extent, 0, 1, 2) // its writer is at work
	h.all[3].Release(p.Extent)
	// One replica collects; the others leave it to that one.
	for range 2 {
		for i := range 2 {
			h.all[2-i].Store.mu.Lock()
			clear(h.all[2-i].seen)
			h.all[2-i].Store.mu.Unlock()
			c, _, err := h.all[2-i].CollectPending(ctx, usesData)
			if err != nil || c > 0 {
				t.Errorf("home %d collected %d, %v", 2-i, c, err)
			}
		}
	}
	c, _, err := h.all[0].CollectPending(ctx, usesData)
	if err != nil || c != 1 {
		t.Errorf("home 0 collected %d, %v", c, err)
	}
	h.all[0].regs.Close()
	h.settle()
	h.wantNothing()
}

// TestMendRuns: the service itself mends, and ends.
func TestMendRuns(t *testing.T) {
	h := newHomes(t, 3)
	p := h.all[0].keep("k", noise(2*FrameSize))
	h.settle()
	must(t, h.all[2].disks.Delete(ctx, p.Extent))
	run, stop := context.WithCancel(ctx)
	whole := make(chan ident.ID, 10)
	h.all[2].OnMended(func(id ident.ID) { whole <- id })
	ended := make(chan error, 1)
	go func() { ended <- h.all[2].Mend(run, usesData) }()
	h.all[2].Relaid() // looks at everything anew
	if id := <-whole; id != p.Extent || !h.all[2].has(id) {
		t.Errorf("extent %s", id)
	}
	stop()
	must(t, <-ended)
}

// TestManyHistory: writers on all nodes while homes crash and links are cut; in the end
// every home has every extent that a row uses, whole, and nothing else.
func TestManyHistory(t *testing.T) {
	for seed := range seeds.Of(t, 3, 400) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { history(t, seed) })
	}
}

func history(t *testing.T, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 5))
	h := newHomesWith(t, homesOptions{holders: 3, gateways: 1})
	type deed struct {
		piece Piece
		ref   Ref
		plain []byte
	}
	var kept []deed
	for step := range 40 {
		away := -1
		switch r.IntN(5) {
		case 0:
			away = r.IntN(3)
			h.cut(away, true)
		case 1:
			h.all[r.IntN(3)].crash()
		case 2:
			if len(kept) > 0 {
				h.all[r.IntN(3)].spoilIfThere(kept[r.IntN(len(kept))].piece.Extent)
			}
		}
		from := r.IntN(4)
		if from == away {
			from = 3
		}
		x := h.all[from]
		switch k := r.IntN(10); {
		case k < 2 && len(kept) > 0:
			i := r.IntN(len(kept))
			d := kept[i]
			kept = append(kept[:i], kept[i+1:]...)
			_, err := x.regs.Update(ctx, d.ref.Row, remove())
			must(t, err)
			must(t, x.DropRef(ctx, d.piece.Extent, d.ref.ID))
		case k < 4: // given up
			if p, _, err := x.write("lost", noise(r.IntN(3*FrameSize))); err == nil {
				x.Release(p.Extent)
			}
		default:
			d := deed{plain: noise(r.IntN(3 * FrameSize))}
			var err error
			d.piece, d.ref, err = x.write(fmt.Sprint(step), d.plain)
			if err == nil {
				err = x.commit(d.ref, d.piece.Extent)
			}
			if err != nil {
				if !errors.Is(err, errs.Unavailable) && !errors.Is(err, errs.Conflict) {
					t.Fatal(err)
				}
				break
			}
			x.Settle(d.ref.ID, d.piece.Extent)
			kept = append(kept, d)
		}
		if away >= 0 {
			h.cut(away, false)
		}
	}
	h.quiet()
	for range 2 {
		h.spread()
		for range 8 {
			for _, x := range h.all {
				_, _, err := x.CollectPending(ctx, usesData)
				must(t, err)
			}
		}
		for i := range 3 {
			_, err := h.all[i].Sweep(ctx, func(ident.ID) {})
			must(t, err)
			for _, d := range kept {
				h.all[i].Suspect(d.piece.Extent)
			}
		}
		h.settle()
	}
	for _, d := range kept {
		h.wantOn(d.piece.Extent, 0, 1, 2)
		h.wantBytes(r.IntN(4), d.piece, d.plain)
	}
	for i, x := range h.all[:3] {
		if n := len(x.extents()); n != len(kept) {
			t.Errorf("home %d has %d extents, %d are used", i, n, len(kept))
		}
		if p := x.Progress(); p.Queued > 0 {
			t.Errorf("home %d: %+v", i, p)
		}
	}
}

func remove() register.Change {
	return register.Change{Apply: func(*register.Value) (*register.Value, error) { return nil, nil }}
}

// spoilIfThere turns a byte of an extent that is here and whole, if others have it whole.
func (x *home) spoilIfThere(id ident.ID) {
	for _, o := range x.h.all[:3] {
		if !o.has(id) {
			return
		}
	}
	if i, err := x.disks.Info(ctx, id); err == nil && i.Frames > 0 {
		x.spoilAt(i, 0)
	}
}
