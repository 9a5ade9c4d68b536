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
	l, r := stored(t, 32)
	lost := r.Nodes[2]
	lost.Kill()
	r.Nodes = r.Nodes[:2]
	_, err := r.Nodes[0].CLI("node", "remove", lost.Name, "--lost", "--yes")
	must(t, err)
	must(t, r.Settled(3*time.Minute))
	metz := l.Home("metz")
	for _, h := range []*Host{r.Nodes[0].Host, r.Nodes[1].Host, metz} {
		l.SetLine(h, repairLine, repairLine)
	}
	rate := l.watch(t, metz, Stats{}, 32*pieceSize)
	n, err := r.Join(metz)
	must(t, err)
	must(t, r.Settled(3*time.Minute))
	moved(t, l, metz, Stats{}, 32*pieceSize)
	(<-rate).tell(t)
	must(t, n.getPieces(t.Context(), 0, 32))
}

// TestLongAbsence: a home that was away fetches what was written meanwhile, and nothing
// of what it has.
func TestLongAbsence(t *testing.T) {
	t.Parallel()
	l, r := stored(t, 24)
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
	(<-rate).tell(t)
	must(t, away.getPieces(t.Context(), 0, 40))
}

// stored starts three homes that have some pieces.
func stored(t *testing.T, pieces int) (*Lab, *Rhizome) {
	t.Helper()
	l := New(t, Options{})
	l.SetAll(Path{Delay: 5 * time.Millisecond})
	r := l.Rhizome(l.Home("lyon"), l.Home("paris"), l.Home("lille"))
	makeBucket(t, r.Nodes[0], "mend")
	must(t, r.Nodes[0].putPieces(t.Context(), 0, pieces))
	must(t, r.Settled(3*time.Minute))
	for _, n := range r.Nodes { // a write is done when two have it; the third may be behind
		harness.Eventually(t, time.Minute, n.Name+" has all pieces", func() bool { return n.live(t) >= int64(pieces)*pieceSize })
	}
	return l, r
}

// live is what extents need of the node's disks, in bytes.
func (n *Node) live(t *testing.T) (sum int64) {
	t.Helper()
	var disks []struct{ Live int64 }
	must(t, n.JSON(&disks, "disk", "list"))
	for _, d := range disks {
		sum += d.Live
	}
	return sum
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

// share is how much of its line a repair used: what came while bytes came, from the second
// MiB to nine tenths, and what the line could have carried meanwhile.
type share struct {
	home        string
	came, could int64
	since       time.Duration // from the start to nine tenths
}

// tell prints the share.
func (s share) tell(t *testing.T) {
	t.Helper()
	if s.could == 0 {
		t.Error("not all came")
		return
	}
	t.Logf("%s: %.0f%% of the line while bytes came (%d of %d bytes); nine tenths %.1f s after the start", s.home,
		100*float64(s.came)/float64(s.could), s.came, s.could, s.since.Seconds())
}

// watch tells, once a home got what it was missing, how much of its line it used.
func (l *Lab) watch(t *testing.T, h *Host, before Stats, want int64) <-chan share {
	told := make(chan share, 1)
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
				told <- share{}
				return
			}
			_, in := l.Traffic(h)
			got := in.Since(before).Delivered.Bytes
			if first.IsZero() && got >= 2*pieceSize {
				first, from = time.Now(), got
			}
			if got >= want*9/10 {
				told <- share{h.Name, got - from, int64(time.Since(first).Seconds() * repairLine), time.Since(began)}
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
