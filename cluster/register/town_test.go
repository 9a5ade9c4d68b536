package register

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"rhizome/base/clock"
	"rhizome/base/ident"
	"rhizome/base/vfs"
	"rhizome/cluster/layout"
	"rhizome/disk/kv"
	"rhizome/net/rpc"
)

// town is several nodes of this process on a network in memory, whose layout a test
// changes.
type town struct {
	t     testing.TB
	net   *rpc.Memory
	mu    sync.Mutex
	chain []*layout.Layout
	homes []*home
	old   []*kv.Store
	once  sync.Once
	hot   []int                     // partitions whose replicas change; the others stay on the first home
	left  map[uint64][]ident.NodeID // nodes of a layout that began a lineage, by its version
	marks int                       // ReplicaOptions.marks of homes that open
}

// home is one node: what it knows of layouts, its rows, and its coordinator.
type home struct {
	town  *town
	id    ident.NodeID
	fs    *vfs.MemFS
	kv    *kv.Store
	links *rpc.MemoryNode
	calls classes
	rep   *Replica
	coord *Coordinator
	stop  context.CancelFunc
	tasks sync.WaitGroup
	life  context.Context
	use   sync.RWMutex // held for reading by who uses coord, with life

	mu    sync.Mutex
	known int // layouts of the chain that it has heard of
	heard chan struct{}
}

// newTown returns homes of which those in set, numbers from 1, keep the partitions of
// parts.
func newTown(t testing.TB, homes int, set string, parts ...string) *town {
	w := &town{t: t, net: rpc.NewMemory(rpc.MemoryOptions{Detect: 100 * time.Millisecond})}
	first := w.layoutOf(1, homes, nil)
	for _, p := range parts {
		w.hot = append(w.hot, first.Partition(p))
	}
	first = w.assign(first, set)
	first.Since = nil
	w.chain = []*layout.Layout{first}
	for i := range homes {
		h := &home{town: w, id: nodeID(i), fs: vfs.NewCrashable(), known: 1, heard: make(chan struct{}, 1)}
		w.homes = append(w.homes, h)
		h.open()
	}
	t.Cleanup(w.close)
	return w
}

func (w *town) layoutOf(version uint64, homes int, prev *layout.Layout) *layout.Layout {
	l := &layout.Layout{Version: version}
	for i := range homes {
		l.Nodes = append(l.Nodes, layout.Node{ID: nodeID(i), Zone: fmt.Sprint(i), Capacity: 1})
	}
	for p := range groups {
		l.Assigned = append(l.Assigned, []uint16{0})
		l.Since = append(l.Since, 1)
		if prev != nil {
			l.Assigned[p], l.Since[p] = prev.Assigned[p], prev.Term(p)
		}
	}
	return l
}

func (w *town) assign(l *layout.Layout, set string) *layout.Layout {
	var to []uint16
	for _, d := range set {
		to = append(to, uint16(d-'1'))
	}
	for _, p := range w.hot {
		if !slices.Equal(l.Assigned[p], to) {
			l.Assigned[p], l.Since[p] = to, l.Version
		}
	}
	return l
}

// change makes a new layout; who hears of it is for the caller and the hints.
func (w *town) change(set string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	last := w.chain[len(w.chain)-1]
	w.chain = append(w.chain, w.assign(w.layoutOf(last.Version+1, len(w.homes), last), set))
}

// recover makes a layout that goes on under a new lineage: nobody but those in left is
// in it, and every term begins anew.
func (w *town) recover(left, set string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	last := w.chain[len(w.chain)-1]
	l := w.assign(w.layoutOf(last.Version+1, len(w.homes), last), set)
	for p := range l.Since {
		l.Since[p] = l.Version
	}
	if w.left == nil {
		w.left = map[uint64][]ident.NodeID{}
	}
	for _, d := range left {
		w.left[l.Version] = append(w.left[l.Version], nodeID(int(d-'1')))
	}
	w.chain = append(w.chain, l)
}

func (w *town) at(n int) []*layout.Layout {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.chain[:n:n]
}

func (w *town) length() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.chain)
}

// Layout, Before and Behind make a home's knowledge Plans.
func (h *home) Layout() *layout.Layout {
	h.mu.Lock()
	n := h.known
	h.mu.Unlock()
	return h.town.at(n)[n-1]
}

func (h *home) Before(partition int, term uint64) (uint64, []ident.NodeID, bool) {
	if term < 2 {
		return 0, nil, false
	}
	l := h.town.at(int(term - 1))[term-2]
	return l.Term(partition), l.Replicas(partition), true
}

func (h *home) Left(term uint64) []ident.NodeID {
	h.town.mu.Lock()
	defer h.town.mu.Unlock()
	return h.town.left[term]
}

func (h *home) Behind(ident.NodeID) {
	select {
	case h.heard <- struct{}{}:
	default:
	}
}

// learn takes up all layouts there are.
func (h *home) learn() error {
	h.mu.Lock()
	h.known = h.town.length()
	h.mu.Unlock()
	return h.rep.Adopt(h.Layout())
}

func (h *home) open() {
	t := h.town.t
	var err error
	h.kv, err = kv.Open(h.fs, "rows", kv.Options{CacheBytes: 1 << 20, MemTableBytes: 256 << 10})
	check(t, err)
	links := h.town.net.Node(h.id, nil)
	h.links = links
	h.rep, err = OpenReplica(h.kv, h.id, ReplicaOptions{Plans: h, Source: func(n ident.NodeID) (Source, error) {
		return Remote(h.classed(), n), nil
	}, marks: h.town.marks})
	check(t, err)
	Serve(h.links, h.rep)
	h.coord = NewCoordinator(Config{
		Node: h.id, Local: h.rep, Clock: clock.System{}, CallTimeout: 300 * time.Millisecond, Linger: 2 * time.Millisecond,
		Layout: h.Layout, Behind: h.Behind,
		Peer: func(n ident.NodeID) (Peer, error) { return Remote(h.classed(), n), nil },
	})
	ctx, stop := context.WithCancel(context.Background())
	h.stop, h.life = stop, ctx
	h.tasks.Go(func() { check(t, h.rep.Move(ctx)) })
	h.tasks.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-h.heard:
				if err := h.learn(); err != nil && ctx.Err() == nil {
					t.Error(err)
				}
			}
		}
	})
}

// shut ends a home's program.
func (h *home) shut() {
	h.stop()
	_ = h.links.Close()
	h.tasks.Wait()
	h.coord.Close()
}

// crash cuts a home's power; what it did not sync is lost. Who uses its coordinator by
// its life is waited for. What others asked of it may go on for a while, on a disk that
// nobody looks at any more.
func (w *town) crash(i int) {
	h := w.homes[i]
	h.stop()
	h.use.Lock()
	defer h.use.Unlock()
	h.shut()
	w.old = append(w.old, h.kv)
	h.fs = h.fs.CrashClone(vfs.CrashCloneCfg{})
	h.open()
}

func (w *town) close() { w.once.Do(w.end) }

func (w *town) end() {
	for _, h := range w.homes {
		h.shut()
	}
	w.net.Close()
	for _, h := range w.homes {
		_ = h.kv.Close()
	}
	for _, s := range w.old {
		_ = s.Close()
	}
}

func (w *town) learn(homes ...int) {
	w.t.Helper()
	for _, i := range homes {
		check(w.t, w.homes[i].learn())
	}
}

// eventually waits until f holds, which nothing tells of.
func eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !f() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("not so after five minutes: %s", what)
		}
	}
}

// imported reports whether so many replicas of every partition have imported it: all
// if zero, a majority if below.
func (w *town) imported(need func(replicas int) int) bool {
	w.mu.Lock()
	l := w.chain[len(w.chain)-1]
	w.mu.Unlock()
	for _, p := range w.hot {
		have := 0
		for _, n := range l.Assigned[p] {
			if w.homes[n].rep.Serves(p, l.Term(p)) {
				have++
			}
		}
		if have < need(len(l.Assigned[p])) {
			return false
		}
	}
	return true
}

func all(n int) int { return n }
