package rpc_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/net/rpc"
)

func echo(_ context.Context, _ ident.NodeID, b []byte) ([]byte, error) { return b, nil }

func pair(o rpc.MemoryOptions) (net *rpc.Memory, a, b *rpc.MemoryNode) {
	net = rpc.NewMemory(o)
	a, b = net.Node(ident.NodeID{1}, nil), net.Node(ident.NodeID{2}, nil)
	b.Handle(1, rpc.Members, echo)
	b.HandleStream(2, rpc.Members, func(_ context.Context, _ ident.NodeID, head []byte, s rpc.Stream) error {
		_, err := io.Copy(s, s)
		return err
	})
	return net, a, b
}

// TestMemoryTakesItsTime: in fake time a call takes one round trip exactly.
func TestMemoryTakesItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net, a, b := pair(rpc.MemoryOptions{Way: rpc.Way{Delay: 50 * time.Millisecond}})
		defer net.Close()
		start := time.Now()
		if _, err := a.Call(t.Context(), b.Self(), rpc.Urgent, 1, []byte("x")); err != nil || time.Since(start) != 100*time.Millisecond {
			t.Fatal(err, time.Since(start))
		}
		s, err := a.Open(t.Context(), b.Self(), rpc.Bulk, 2, nil)
		if err != nil {
			t.Fatal(err)
		}
		start = time.Now()
		if _, err = s.Write(make([]byte, 3<<20)[:100]); err != nil {
			t.Fatal(err)
		}
		_ = s.CloseWrite()
		got, err := io.ReadAll(s)
		if err != nil || len(got) != 100 || time.Since(start) != 100*time.Millisecond {
			t.Fatal(len(got), err, time.Since(start))
		}
		_ = s.Close()
		if got := net.Counts(); got[rpc.Count{From: a.Self(), To: b.Self(), Method: 1}] != 1 || len(got) != 2 {
			t.Fatal(got)
		}
	})
}

// TestMemoryCutsAndCrashes: what does not come through is Unavailable, and comes through
// again when the way is healed or the node is back.
func TestMemoryCutsAndCrashes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net, a, b := pair(rpc.MemoryOptions{})
		defer net.Close()
		var seen []bool
		a.OnLink(func(_ ident.NodeID, up bool) { seen = append(seen, up) })
		call := func() error {
			_, err := a.Call(t.Context(), b.Self(), rpc.Urgent, 1, nil)
			return err
		}
		s, err := a.Open(t.Context(), b.Self(), rpc.Bulk, 2, nil)
		if err != nil {
			t.Fatal(err)
		}
		net.Cut(b.Self(), a.Self())
		_, up := a.Distance(b.Self())
		if err := call(); !errors.Is(err, errs.Unavailable) || !up {
			t.Fatal(err, up)
		}
		if _, err := s.Read(make([]byte, 1)); !errors.Is(err, errs.Unavailable) {
			t.Fatal(err)
		}
		if _, up := a.Distance(b.Self()); up {
			t.Fatal("a link that is cut counts as up")
		}
		net.Heal(b.Self(), a.Self())
		if err := call(); err != nil {
			t.Fatal(err)
		}
		net.Crash(b.Self())
		if err := call(); !errors.Is(err, errs.Unavailable) {
			t.Fatal(err)
		}
		b = net.Node(b.Self(), nil)
		if err := call(); !errors.Is(err, rpc.ErrUnknownMethod) {
			t.Fatal(err)
		}
		b.Handle(1, rpc.Members, echo)
		if err := call(); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if len(seen) != 4 || seen[0] || !seen[1] || seen[2] || !seen[3] {
			t.Fatal(seen)
		}
	})
}

// TestMemoryGivesUp: that the caller gave up reaches the handler, and his deadline does.
func TestMemoryGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net, a, b := pair(rpc.MemoryOptions{Way: rpc.Way{Delay: time.Second}})
		defer net.Close()
		ended := make(chan time.Time, 1)
		b.Handle(3, rpc.Members, func(ctx context.Context, _ ident.NodeID, _ []byte) ([]byte, error) {
			<-ctx.Done()
			ended <- time.Now()
			return nil, ctx.Err()
		})
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(5*time.Second, cancel)
		start := time.Now()
		_, err := a.Call(ctx, b.Self(), rpc.Control, 3, nil)
		if got := time.Since(start); !errors.Is(err, errs.Unavailable) || got != 5*time.Second {
			t.Fatal(err, got)
		}
		if got := (<-ended).Sub(start); got != 6*time.Second {
			t.Fatal(got)
		}
	})
}

// TestMemoryLoses: lost messages fail calls, and the same seed loses the same ones.
func TestMemoryLoses(t *testing.T) {
	run := func() (failed []int) {
		net, a, b := pair(rpc.MemoryOptions{Seed: 7, Way: rpc.Way{Loss: 0.2}, Detect: -1})
		defer net.Close()
		for i := range 200 {
			if _, err := a.Call(t.Context(), b.Self(), rpc.Urgent, 1, nil); err != nil {
				failed = append(failed, i)
			}
		}
		return failed
	}
	one, two := run(), run()
	if len(one) < 30 || len(one) > 120 || len(one) != len(two) || one[5] != two[5] {
		t.Fatal(one, two)
	}
}
