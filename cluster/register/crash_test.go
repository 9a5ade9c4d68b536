package register

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"rhizome/base/errs"
	"rhizome/base/vfs"
)

// agree checks that the lists a replica derives say what its rows say.
func agree(t *testing.T, r *Replica) {
	t.Helper()
	agreeOn(t, r, 1)
}

// agreeOn is agree under another term.
func agreeOn(t *testing.T, r *Replica, term uint64) {
	t.Helper()
	ctx := context.Background()
	type sums struct{ count, bytes int64 }
	weights, pending := make(map[string]sums), make(map[Row]bool)
	dead := 0
	check(t, Records(ctx, r.kv, func(rec RawRecord) error {
		s := weights[rec.Row.Part]
		if v := rec.Cell.Value; v != nil {
			weights[rec.Row.Part] = sums{s.count + v.Count, s.bytes + v.Bytes}
			if v.Pending {
				pending[rec.Row] = true
			}
		} else {
			dead++
		}
		return nil
	}, func(key []byte, err error) error { return fmt.Errorf("%q: %w", key, err) }))
	for part, want := range weights {
		count, bytes, err := r.Weight(ctx, term, 1, part)
		check(t, err)
		if (sums{count, bytes}) != want {
			t.Errorf("%q weighs %d %d, its rows %v", part, count, bytes, want)
		}
	}
	listed, err := r.Pending(ctx, 1, nil, 1<<20)
	check(t, err)
	if len(listed) != len(pending) {
		t.Errorf("%d rows are listed, %d are pending", len(listed), len(pending))
	}
	for _, row := range listed {
		if !pending[row] {
			t.Errorf("%v is listed and not pending", row)
		}
	}
	tombs, _, young, err := r.Tombstones(ctx, nil, 1<<63, 1<<20)
	check(t, err)
	if len(tombs)+young != dead {
		t.Errorf("%d tombstones are listed, there are %d", len(tombs), dead)
	}
	checkDigests(t, r)
}

// checkDigests checks that the digests say what the rows say.
func checkDigests(t *testing.T, r *Replica) {
	t.Helper()
	want := make(map[[2]int]int64)
	check(t, Records(context.Background(), r.kv, func(rec RawRecord) error {
		row := rowKey(headKey, rec.Row)[1:]
		want[[2]int{rowGroup(row), bucketOf(row)}] += rowDigest(row, rec.Cell.Ballot, rec.Cell.Soft)
		return nil
	}, func(key []byte, err error) error { return err }))
	for g := range groups {
		sums := make([]uint64, buckets)
		check(t, r.digests(context.Background(), g, sums))
		for b, sum := range sums {
			if int64(sum) != want[[2]int{g, b}] {
				t.Fatalf("the digest of bucket %d of group %d is %x, its rows give %x", b, g, sum, want[[2]int{g, b}])
			}
		}
	}
}

// TestPowerCut writes from many sides, cuts the power in the midst of it, and looks
// for what was acknowledged.
func TestPowerCut(t *testing.T) {
	each(t, func(t *testing.T, c *cluster) {
		var mu sync.Mutex
		acked := make(map[Row]int) // highest number acknowledged
		for round := range 5 {
			ctx := ctxFor(t)
			cut, stop := context.WithCancel(ctx)
			defer stop()
			var wg sync.WaitGroup
			for w := range 6 {
				wg.Go(func() {
					rng := rand.New(rand.NewPCG(uint64(w), uint64(round)))
					row := Row{1, fmt.Sprint("p", w%2), fmt.Sprint(w)}
					for last := 10; last > 0; {
						if cut.Err() != nil {
							last-- // go on for a moment, so that the cut is in the midst
						}
						n, pending := 0, rng.IntN(2) == 0
						_, err := c.store(w%len(c.nodes)).Update(ctx, row, Change{Apply: func(old *Value) (*Value, error) {
							if n = 1; old != nil {
								_, _ = fmt.Sscan(string(old.Data), &n)
								n++
							}
							blob := make([]byte, rng.IntN(3)*1000)
							return &Value{Data: fmt.Append(nil, n), Pending: pending, Count: 1, Bytes: int64(n), Blob: blob}, nil
						}})
						if err != nil {
							if !errors.Is(err, errs.Unavailable) && ctx.Err() == nil {
								t.Error(err)
							}
							return
						}
						mu.Lock()
						acked[row] = max(acked[row], n)
						mu.Unlock()
						if rng.IntN(100) == 0 {
							stop()
						}
					}
				})
			}
			for w := range 2 {
				wg.Go(func() {
					for cut.Err() == nil {
						for row, n := range look(ctx, t, c.store(w%len(c.nodes)), w == 0) {
							mu.Lock()
							acked[row] = max(acked[row], n) // seen counts as told
							mu.Unlock()
						}
					}
				})
			}
			<-cut.Done()
			// What is acknowledged by now has to be on the disks as they are now.
			mu.Lock()
			want := make(map[Row]int)
			for r, n := range acked {
				want[r] = n
			}
			mu.Unlock()
			disks := make([]*vfs.MemFS, len(c.nodes))
			for i, n := range c.nodes {
				disks[i] = n.fs.CrashClone(vfs.CrashCloneCfg{})
			}
			wg.Wait()
			for i := range c.nodes {
				c.restart(i, disks[i])
			}
			mu.Lock()
			clear(acked) // what was acknowledged on the abandoned disks is gone
			for r, n := range want {
				acked[r] = n
			}
			mu.Unlock()
			for row, n := range want {
				v, _, err := c.store(0).Read(ctxFor(t), row)
				check(t, err)
				got := 0
				_, _ = fmt.Sscan(data(v), &got)
				if got < n {
					t.Fatalf("%v lost: %d was acknowledged, %d is there", row, n, got)
				}
			}
			c.store(0).coordSettle(c)
			for _, n := range c.nodes {
				agree(t, n.rep)
			}
		}
	})
}

// look reads or scans all rows and returns their numbers.
func look(ctx context.Context, t *testing.T, s *Coordinator, scan bool) map[Row]int {
	out := make(map[Row]int)
	note := func(row Row, v *Value, err error) {
		n := 0
		if _, _ = fmt.Sscan(data(v), &n); err == nil && n > 0 {
			out[row] = n
		}
	}
	if scan {
		page, err := s.Scan(ctx, Scan{Table: 1, Parts: []string{"p0", "p1"}, Limit: 100})
		if err != nil {
			return nil
		}
		for _, e := range page.Entries {
			note(e.Row, e.Value, nil)
		}
		return out
	}
	for w := range 6 {
		row := Row{1, fmt.Sprint("p", w%2), fmt.Sprint(w)}
		v, _, err := s.Read(ctx, row)
		note(row, v, err)
	}
	return out
}
