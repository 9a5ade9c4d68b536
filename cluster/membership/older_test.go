package membership

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"rhizome/base/errs"
	"rhizome/base/vfs"
)

// copied is what a node's disk holds now.
func (c *club) copied(n byte) vfs.FS {
	return c.nodes[n].fs.(*vfs.MemFS).CrashClone(vfs.CrashCloneCfg{})
}

// on starts a node again on another disk.
func (c *club) on(n byte, disk vfs.FS) *node {
	c.t.Helper()
	c.stop(n)
	c.nodes[n].fs = disk
	return c.start(n)
}

// refused waits until a node knows that its rows are an old copy, and those who told it too.
func (c *club) refused(n byte, by ...byte) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.ctx, 3*Period)
	defer cancel()
	x := c.nodes[n]
	if err := x.Await(ctx, x.Older); err != nil {
		c.t.Fatal("nobody tells it:", err)
	}
	if x.Member(id(by[0])) {
		c.t.Error("it takes part")
	}
	for _, b := range by {
		m := c.nodes[b]
		says := func() bool {
			for _, p := range m.Peers() {
				if p.Node == id(n) {
					return p.Older && !p.Up && !m.Up(id(n)) && m.Away(id(n)) > 0
				}
			}
			return false
		}
		if err := m.Await(ctx, says); err != nil {
			c.t.Errorf("node %d does not say it: %v", b, err)
		}
	}
}

func TestAnOldCopyIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := three(t)
		old := c.copied(3)
		c.on(3, c.copied(3))
		c.agree(3)
		c.on(3, old)
		c.refused(3, 1, 2)
		c.on(3, c.copied(3))
		if !c.nodes[3].Older() {
			t.Error("it takes part after one more start")
		}
		if _, err := c.nodes[3].AskAround(c.ctx); !errors.Is(err, errOlder) {
			t.Error(err)
		}
	})
}

// TestWhatRanOnIsNewer: a node goes back to what it was while it ran, as from a snapshot of a
// machine, and before that wrote rows or did not.
func TestWhatRanOnIsNewer(t *testing.T) {
	for _, wrote := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			c, a := three(t)
			old := c.copied(3)
			before, _ := a.Card(id(3))
			if wrote {
				if err := c.nodes[3].rows.Set([]byte("row"), nil); err != nil {
					t.Fatal(err)
				}
			}
			passed(c, 20*aging)
			after, _ := a.Card(id(3))
			if grew := after.age() - before.age(); grew > 1 || wrote != (grew == 1) {
				t.Errorf("it is older by %d; rows were written: %v", grew, wrote)
			}
			c.on(3, old)
			if wrote {
				c.refused(3, 1, 2)
			} else {
				c.agree(3)
			}
		})
	}
}

// TestAPowerCutIsNoOldCopy: what was told was durable, however often the power goes.
func TestAPowerCutIsNoOldCopy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := three(t)
		for range 5 {
			for _, n := range []byte{3, 1} {
				if err := c.nodes[n].rows.Set([]byte("row"), nil); err != nil {
					t.Fatal(err)
				}
				passed(c, 3*aging/2)
				c.on(n, c.copied(n))
				c.agree(3)
			}
		}
	})
}

// TestTwoOfOneKey: a node and a copy of it run at once; one of them is told.
func TestTwoOfOneKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a := three(t)
		known, _ := a.Card(id(3))
		other := known
		other.Run, other.Edition = known.Run+1, known.Edition+1
		if yes, err := a.forgot(&other); !yes || err != nil {
			t.Error("another process of the same age is taken for the node")
		}
		if err := a.take(other); err != nil {
			t.Fatal(err)
		}
		if card, _ := a.Card(id(3)); card.Run != known.Run {
			t.Error("the card of the other is kept")
		}
		back := Card{Node: id(3), Edition: known.Edition, Run: known.Run}
		if grown := (Card{Edition: known.Edition + 2<<32, Run: known.Run}); !back.older(&grown) {
			t.Error("a machine that went back while it ran is taken for the node")
		}
		for name, c := range map[string]Card{
			"older":          {Node: id(3), Edition: known.Edition + 1<<32, Run: 7},
			"the same":       known,
			"another":        {Node: id(9), Edition: 1, Run: 7},
			"of an old one":  {Node: id(3), Edition: known.Edition},
			"late by a turn": {Node: id(3), Edition: known.Edition - 1<<32, Run: known.Run},
		} {
			if yes, err := a.forgot(&c); yes || err != nil {
				t.Errorf("%s: taken for an old copy", name)
			}
		}
	})
}

// passed waits, in the clock of the bubble, and for the news of that time.
func passed(c *club, d time.Duration) {
	ctx, cancel := context.WithTimeout(c.ctx, d)
	defer cancel()
	if err := c.nodes[2].Await(ctx, func() bool { return false }); !errors.Is(err, errs.Unavailable) {
		c.t.Fatal(err)
	}
}

// TestAnOldCopyTakesNobodyOut: a node that was told that it is an old copy lets nobody in any
// more. Who told it so is not the one that was taken out, also after a restart, and alone with it.
func TestAnOldCopyTakesNobodyOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := three(t)
		old := c.copied(3)
		c.on(3, c.copied(3))
		c.agree(3)
		c.on(3, old)
		c.refused(3, 1, 2)
		for _, again := range []bool{false, true} {
			if again {
				c.stop(2)
				c.on(1, c.copied(1))
			}
			passed(c, 3*Period)
			ctx, cancel := context.WithTimeout(c.ctx, time.Second)
			defer cancel()
			if by, err := c.nodes[1].AskAround(ctx); len(by) > 0 || err != nil {
				t.Errorf("refused by %v, %v", by, err)
			}
			for _, p := range c.nodes[1].Peers() {
				if p.Refuses || p.Older != (p.Node == id(3)) {
					t.Errorf("%+v", p)
				}
			}
		}
	})
}

// TestWhoCannotBeReachedIsAskedAgain: homes whose power comes back at once start one after the other.
func TestWhoCannotBeReachedIsAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := three(t)
		c.stop(2)
		c.stop(3)
		ctx, cancel := context.WithTimeout(c.ctx, 2*time.Second)
		defer cancel()
		asked := make(chan error, 1)
		go func() {
			_, err := c.nodes[1].AskAround(ctx)
			asked <- err
		}()
		passed(c, time.Second)
		select {
		case err := <-asked:
			t.Fatal("nobody was there, and it does not wait:", err)
		default:
		}
		c.start(2)
		if err := <-asked; err != nil || ctx.Err() != nil {
			t.Error(err, ctx.Err())
		}
	})
}
