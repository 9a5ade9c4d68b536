package extent

import (
	"bytes"
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
	"rhizome/cluster/register"
	"rhizome/disk/extentstore"
)

// deed is one write of a key: its reference, its pieces and what it should read as.
type deed struct {
	key   string
	ref   Ref
	piece Piece
	plain []byte
}

// ledger is what clients know: deeds begun, those acknowledged and not yet being
// undone, by reference.
type ledger struct {
	mu    sync.Mutex
	begun map[ident.ID]deed
	acked map[ident.ID]deed
}

func (l *ledger) begin(d deed) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.begun[d.ref.ID] = d
}

func (l *ledger) ack(d deed, on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if on {
		l.acked[d.ref.ID] = d
	} else {
		delete(l.acked, d.ref.ID)
	}
}

func (l *ledger) copy(m map[ident.ID]deed) map[ident.ID]deed {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := map[ident.ID]deed{}
	for k, v := range m {
		out[k] = v
	}
	return out
}

// powerCut clones the file system before its n-th change.
type powerCut struct {
	mem  *vfs.MemFS
	cfg  vfs.CrashCloneCfg
	at   int64
	n    atomic.Int64
	once sync.Once
	l    *ledger

	done        atomic.Bool
	after       *vfs.MemFS
	sure, begun map[ident.ID]deed
}

func (c *powerCut) String() string { return "power cut" }

func (c *powerCut) MaybeError(op errorfs.Op) error {
	if op.Kind.ReadOrWrite() == errorfs.OpIsWrite && c.n.Add(1) >= c.at {
		c.once.Do(func() {
			before := c.l.copy(c.l.acked)
			c.after = c.mem.CrashClone(c.cfg)
			now := c.l.copy(c.l.acked)
			c.begun = c.l.copy(c.l.begun)
			c.sure = map[ident.ID]deed{}
			for id, d := range before { // acknowledged before, not undone since
				if _, ok := now[id]; ok {
					c.sure[id] = d
				}
			}
			c.done.Store(true)
		})
	}
	return nil
}

// client writes, copies and deletes until the power is cut.
func (w *world) client(c *powerCut, l *ledger, r *rand.Rand, name string) error {
	var mine []deed
	for n := 0; !c.done.Load(); n++ {
		d := deed{key: fmt.Sprintf("%s-%d", name, n)}
		d.ref = w.ref(d.key)
		switch k := r.IntN(10); {
		case k < 3 && len(mine) > 0:
			i := r.IntN(len(mine))
			d = mine[i]
			mine = append(mine[:i], mine[i+1:]...)
			if err := w.remove(l, d); err != nil {
				return err
			}
			continue
		case k < 5 && len(mine) > 0:
			d.piece, d.plain = mine[0].piece, mine[0].plain
			l.begin(d)
			if err := w.AddRef(ctx, d.piece.Extent, d.ref); err != nil {
				return fmt.Errorf("copy: %w", err)
			}
		default:
			size := r.IntN(6000)
			if k == 9 {
				size = FrameSize + r.IntN(1000)
			}
			d.plain = noise(size)
			wr := w.NewWriter(ctx, d.ref, int64(size), func(p Piece, made register.Ballot) []byte {
				d.piece = p
				l.begin(d)
				return says("")(p, made)
			})
			_, err := wr.Write(d.plain)
			if err == nil {
				d.piece, err = wr.Close(ctx)
			}
			wr.Abort()
			if err != nil {
				return fmt.Errorf("write: %w", err)
			}
		}
		if r.IntN(5) == 0 { // this client gives up before its commit
			w.Release(d.piece.Extent)
			continue
		}
		if err := w.commit(d.ref, d.piece.Extent); err != nil {
			return fmt.Errorf("commit: %w", err)
		}
		w.Settle(d.ref.ID, d.piece.Extent)
		l.ack(d, true)
		mine = append(mine, d)
	}
	return nil
}

func (w *world) remove(l *ledger, d deed) error {
	l.ack(d, false)
	_, err := w.regs.Update(ctx, d.ref.Row, register.Change{
		Apply: func(*register.Value) (*register.Value, error) { return &register.Value{Pending: true}, nil }})
	if err == nil {
		err = w.DropRef(ctx, d.piece.Extent, d.ref.ID)
	}
	if err != nil {
		return fmt.Errorf("remove: %w", err)
	}
	return nil
}

func TestPowerCut(t *testing.T) {
	for seed := range seeds.Of(t, 15, 2000) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { powerCutOnce(t, seed) })
	}
}

func powerCutOnce(t *testing.T, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 1))
	l := &ledger{begun: map[ident.ID]deed{}, acked: map[ident.ID]deed{}}
	mem := vfs.NewCrashable()
	c := &powerCut{mem: mem, l: l, at: 600 + r.Int64N(1500), cfg: vfs.CrashCloneCfg{
		UnsyncedDataPercent: []int{0, 50, 100}[r.IntN(3)], RNG: rand.New(rand.NewPCG(seed, 2))}}
	w := newWorld(t, errorfs.Wrap(mem, c))
	var clients sync.WaitGroup
	for i := range 3 {
		clients.Go(func() {
			if err := w.client(c, l, rand.New(rand.NewPCG(seed, uint64(10+i))), fmt.Sprint(i)); err != nil {
				t.Error(err)
				c.at = 0
			}
		})
	}
	clients.Wait()
	if c.after == nil {
		t.Fatal("the power was never cut")
	}
	newWorld(t, c.after).afterCut(t, c)
}

// afterCut checks promises, then lets collector and sweep work and checks that
// nothing but what is used is left.
func (w *world) afterCut(t *testing.T, c *powerCut) {
	t.Helper()
	used := map[ident.ID]bool{}
	for id, d := range c.begun {
		v, _, err := w.regs.Read(ctx, d.ref.Row)
		must(t, err)
		_, sure := c.sure[id]
		if v == nil {
			if sure {
				t.Errorf("acknowledged %s is gone", d.key)
			}
			continue
		}
		if v.Pending { // removed: what the row's pending work does
			must(t, w.DropRef(ctx, d.piece.Extent, d.ref.ID))
			continue
		}
		used[d.piece.Extent] = true
		got, err := w.get(d.piece, 0, -1)
		if err != nil || !bytes.Equal(got, d.plain) {
			t.Errorf("%s (acknowledged: %v): %d of %d bytes, %v", d.key, sure, len(got), len(d.plain), err)
		}
	}
	w.passes(t)
	rep, err := w.Sweep(ctx, func(id ident.ID) { t.Errorf("extent %s has a row and no bytes", id) })
	must(t, err)
	must(t, w.disks.Each(ctx, func(i extentstore.Info) error {
		if !used[i.ID] {
			st, err := w.Stat(ctx, i.ID)
			t.Errorf("orphan %s: %+v, %v", i.ID, st, err)
			for _, d := range c.begun {
				if d.piece.Extent == i.ID {
					_, sure := c.sure[d.ref.ID]
					t.Errorf("of %s, sure %v", d.key, sure)
				}
			}
		}
		delete(used, i.ID)
		return nil
	}))
	for id := range used {
		t.Errorf("used extent %s is gone", id)
	}
	if n, err := w.local.PendingCount(ctx, Extents); err != nil || n != 0 {
		t.Errorf("%d extents pending (%v), sweep: %+v", n, err, rep)
	}
	must(t, w.local.Rows(ctx, Extents, func(row register.Row, _ *register.Value) error {
		_, err := w.disks.Info(ctx, ident.ID([]byte(row.Part)))
		if errors.Is(err, errs.NotFound) {
			t.Errorf("a row without bytes is left")
		}
		return nil
	}))
}
