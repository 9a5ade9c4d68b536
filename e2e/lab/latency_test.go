package lab

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"rhizome/e2e/harness"
	"rhizome/e2e/wire"
	"rhizome/simtest/history"
)

// TestLatencyBetweenHomes prints what each operation takes from each home of a rhizome of
// three and of five, round trip 100 ± 20 ms, beside which TestEtcdAsPeer stands. It
// asserts that every answer is right.
func TestLatencyBetweenHomes(t *testing.T) {
	t.Parallel()
	for _, names := range [][]string{{"lyon", "paris", "lille"}, {"lyon", "paris", "lille", "brest", "nantes"}} {
		t.Run(fmt.Sprint(len(names)), func(t *testing.T) {
			t.Parallel()
			l := New(t, Options{})
			var hosts []*Host
			for _, name := range names {
				hosts = append(hosts, l.Home(name))
			}
			l.SetAll(Path{Delay: 50 * time.Millisecond, Jitter: 10 * time.Millisecond})
			r := l.Rhizome(hosts...)
			makeBucket(t, r.Nodes[0], "far")
			figures := &Figures{Title: fmt.Sprintf("rhizome, %d homes, round trip 100 ± 20 ms, each client at its own home's node", len(names))}
			var clients sync.WaitGroup
			for _, n := range r.Nodes {
				clients.Go(func() {
					if err := n.measure(t.Context(), figures); err != nil {
						t.Errorf("%s: %v", n.Name, err)
					}
				})
			}
			clients.Wait()
			t.Log("\n" + figures.String())
		})
	}
}

// measure times each operation some times, on keys of the home's own.
func (n *Node) measure(ctx context.Context, figures *Figures) error {
	s := n.S3(n.Host, "far")
	for i := range 5 {
		for _, size := range []int{1000, 1 << 20} {
			if err := n.measureOne(ctx, figures, s, fmt.Sprint(n.Name, i, size), size); err != nil {
				return fmt.Errorf("round %d, %d bytes: %w", i, size, err)
			}
		}
	}
	return nil
}

func (n *Node) measureOne(ctx context.Context, figures *Figures, s *wire.S3, key string, size int) error {
	body := harness.Random(uint64(size), size)
	kind := fmt.Sprintf("%d KiB ", size>>10)
	if size < 1<<10 {
		kind = ""
	}
	if err := figures.Time(n.Name, kind+"PUT", func() error {
		_, err := s.Put(ctx, key, body, history.Condition{})
		return err
	}); err != nil {
		return err
	}
	if err := figures.Time(n.Name, kind+"GET", func() error {
		got, _, err := s.Get(ctx, key)
		if err == nil && !bytes.Equal(got, body) {
			err = fmt.Errorf("got %d other bytes", len(got))
		}
		return err
	}); err != nil || kind != "" {
		return err
	}
	if err := figures.Time(n.Name, "PUT over it", func() error {
		_, err := s.Put(ctx, key, body, history.Condition{})
		return err
	}); err != nil {
		return err
	}
	if err := figures.Time(n.Name, "HEAD", func() error { _, err := s.Head(ctx, key); return err }); err != nil {
		return err
	}
	if err := figures.Time(n.Name, "LIST", func() error {
		found, err := s.List(ctx)
		if err == nil && found[key] == "" {
			err = fmt.Errorf("%s is not listed", key)
		}
		return err
	}); err != nil {
		return err
	}
	return figures.Time(n.Name, "DELETE", func() error { return s.Delete(ctx, key) })
}
