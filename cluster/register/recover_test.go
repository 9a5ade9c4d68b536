package register

import (
	"context"
	"fmt"
	"testing"
)

// TestWhatIsLeft loses nodes for good in the midst of a change of layout. What others have,
// in whatever part they had in it, is there afterwards, and imports end.
func TestWhatIsLeft(t *testing.T) {
	const n = 40
	for name, play := range map[string]func(t *testing.T, w *town){
		"those who took over are lost": func(t *testing.T, w *town) {
			w.lose(1)
			w.change("2")
			w.learn(0)
			w.recover("134", "34")
			w.learn(0, 2, 3)
		},
		"they are lost, and nobody else takes part in the recovery but who had it": func(t *testing.T, w *town) {
			w.lose(1)
			w.change("2")
			w.learn(0)
			w.recover("1", "1")
			w.learn(0)
		},
		"a replica of both layouts is left, which had not imported, and an empty one": func(t *testing.T, w *town) {
			w.replaced(t)
			w.recover("13", "13")
			w.learn(0, 2)
		},
		"it recovers once more without the one that is waited for": func(t *testing.T, w *town) {
			w.replaced(t)
			w.recover("123", "13")
			w.learn(0, 2)
			w.recover("13", "3")
			w.learn(0, 2)
		},
		"it heard nothing before the recovery": func(t *testing.T, w *town) {
			w.lose(1)
			w.change("123")
			w.recover("13", "13")
			w.learn(0, 2)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newTown(t, 4, "1", "p0", "p1")
			settleIn(t, w.homes[0].coord, n)
			play(t, w)
			eventually(t, "imported", func() bool { return w.imported(all) })
			l := w.chain[len(w.chain)-1]
			for _, i := range l.Assigned[w.hot[0]] {
				w.holds(t, w.homes[i].coord, n)
			}
			eventually(t, "old rows dropped", func() bool {
				for _, i := range []int{0, 2, 3} {
					if w.homes[i].Layout() == l && w.homes[i].rep.Progress().Kept > 0 {
						return false
					}
				}
				return true
			})
			w.crash(int(l.Assigned[w.hot[0]][0]))
			w.holds(t, w.homes[l.Assigned[w.hot[0]][0]].coord, n)
		})
	}
}

// lose takes a home's links away for good.
func (w *town) lose(i int) { w.net.Crash(w.homes[i].id) }

// TestAnUnfinishedTermIsPassedOver: of a term that nobody could import, rows are those of the
// term before it.
func TestAnUnfinishedTermIsPassedOver(t *testing.T) {
	w := newTown(t, 3, "12", "p0")
	ctx := ctxFor(t)
	for i := range 3 {
		_, err := w.homes[0].coord.Update(ctx, Row{1, "p0", fmt.Sprint(i)}, put(text("old")))
		check(t, err)
	}
	w.lose(1)
	w.change("23") // 2 never hears of it, 1 alone is no majority: 3 cannot import
	w.learn(0, 2)
	w.recover("13", "13")
	w.learn(0, 2)
	eventually(t, "imported", func() bool { return w.imported(all) })
	for _, i := range []int{0, 2} {
		for k := range 3 {
			v, _, err := w.homes[i].coord.Read(ctx, Row{1, "p0", fmt.Sprint(k)})
			check(t, err)
			if data(v) != "old" {
				t.Fatalf("home %d reads %q", i, data(v))
			}
		}
	}
}

// TestOldRowsDoNotComeBack: what was deleted and forgotten stays so, although a node is left
// that was away all the time and has it still, and is to keep the rows again.
func TestOldRowsDoNotComeBack(t *testing.T) {
	w := newTown(t, 5, "123", "p0")
	ctx, row := ctxFor(t), Row{1, "p0", "k"}
	_, err := w.homes[0].coord.Update(ctx, row, put(text("x")))
	check(t, err)
	eventually(t, "the row is everywhere", func() bool {
		_, err := w.homes[0].coord.Update(ctx, row, put(text("y")))
		check(t, err)
		return holdsRow(t, w.homes[0], row)
	})
	for i := 1; i < 5; i++ {
		w.net.Cut(nodeID(0), nodeID(i))
	}
	w.change("45")
	w.learn(1, 2, 3, 4)
	eventually(t, "imported", func() bool { return w.imported(all) })
	_, err = w.homes[3].coord.Update(ctx, row, remove())
	check(t, err)
	for _, i := range []int{3, 4} {
		eventually(t, "forgotten", func() bool {
			left, err := w.homes[i].coord.Forget(ctx, 0)
			return err == nil && left == 0
		})
	}
	w.lose(1)
	w.lose(2)
	w.lose(4)
	w.net.Heal(nodeID(0), nodeID(3))
	w.recover("14", "14")
	w.learn(0, 3)
	eventually(t, "imported", func() bool { return w.imported(all) })
	for _, i := range []int{0, 3} {
		v, _, err := w.homes[i].coord.Read(ctx, row)
		check(t, err)
		if v != nil {
			t.Fatalf("home %d reads %q, which was deleted", i, data(v))
		}
	}
	if holdsRow(t, w.homes[0], row) {
		t.Error("it came back")
	}
	for _, i := range []int{0, 3} {
		if x := w.homes[i].rep.tenures[groupOf(slotOf(row.Part))].Load(); !x.pair {
			t.Errorf("home %d does not know that the partition has two replicas", i)
		}
	}
}

func holdsRow(t *testing.T, h *home, row Row) (yes bool) {
	t.Helper()
	check(t, Records(context.Background(), h.kv, func(r RawRecord) error {
		yes = yes || r.Row == row && r.Cell.Value != nil
		return nil
	}, nil))
	return yes
}

// replaced loses a home that had taken up all rows beside the first; another comes for it.
func (w *town) replaced(t *testing.T) {
	w.change("12")
	w.learn(0, 1)
	eventually(t, "imported", func() bool { return w.imported(all) })
	w.lose(1)
	w.change("13")
	w.learn(0, 2)
}
