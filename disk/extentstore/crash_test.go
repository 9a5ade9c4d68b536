package extentstore

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/base/seeds"
	"rhizome/base/vfs"
)

// model is what the outside world knows of the store.
type model struct {
	mu sync.Mutex
	// acked: Commit has returned; begun: Create was called; leaving: Delete was
	// called; left: Delete has returned and a later durable commit too.
	begun, acked, leaving, left map[ident.ID][]int
}

func newModel() *model {
	return &model{begun: map[ident.ID][]int{}, acked: map[ident.ID][]int{}, leaving: map[ident.ID][]int{}, left: map[ident.ID][]int{}}
}

func (m *model) set(in map[ident.ID][]int, id ident.ID, shape []int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	in[id] = shape
}

func clone(m map[ident.ID][]int) map[ident.ID][]int {
	out := map[ident.ID][]int{}
	for k, v := range m {
		out[k] = v
	}
	return out
}

// crasher clones the file system before its n-th change of it.
type crasher struct {
	mem  *vfs.MemFS
	cfg  vfs.CrashCloneCfg
	at   int64
	n    atomic.Int64
	once sync.Once
	m    *model

	mu    sync.Mutex
	after *vfs.MemFS
	then  model // the acked and left of before, the begun and leaving of after
}

func (c *crasher) String() string { return "crasher" }

func (c *crasher) MaybeError(op errorfs.Op) error {
	if op.Kind.ReadOrWrite() == errorfs.OpIsWrite && c.n.Add(1) >= c.at {
		c.crash()
	}
	return nil
}

func (c *crasher) crash() {
	c.once.Do(func() {
		c.m.mu.Lock()
		acked, left := clone(c.m.acked), clone(c.m.left)
		c.m.mu.Unlock()
		fs := c.mem.CrashClone(c.cfg)
		c.m.mu.Lock()
		then := model{begun: clone(c.m.begun), leaving: clone(c.m.leaving), acked: acked, left: left}
		c.m.mu.Unlock()
		c.mu.Lock()
		defer c.mu.Unlock()
		c.after = fs
		c.then.begun, c.then.leaving, c.then.acked, c.then.left = then.begun, then.leaving, then.acked, then.left
	})
}

func (c *crasher) crashed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.after != nil
}

var crashOptions = Options{SegmentBytes: 16 << 10, SmallBytes: 4 << 10}

var crashDisks = []Disk{{ID: diskID(1), Dir: "/d1"}, {ID: diskID(2), Dir: "/d2"}}

// work makes extents and removes some until the crash.
func work(b *bench, c *crasher, m *model, r *rand.Rand) error {
	var mine []ident.ID
	for !c.crashed() {
		if len(mine) > 3 && r.IntN(3) == 0 {
			i := r.IntN(len(mine))
			id := mine[i]
			mine = append(mine[:i], mine[i+1:]...)
			m.set(m.leaving, id, nil)
			if err := b.s.Delete(ctx, id); err != nil {
				return fmt.Errorf("delete: %w", err)
			}
			if r.IntN(4) == 0 {
				t := b.rows.NewBatch()
				t.Set([]byte("other"), nil)
				if err := t.Commit(); err != nil {
					return err
				}
				m.set(m.left, id, nil)
			}
			continue
		}
		var id ident.ID
		for i := range id {
			id[i] = byte(r.Uint32())
		}
		shape := []int{r.IntN(3000)}
		if r.IntN(4) == 0 {
			shape = append(shape, r.IntN(3000), r.IntN(3000))
		}
		m.set(m.begun, id, shape)
		if err := put(b.s, id, frames(id, shape...), id.String()); err != nil {
			return fmt.Errorf("put: %w", err)
		}
		m.set(m.acked, id, shape)
		mine = append(mine, id)
	}
	return nil
}

// verify compares a store that was opened after a crash with what the world knows.
func (m *model) verify(t *testing.T, s *Store) {
	t.Helper()
	there := map[ident.ID]bool{}
	must(t, s.Each(ctx, func(i Info) error { there[i.ID] = true; return nil }))
	for id, shape := range m.acked {
		if _, ok := m.leaving[id]; ok {
			continue
		}
		if err := check(s, id, frames(id, shape...), id.String()); err != nil {
			t.Errorf("acknowledged %s %v: %v", id, shape, err)
		}
	}
	for id := range there {
		shape, ok := m.begun[id]
		if !ok {
			t.Errorf("extent %s was never begun", id)
		} else if err := check(s, id, frames(id, shape...), id.String()); err != nil {
			t.Errorf("half there: %s %v: %v", id, shape, err)
		}
	}
	for id := range m.left {
		if there[id] {
			t.Errorf("deleted extent %s is back", id)
		}
	}
}

func crashOnce(t *testing.T, mem *vfs.MemFS, m *model, seed uint64) (*vfs.MemFS, *model) {
	r := rand.New(rand.NewPCG(seed, 1))
	c := &crasher{mem: mem, m: m, at: 100 + r.Int64N(1500), cfg: vfs.CrashCloneCfg{
		UnsyncedDataPercent: []int{0, 50, 100}[r.IntN(3)], RNG: rand.New(rand.NewPCG(seed, 3))}}
	opt := crashOptions
	opt.Rand = rand.New(rand.NewPCG(seed, 2))
	b := &bench{t: t, fs: errorfs.Wrap(mem, c), disks: crashDisks, opt: opt}
	b.open()
	if r.IntN(3) == 0 {
		must(t, b.s.DrainDisk(diskID(byte(1+r.IntN(2))), true))
	}
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			if err := work(b, c, m, rand.New(rand.NewPCG(seed, uint64(100+i)))); err != nil {
				t.Error(err)
				c.crash()
			}
		})
	}
	wg.Wait()
	b.close()
	return c.after, &c.then
}

func TestCrash(t *testing.T) {
	for seed := range seeds.Of(t, 25, 2000) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			mem, m := vfs.NewCrashable(), newModel()
			for round := range uint64(3) {
				after, then := crashOnce(t, mem, m, seed*10+round)
				mem = after
				b := &bench{t: t, fs: mem, disks: crashDisks, opt: crashOptions}
				b.open()
				then.verify(t, b.s)
				checkAccounts(t, b.s)
				for _, d := range b.disks {
					must(t, b.s.DrainDisk(d.ID, false))
				}
				b.s.keeper.wait()
				then.verify(t, b.s)
				checkAccounts(t, b.s)
				m = resolve(b.s, then)
				b.close()
				if t.Failed() {
					t.Fatalf("seed %d, round %d", seed, round)
				}
			}
		})
	}
}

// TestCrashInDrain: extents in files of their own leave a disk while others commit, and
// the power is cut.
func TestCrashInDrain(t *testing.T) {
	for seed := range seeds.Of(t, 25, 2000) {
		r := rand.New(rand.NewPCG(seed, 4))
		mem, m := vfs.NewCrashable(), newModel()
		c := &crasher{mem: mem, m: m, at: 1 << 40, cfg: vfs.CrashCloneCfg{}}
		b := newBench(t, errorfs.Wrap(mem, c), Options{SmallBytes: 100}, crashDisks...)
		for range 60 {
			id, shape := ident.New(), []int{500}
			m.set(m.begun, id, shape)
			must(t, put(b.s, id, frames(id, shape...), id.String()))
			m.set(m.acked, id, shape)
		}
		b.durable()
		stop := make(chan struct{})
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				for !c.crashed() {
					select {
					case <-stop:
						return
					default:
						b.durable()
					}
				}
			})
		}
		c.n.Store(1<<40 - r.Int64N(1000))
		must(t, b.s.DrainDisk(diskID(1), true))
		b.s.keeper.wait()
		close(stop)
		wg.Wait()
		c.crash()
		after := newBench(t, c.after, b.opt, b.disks...)
		c.then.verify(t, after.s)
		checkAccounts(t, after.s)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// resolve makes what the crash left open certain, for the next round.
func resolve(s *Store, then *model) *model {
	m := newModel()
	for id, shape := range then.begun {
		if _, err := s.lookup(id); errors.Is(err, errs.NotFound) {
			m.left[id] = nil
		} else {
			m.acked[id], m.begun[id] = shape, shape
		}
	}
	return m
}
