package register

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"

	"rhizome/cluster/register/core"
)

// settleIn writes rows of all kinds and returns what a scan shows.
func settleIn(t *testing.T, s *Coordinator, n int) {
	t.Helper()
	ctx := ctxFor(t)
	for i := range n {
		row := Row{1, fmt.Sprint("p", i%2), fmt.Sprintf("%04d", i)}
		v := text(fmt.Sprint("v", i))
		v.Pending = i%5 == 0
		if i%3 == 0 {
			v.Blob = make([]byte, 2000)
		}
		_, err := s.Update(ctx, row, put(v))
		check(t, err)
		if i%4 == 0 {
			_, err = s.Update(ctx, row, remove())
			check(t, err)
		}
	}
	check(t, s.Fence(ctx, 2, "p1", 7))
}

func (w *town) holds(t *testing.T, s *Coordinator, n int) {
	t.Helper()
	ctx := ctxFor(t)
	var want int64
	for i := range n {
		row := Row{1, fmt.Sprint("p", i%2), fmt.Sprintf("%04d", i)}
		v, _, err := s.Read(ctx, row)
		check(t, err)
		if i%4 == 0 {
			if v != nil {
				t.Fatalf("%v came back: %s", row, data(v))
			}
			continue
		}
		want++
		if data(v) != fmt.Sprint("v", i) || (len(v.Blob) == 2000) != (i%3 == 0) {
			t.Fatalf("%v holds %s and %d bytes", row, data(v), len(v.Blob))
		}
	}
	page, err := s.Scan(ctx, Scan{Table: 1, Parts: []string{"p0", "p1"}, Limit: 10_000})
	check(t, err)
	if int64(len(page.Entries)) != want || page.More {
		t.Fatalf("%d rows are listed of %d, more %v", len(page.Entries), want, page.More)
	}
	var count int64
	for _, part := range []string{"p0", "p1"} {
		c, _, err := s.Weight(ctx, 1, part)
		check(t, err)
		count += c
	}
	if count != want {
		t.Fatalf("%d rows are counted of %d", count, want)
	}
	_, err = s.Update(ctx, Row{2, "p1", "x"}, put(text("x")))
	if !errors.Is(err, ErrFenced) {
		t.Fatalf("a fence was lost: %v", err)
	}
}

func TestLayoutChanges(t *testing.T) {
	for _, sets := range [][]string{{"1", "123"}, {"123", "345"}, {"123", "12345", "123"}, {"123", "145", "123"}, {"12", "23", "14"}, {"1", "2", "12"}} {
		t.Run(fmt.Sprint(sets), func(t *testing.T) {
			const n = 600
			w := newTown(t, 5, sets[0], "p0", "p1")
			settleIn(t, w.homes[0].coord, n)
			for k, set := range sets[1:] {
				w.change(set)
				w.learn(k % 5)
				w.holds(t, w.homes[(k+1)%5].coord, n)
				w.learn(0, 1, 2, 3, 4)
				eventually(t, "imported", func() bool { return w.imported(all) })
				w.holds(t, w.homes[(k+2)%5].coord, n)
				eventually(t, "old rows dropped", func() bool {
					for _, h := range w.homes {
						if h.rep.Progress().Kept > 0 {
							return false
						}
					}
					return true
				})
				for _, d := range set {
					h := w.homes[d-'1']
					agreeOn(t, h.rep, w.chain[len(w.chain)-1].Term(w.hot[0]))
				}
			}
			w.forgets(t)
		})
	}
}

// forgets checks that tombstones go once all that keep them agree. All are asked until none
// is left anywhere: what one was told late it holds after the others forgot.
func (w *town) forgets(t *testing.T) {
	eventually(t, "forgotten", func() bool {
		kept := 0
		for _, h := range w.homes {
			left, err := h.coord.Forget(ctxFor(t), 0)
			if err != nil || left > 0 {
				return false
			}
			check(t, Records(context.Background(), h.kv, func(r RawRecord) error {
				if r.Cell.Value == nil {
					kept++
				}
				return nil
			}, nil))
		}
		return kept == 0
	})
}

// TestImportedRowsCountInReads checks that rows which a majority held alike need no
// round after an import.
func TestImportedRowsCountInReads(t *testing.T) {
	w := newTown(t, 3, "1", "p0", "p1")
	settleIn(t, w.homes[0].coord, 50)
	w.crash(0)
	w.change("123")
	w.learn(0, 1, 2)
	eventually(t, "imported", func() bool { return w.imported(all) })
	for _, h := range w.homes {
		check(t, Records(context.Background(), h.kv, func(r RawRecord) error {
			if r.Cell.Soft {
				return fmt.Errorf("%v is soft", r.Row)
			}
			return nil
		}, nil))
	}
}

// TestSealedSource checks that a replica that handed rows on takes no more votes under
// the old term.
func TestSealedSource(t *testing.T) {
	w := newTown(t, 3, "1", "p0")
	ctx, row := ctxFor(t), Row{1, "p0", "k"}
	w.change("23")
	old := w.homes[0].rep
	rec := core.Record{Ballot: Ballot{Round: 5}, Value: text("x"), Recent: []Ballot{{Round: 5}}}
	if a, err := old.Accept(ctx, 1, row, rec); err != nil || a.Refusal != core.None {
		t.Fatalf("%+v %v", a, err)
	}
	if _, err := old.Export(ctx, ExportQuery{Partition: w.hot[0], Term: 2, From: 1, Limit: 1}); err == nil {
		t.Fatal("rows were handed on before the layout was known")
	}
	w.learn(0)
	rec.Ballot.Round = 6
	if a, err := old.Accept(ctx, 1, row, rec); err != nil || a.Refusal != core.OldPlan {
		t.Fatalf("%+v %v", a, err)
	}
	w.crash(0)
	if a, err := w.homes[0].rep.Accept(ctx, 1, row, rec); err != nil || a.Refusal != core.OldPlan {
		t.Fatalf("after a restart: %+v %v", a, err)
	}
	v, _, err := w.homes[2].coord.Read(ctx, row)
	check(t, err)
	if data(v) != "x" {
		t.Fatalf("%s", data(v))
	}
}

// TestTheLastCopyStays: an import that cannot go on, because all others that had rows are
// lost, does not cost those that are here.
func TestTheLastCopyStays(t *testing.T) {
	const n = 40
	w := newTown(t, 3, "12", "p0", "p1")
	settleIn(t, w.homes[0].coord, n)
	w.net.Crash(nodeID(1))
	w.net.Crash(nodeID(2))
	w.change("123")
	w.learn(0)
	w.recover("1", "1")
	w.learn(0)
	eventually(t, "imported", func() bool { return w.homes[0].rep.Progress().Imported == groups })
	w.holds(t, w.homes[0].coord, n)
}

// TestImportedFenceWaitsForWrites brings a fence by an import while an Accept that was
// let through before is under way: who is told of the fence has to see that row.
func TestImportedFenceWaitsForWrites(t *testing.T) {
	w := newTown(t, 1, "1", "p")
	r := w.homes[0].rep
	s, c := r.acquire(rowKey(headKey, Row{1, "p", "a"})[1:])
	done := make(chan error, 1)
	go func() { done <- r.installFences(map[partID]uint64{{1, "p"}: 7}) }()
	eventually(t, "refused", func() bool { return r.fences.of(1, "p").refuse == 7 })
	for range 100 {
		runtime.Gosched()
		if r.fences.of(1, "p").told != 0 {
			t.Fatal("the fence is told while a write goes on that it did not stop")
		}
	}
	r.release(s, c)
	check(t, <-done)
	if told := r.fences.of(1, "p").told; told != 7 {
		t.Fatalf("the fence that is told of is %d", told)
	}
}
