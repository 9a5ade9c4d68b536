package register

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
)

// known reports whether a row is answered from memory.
func (c *Coordinator) known(row Row) bool { return c.again.find(row, c.cfg.Layout()) != nil }

func reads(t *testing.T, c *Coordinator, row Row, want string) {
	t.Helper()
	v, b, err := c.Read(ctxFor(t), row)
	check(t, err)
	if data(v) != want || v != nil && b.IsZero() {
		t.Fatalf("%s at %v, not %s", data(v), b, want)
	}
}

// TestReadAgain: a row that one node alone decides on is remembered until it changes.
func TestReadAgain(t *testing.T) {
	c, row, ctx := newCluster(t, 1).store(0), Row{1, "p", "k"}, ctxFor(t)
	reads(t, c, row, "<absent>")
	for i := range 3 {
		_, err := c.Update(ctx, row, put(text(fmt.Sprint(i))))
		check(t, err)
		if c.known(row) {
			t.Fatal("it is remembered as it was")
		}
		reads(t, c, row, fmt.Sprint(i))
		if !c.known(row) {
			t.Fatal("it is not remembered")
		}
		reads(t, c, row, fmt.Sprint(i))
	}
	c.Rest()
	if c.known(row) {
		t.Fatal("it is remembered by a node at rest")
	}
	reads(t, c, row, "2")
	_, err := c.Update(ctx, row, remove())
	check(t, err)
	reads(t, c, row, "<absent>")
	if c.known(row) {
		t.Fatal("a tombstone is remembered")
	}
}

// TestReadAgainSmallRows: only small rows without a blob are remembered.
func TestReadAgainSmallRows(t *testing.T) {
	c, ctx := newCluster(t, 1).store(0), ctxFor(t)
	for i, v := range []*Value{{Data: []byte("x"), Blob: []byte("y")}, {Data: make([]byte, againBytes)}} {
		row := Row{1, "p", fmt.Sprint(i)}
		_, err := c.Update(ctx, row, put(v))
		check(t, err)
		reads(t, c, row, data(v))
		if c.known(row) {
			t.Errorf("row %d is remembered", i)
		}
	}
}

// TestReadAgainWithOthers: what several replicas decide on is not remembered.
func TestReadAgainWithOthers(t *testing.T) {
	c, row := newCluster(t, 3).store(0), Row{1, "p", "k"}
	_, err := c.Update(ctxFor(t), row, put(text("x")))
	check(t, err)
	reads(t, c, row, "x")
	if c.known(row) {
		t.Fatal("it is remembered")
	}
}

// TestReadAgainWhileWriting looks for a row from when a write of it begins: nobody may see the
// row as it was any more once somebody can have seen the new one.
func TestReadAgainWhileWriting(t *testing.T) {
	w := newCluster(t, 1)
	c, r, row := w.store(0), w.nodes[0].rep, Row{1, "p", "k"}
	_, err := c.Update(ctxFor(t), row, put(text("x")))
	check(t, err)
	reads(t, c, row, "x")
	other := row
	for i := 0; r.shardOf(rowKey(headKey, other)[1:]) != r.shardOf(rowKey(headKey, row)[1:]) || other == row; i++ {
		other.Sort = fmt.Sprint(i)
	}
	s, cell := r.acquire(rowKey(headKey, other)[1:])
	s.setWriting(cell, true)
	if c.known(row) || c.standing(row).replica != nil {
		t.Error("a row is remembered while one of its shard is written")
	}
	s.setWriting(cell, false)
	r.release(s, cell)
	if c.known(row) {
		t.Error("a row is remembered from before a write")
	}
	reads(t, c, row, "x")
	if !c.known(row) {
		t.Error("a row is not remembered after a write")
	}
}

// TestReadAgainBegunBefore: a read that was begun before a change shows its own request the
// row as it was, and nobody else.
func TestReadAgainBegunBefore(t *testing.T) {
	c, row := newCluster(t, 1).store(0), Row{1, "p", "k"}
	_, err := c.Update(ctxFor(t), row, put(text("old")))
	check(t, err)
	ctx, a := c.within(ctxFor(t), false)
	defer a.Close()
	a.Read(row)
	a.work.Wait()
	_, err = c.Update(ctxFor(t), row, put(text("new")))
	check(t, err)
	_, _, err = c.Read(ctx, row)
	check(t, err)
	reads(t, c, row, "new")
}

// TestReadAgainAcrossLayouts: what was remembered under one home counts no more from when this
// node knows of a layout with others, or its replica has given the rows up.
func TestReadAgainAcrossLayouts(t *testing.T) {
	row := Row{1, "p0", "k"}
	begin := func(t *testing.T) (*town, *Coordinator) {
		w := newTown(t, 3, "1", "p0")
		c := w.homes[0].coord
		_, err := c.Update(ctxFor(t), row, put(text("old")))
		check(t, err)
		reads(t, c, row, "old")
		if !c.known(row) {
			t.Fatal("it is not remembered")
		}
		return w, c
	}
	t.Run("the layout is known", func(t *testing.T) {
		w, c := begin(t)
		w.change("123")
		h := w.homes[0]
		h.mu.Lock()
		h.known = w.length()
		h.mu.Unlock()
		if c.known(row) {
			t.Fatal("it is remembered")
		}
	})
	t.Run("the replica has adopted it", func(t *testing.T) {
		w, c := begin(t)
		w.change("123")
		check(t, w.homes[0].rep.Adopt(w.at(2)[1]))
		if c.known(row) {
			t.Fatal("it is remembered")
		}
	})
	t.Run("others have changed it", func(t *testing.T) {
		for _, set := range []string{"123", "12", "2"} {
			w, c := begin(t)
			w.change(set)
			w.learn(1)
			w.homes[0].Behind(nodeID(1))
			_, err := w.homes[1].coord.Update(ctxFor(t), row, put(text("new")))
			check(t, err)
			reads(t, c, row, "new")
			reads(t, c, row, "new")
			if c.known(row) {
				t.Fatal("it is remembered")
			}
		}
	})
	t.Run("and back", func(t *testing.T) {
		w, c := begin(t)
		w.change("123")
		w.learn(0, 1, 2)
		_, err := w.homes[1].coord.Update(ctxFor(t), row, put(text("new")))
		check(t, err)
		eventually(t, "imported", func() bool { return w.imported(all) }) // rows do not move on from where they have not come
		w.change("1")
		w.learn(0, 1, 2)
		eventually(t, "remembered again", func() bool {
			reads(t, c, row, "new")
			return c.known(row)
		})
	})
}

// TestReadAgainIsFresh: while a row grows, nobody reads less than what was acknowledged or
// shown by a scan before.
func TestReadAgainIsFresh(t *testing.T) {
	const last = 300
	c, row, ctx := newCluster(t, 1).store(0), Row{1, "p", "k"}, ctxFor(t)
	var seen atomic.Int64
	see := func(n int64) {
		for old := seen.Load(); n > old && !seen.CompareAndSwap(old, n); old = seen.Load() {
		}
	}
	grow := func(n int64) error {
		_, err := c.Update(ctx, row, put(text(fmt.Sprint(n))))
		return err
	}
	check(t, grow(0))
	var others sync.WaitGroup
	for range 3 {
		others.Go(func() {
			for seen.Load() < last {
				before := seen.Load()
				n, err := number(ctx, c, row)
				if err != nil || n < before {
					t.Errorf("read %d after %d: %v", n, before, err)
					return
				}
				see(n)
			}
		})
	}
	others.Go(func() {
		for seen.Load() < last {
			p, err := c.Scan(ctx, Scan{Table: 1, Parts: []string{"p"}, Limit: 1})
			if err != nil || len(p.Entries) != 1 {
				t.Errorf("%+v %v", p, err)
				return
			}
			n, _ := strconv.ParseInt(data(p.Entries[0].Value), 10, 64)
			see(n)
		}
	})
	for n := range int64(last) {
		check(t, grow(n+1))
		see(n + 1)
	}
	others.Wait()
}

func number(ctx context.Context, c *Coordinator, row Row) (int64, error) {
	v, _, err := c.Read(ctx, row)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(data(v), 10, 64)
}

// BenchmarkReadAgain reads one row again and again.
func BenchmarkReadAgain(b *testing.B) {
	c, ctx, row := onDisk(b), context.Background(), Row{1, "p", "k"}
	_, err := c.Update(ctx, row, put(text("x")))
	check(b, err)
	b.ReportAllocs()
	for b.Loop() {
		_, _, err := c.Read(ctx, row)
		check(b, err)
	}
}
