package register

import (
	"context"
	"slices"
	"sync"
	"testing"

	"rhizome/cluster/register/core"
	"rhizome/net/rpc"
)

// TestWhichRowsAreLate: rows that are imported or handed over by healing, and no others.
func TestWhichRowsAreLate(t *testing.T) {
	w := newTown(t, 2, "1", "p0")
	var mu sync.Mutex
	var told []bool
	w.homes[1].rep.OnRow(1, func(_ Row, _ *Value, late bool) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, late)
	})
	ctx := ctxFor(t)
	_, err := w.homes[0].coord.Update(ctx, Row{1, "p0", "imported"}, put(text("x")))
	check(t, err)
	w.change("12")
	w.learn(0, 1)
	eventually(t, "imported", func() bool { return w.imported(all) })
	for _, ctx := range []context.Context{ctx, rpc.Behind(ctx)} {
		b := w.homes[0].coord.NewBallot()
		_, err := w.homes[1].rep.Accept(ctx, 2, Row{1, "p0", "accepted"}, core.Record{Ballot: b, Value: text("y"), Recent: []Ballot{b}})
		check(t, err)
	}
	mu.Lock()
	defer mu.Unlock()
	if !slices.Equal(told, []bool{true, false, true}) {
		t.Errorf("late: %v", told)
	}
}
