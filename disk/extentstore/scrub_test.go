package extentstore

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"rhizome/base/clock"
	"rhizome/base/ident"
	"rhizome/base/vfs"
)

const fast = 1 << 50 // bytes per second

func TestScrubFindsDamage(t *testing.T) {
	mem := vfs.NewCrashable()
	b := newBench(t, mem, crashOptions)
	want := several(t, b.s, 40)
	bad := map[ident.ID]int{}
	for id, shape := range want {
		i, err := b.s.Info(ctx, id)
		must(t, err)
		switch {
		case len(bad) == 0 && len(shape) == 1:
			flip(t, mem, "/d1/"+i.File, i.Offset)
			bad[id] = 0
		case len(bad) == 1 && len(shape) == 3:
			flip(t, mem, "/d1/"+i.File, i.Offset+3000)
			bad[id] = 1
		case len(bad) == 2 && len(shape) == 3:
			must(t, mem.Remove("/d1/"+i.File))
			bad[id] = -2
		}
	}
	got := map[ident.ID]int{}
	c, err := b.s.NewScrubber(ScrubOptions{Rate: fast, Damaged: func(d Damage) {
		if d.Err != nil {
			got[d.Info.ID] = -2
		} else {
			got[d.Info.ID] = d.Frames[0]
		}
	}})
	must(t, err)
	n, err := c.Whole(ctx)
	must(t, err)
	if n != 3 || len(got) != 3 {
		t.Errorf("%d damaged, told %v, want %v", n, got, bad)
	}
	for id, frame := range bad {
		if got[id] != frame {
			t.Errorf("extent %s: frame %d, want %d", id, got[id], frame)
		}
	}
}

func TestScrubWindowsMakeAPass(t *testing.T) {
	b := newBench(t, vfs.NewCrashable(), crashOptions)
	several(t, b.s, 100)
	at := clock.NewManual(time.Unix(1e9, 0))
	o := ScrubOptions{Rate: fast, Clock: at}
	c, err := b.s.NewScrubber(o)
	must(t, err)
	if c.untilNext() != 0 {
		t.Error("the first window has to wait")
	}
	windows := 0
	for c.Status().Finished.IsZero() && windows < 100 {
		must(t, c.Window(ctx))
		if w := c.untilNext(); w != 24*time.Hour {
			t.Fatalf("next window in %v", w)
		}
		at.Advance(24 * time.Hour)
		windows++
		if windows%7 == 0 { // the place survives
			b.reopen()
			c, err = b.s.NewScrubber(o)
			must(t, err)
		}
	}
	// A window ends with the extent that exhausts it, so a pass may take a few less.
	if windows < 15 || windows > 31 {
		t.Errorf("a pass of 30 days took %d windows", windows)
	}
	if st := c.Status(); st.Damaged != 0 || st.Done < st.Total || st.Pass != 1 {
		t.Errorf("%+v", st)
	}
	must(t, c.Window(ctx))
	if st := c.Status(); st.Pass != 2 || st.Done == 0 || st.Done == st.Total {
		t.Errorf("%+v", st)
	}
}

// TestScrubReadsRows: a window reads the row store too, in turn, and finds what is damaged in
// its tables and its files of values, also if it was begun anew in between.
func TestScrubReadsRows(t *testing.T) {
	for _, ext := range []string{".sst", ".blob"} {
		mem := vfs.NewCrashable()
		b := newBench(t, mem, crashOptions)
		several(t, b.s, 10)
		for i := range 200 {
			must(t, b.rows.Set(fmt.Appendf(nil, "b%03d", i), bytes.Repeat([]byte{byte(i)}, 3000)))
			// Short values lie in the tables: the first block holds nothing that a window needs.
			must(t, b.rows.Set(fmt.Appendf(nil, "a%03d", i), bytes.Repeat([]byte(fmt.Sprint(i*i)), 200)))
		}
		b.reopen()
		names, err := mem.List("/rows")
		must(t, err)
		var bad string
		var most int64
		for _, name := range names {
			info, err := mem.Stat("/rows/" + name)
			must(t, err)
			if strings.HasSuffix(name, ext) && info.Size() > most {
				bad, most = name, info.Size()
			}
		}
		flip(t, mem, "/rows/"+bad, 10)
		var found []string
		o := ScrubOptions{Rate: fast, Pass: 5 * 24 * time.Hour, Damaged: func(d Damage) { found = append(found, d.Rows) }}
		c, err := b.s.NewScrubber(o)
		must(t, err)
		windows, last := 0, int64(0)
		for c.Status().Finished.IsZero() && windows < 20 {
			must(t, c.Window(ctx))
			windows++
			if done := c.Status().Done; done < last {
				t.Errorf("window %d: %d bytes after %d", windows, done, last)
			} else {
				last = done
			}
			b.reopen()
			c, err = b.s.NewScrubber(o)
			must(t, err)
		}
		if st := c.Status(); windows < 2 || windows > 6 || st.Damaged != 1 || len(found) != 1 || found[0] != bad {
			t.Errorf("%s: %d windows found %v, want %s: %+v", ext, windows, found, bad, st)
		}
	}
}

// TestScrubGoesOnUnderEndlessLoad: slowly in a window, at once when it was asked for.
func TestScrubGoesOnUnderEndlessLoad(t *testing.T) {
	b := newBench(t, vfs.NewCrashable(), crashOptions)
	several(t, b.s, 4)
	asked := 0
	c, err := b.s.NewScrubber(ScrubOptions{Rate: fast, Pass: 24 * time.Hour, Busy: func() bool { asked++; return true }})
	must(t, err)
	_, err = c.Whole(ctx)
	must(t, err)
	if asked > 0 || c.Status().Finished.IsZero() {
		t.Errorf("a person asked: looked %d times whether the machine is busy, %+v", asked, c.Status())
	}
	must(t, c.Window(ctx))
	if st := c.Status(); asked == 0 || st.Pass != 2 || st.Done < st.Total {
		t.Errorf("a window of the whole pass: looked %d times, %+v", asked, st)
	}
}

// TestScrubKeepsItsPassUnderLoad: half the window is enough for its share.
func TestScrubKeepsItsPassUnderLoad(t *testing.T) {
	c := &Scrubber{opt: ScrubOptions{Rate: 32 << 20, Window: 24 * time.Hour}}
	for share, want := range map[int64]int64{1: slowest, 86400 << 20: 2 << 20, 1 << 50: 32 << 20} {
		if p := c.gentle(share); p.busy < want-1 || p.busy > want || !p.yields {
			t.Errorf("share %d: %+v, want %d", share, p, want)
		}
	}
}

// TestAWindowEndsForAPerson who asks for everything.
func TestAWindowEndsForAPerson(t *testing.T) {
	b := newBench(t, vfs.NewCrashable(), crashOptions)
	several(t, b.s, 20)
	var c *Scrubber
	done := make(chan error, 1)
	looks := 0
	c, err := b.s.NewScrubber(ScrubOptions{Rate: fast, Pass: 24 * time.Hour, Busy: func() bool {
		if looks++; looks == 1 {
			go func() { _, err := c.Whole(ctx); done <- err }()
			for c.asked.Load() == 0 {
				runtime.Gosched()
			}
		}
		return false
	}})
	must(t, err)
	must(t, c.Window(ctx))
	if looks > 4 {
		t.Errorf("the window went on and looked %d times", looks)
	}
	must(t, <-done)
	if c.Status().Finished.IsZero() {
		t.Error("the whole pass did not end")
	}
}
