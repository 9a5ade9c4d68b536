package extent

import (
	"context"
	"testing"
	"time"

	"rhizome/base/ident"
)

// TestBytesOfLateRowsComeAtOnce: the bytes of a row that others had before are fetched
// without waiting for a writer that there is not; those of a new row are waited for.
func TestBytesOfLateRowsComeAtOnce(t *testing.T) {
	h := newHomes(t, 3)
	old, fresh := h.all[0].keep("old", noise(FrameSize)), h.all[0].keep("fresh", noise(FrameSize))
	h.settle()
	x := h.all[2]
	x.mend.grace = time.Hour
	for _, p := range []Piece{old, fresh} {
		must(t, x.disks.Delete(ctx, p.Extent))
	}
	run, stop := context.WithCancel(ctx)
	whole := make(chan ident.ID, 10)
	x.OnMended(func(id ident.ID) { whole <- id })
	ended := make(chan error, 1)
	go func() { ended <- x.Mend(run, usesData) }()
	for _, late := range []bool{false, true} {
		p := fresh
		if late {
			p = old
		}
		v, _, err := x.regs.Read(ctx, Row(p.Extent))
		must(t, err)
		x.Notice(Row(p.Extent), v, late)
	}
	if id := <-whole; id != old.Extent || !x.has(id) {
		t.Errorf("extent %s came", id)
	}
	stop()
	must(t, <-ended)
	if p := x.Progress(); p.Waiting != 1 || x.has(fresh.Extent) {
		t.Errorf("of what is on its way: %+v", p)
	}
}

// TestBytesThatComeAfterAMove: a writer goes by the layout of before, so that bytes come to a
// node when its share is others' already. It lets go of them as soon as these have them, and
// waits for the row as long as for any other if that has not come.
func TestBytesThatComeAfterAMove(t *testing.T) {
	h := newHomes(t, 4)
	p := h.all[0].keep("k", noise(FrameSize))
	h.settle()
	h.relay(1, 2, 3)
	h.settle()
	h.wantOn(p.Extent, 1, 2, 3)
	x, fresh := h.all[0], ident.New()
	x.arrived(p.Extent)
	x.arrived(fresh)
	if q := x.Progress(); q.ByReason[Moved] != 2 || q.ByReason[Unused] != 0 {
		t.Errorf("what came late: %+v", q)
	}
	v := x.settleMoved(ctx, []task{{id: fresh, why: Moved}})
	if want := (errLater{Unused, x.mend.orphan}); v[0] != want {
		t.Errorf("bytes whose row may be on its way: %v", v[0])
	}
	x.mend.add(fresh, Unused, 0, time.Hour) // as a comparison that finds no row says
	if due := x.mend.chores[fresh].due - x.mend.now(); due < time.Hour/2 {
		t.Errorf("bytes whose row may be on its way are looked at after %v", due)
	}
}
