package lab

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"rhizome/e2e/harness"
	"rhizome/simtest/history"
)

// The line of every home, each way, in bytes per second: 40 Mbit/s.
const repairLine = 5_000_000

// pieceSize is that of the objects that are repaired.
const pieceSize = 1 << 20

// TestReplacedHome: a home is lost for good and another takes its place. It fetches each
// byte once, and then has everything.
func TestReplacedHome(t *testing.T) {
	t.Parallel()
	l := New(t, Options{})
	l.SetAll(Path{Delay: 5 * time.Millisecond})
	r := l.Rhizome(l.Home("lyon"), l.Home("paris"), l.Home("lille"))
	makeBucket(t, r.Nodes[0], "mend")
	must(t, r.Nodes[0].putPieces(t.Context(), 0, 32))
	must(t, r.Settled(time.Minute))
	lost := r.Nodes[2]
	lost.Kill()
	r.Nodes = r.Nodes[:2]
	_, err := r.Nodes[0].CLI("node", "remove", lost.Name, "--lost", "--yes")
	must(t, err)
	must(t, r.Settled(time.Minute))
	metz := l.Home("metz")
	for _, h := range []*Host{r.Nodes[0].Host, r.Nodes[1].Host, metz} {
		l.SetLine(h, repairLine, repairLine)
	}
	rate := l.watch(t, metz, Stats{}, 32*pieceSize)
	n, err := r.Join(metz)
	must(t, err)
	must(t, r.Settled(3*time.Minute))
	moved(t, l, metz, Stats{}, 32*pieceSize)
	t.Log(<-rate)
	must(t, n.getPieces(t.Context(), 0, 32))
}

// TestLongAbsence: a home that was away fetches what was written meanwhile, and nothing
// of what it has.
func TestLongAbsence(t *testing.T) {
	t.Parallel()
	l := New(t, Options{})
	l.SetAll(Path{Delay: 5 * time.Millisecond})
	r := l.Rhizome(l.Home("lyon"), l.Home("paris"), l.Home("lille"))
	makeBucket(t, r.Nodes[0], "mend")
	must(t, r.Nodes[0].putPieces(t.Context(), 0, 24))
	must(t, r.Settled(time.Minute))
	away := r.Nodes[2]
	must(t, away.Stop())
	must(t, r.Nodes[0].putPieces(t.Context(), 24, 40))
	for _, n := range r.Nodes {
		l.SetLine(n.Host, repairLine, repairLine)
	}
	_, before := l.Traffic(away.Host)
	rate := l.watch(t, away.Host, before, 16*pieceSize)
	must(t, away.Up())
	harness.Eventually(t, 3*time.Minute, "lille has what it missed", func() bool {
		_, in := l.Traffic(away.Host)
		return in.Since(before).Delivered.Bytes >= 16*pieceSize && r.Settled(time.Second) == nil
	})
	moved(t, l, away.Host, before, 16*pieceSize)
	t.Log(<-rate)
	must(t, away.getPieces(t.Context(), 0, 40))
}

// moved asserts that a home got bytes of objects and little else.
func moved(t *testing.T, l *Lab, h *Host, before Stats, want int64) {
	t.Helper()
	_, in := l.Traffic(h)
	got := in.Since(before).Delivered.Bytes
	t.Logf("%s: %d bytes came to mend %d", h.Name, got, want)
	if most := want*115/100 + 2<<20; got < want || got > most {
		t.Errorf("%s got %d bytes to mend %d; want at most %d", h.Name, got, want, most)
	}
}

// watch tells, once a home got what it was missing, how fast that came: in all, and from
// the second MiB to nine tenths, when nothing but bytes was waited for.
func (l *Lab) watch(t *testing.T, h *Host, before Stats, want int64) <-chan string {
	told := make(chan string, 1)
	began := time.Now()
	var first time.Time
	var from int64
	tick := time.NewTicker(50 * time.Millisecond)
	go func() {
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
			case <-t.Context().Done():
				told <- "not all came"
				return
			}
			_, in := l.Traffic(h)
			got := in.Since(before).Delivered.Bytes
			if first.IsZero() && got >= 2*pieceSize {
				first, from = time.Now(), got
			}
			if got >= want*9/10 {
				rate := float64(got-from) / time.Since(first).Seconds()
				told <- fmt.Sprintf("%s: %.2f MB/s while bytes came, %.0f%% of a line of %.2f; %.1f s since the start", h.Name,
					rate/1e6, 100*rate/repairLine, repairLine/1e6, time.Since(began).Seconds())
				return
			}
		}
	}()
	return told
}

// putPieces puts objects of pieceSize, some side by side.
func (n *Node) putPieces(ctx context.Context, from, to int) error {
	s := n.S3(n.Host, "mend")
	return sideBySide(from, to, func(i int) error {
		_, err := s.Put(ctx, fmt.Sprint("piece", i), harness.Random(uint64(i), pieceSize), history.Condition{})
		return err
	})
}

// getPieces gets them.
func (n *Node) getPieces(ctx context.Context, from, to int) error {
	s := n.S3(n.Host, "mend")
	return sideBySide(from, to, func(i int) error {
		got, _, err := s.Get(ctx, fmt.Sprint("piece", i))
		if err == nil && !bytes.Equal(got, harness.Random(uint64(i), pieceSize)) {
			err = fmt.Errorf("piece %d came back otherwise", i)
		}
		return err
	})
}

func sideBySide(from, to int, f func(int) error) error {
	var wg sync.WaitGroup
	failed := make([]error, to)
	turn := make(chan struct{}, 4)
	for i := from; i < to; i++ {
		turn <- struct{}{}
		wg.Go(func() {
			failed[i] = f(i)
			<-turn
		})
	}
	wg.Wait()
	for _, err := range failed {
		if err != nil {
			return err
		}
	}
	return nil
}
