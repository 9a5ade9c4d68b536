package extent

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"rhizome/base/clock"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/base/vfs"
	"rhizome/cluster/layout"
	"rhizome/cluster/register"
	"rhizome/cluster/register/core"
	"rhizome/disk/extentstore"
	"rhizome/disk/kv"
	"rhizome/net/rpc"
)

// homes is several nodes joined by a network in memory. Rows have replicas on all nodes
// but gateways, and are reached without the network.
type homes struct {
	t    *testing.T
	net  *rpc.Memory
	all  []*home
	rows *layout.Layout
	// graves close what crashed.
	graves []func()

	mu      sync.Mutex
	holders []ident.NodeID // of every extent
	former  []ident.NodeID
}

// home is one node.
type home struct {
	*world
	h        *homes
	id       ident.NodeID
	capacity int64
	gateway  bool
	links    *rpc.MemoryNode
	down     bool // its replica does not answer
	deaf     bool // its replica tells the store nothing
	hurtMu   sync.Mutex
	hurt     map[ident.ID]bool
}

func homeID(i int) ident.NodeID { return ident.NodeID{0: byte(i + 1), 31: 9} }

type homesOptions struct {
	holders, gateways int
	voters            int // replicas of the rows; as many as holders if zero
	capacity          map[int]int64
	way               rpc.Way
}

func newHomes(t *testing.T, n int) *homes { return newHomesWith(t, homesOptions{holders: n}) }

func newHomesWith(t *testing.T, o homesOptions) *homes {
	t.Helper()
	h := &homes{t: t, net: rpc.NewMemory(rpc.MemoryOptions{Seed: 1, Detect: -1, Way: o.way}), rows: &layout.Layout{Version: 1}}
	var all []uint16
	o.voters = max(o.voters, o.holders)
	for i := range o.voters {
		h.rows.Nodes = append(h.rows.Nodes, layout.Node{ID: homeID(i), Capacity: 1})
		if i < o.holders {
			h.holders = append(h.holders, homeID(i))
		}
		all = append(all, uint16(i))
	}
	for range layout.DefaultPartitions {
		h.rows.Assigned = append(h.rows.Assigned, all)
	}
	for i := range o.voters + o.gateways {
		x := &home{h: h, id: homeID(i), gateway: i >= o.voters, capacity: o.capacity[i], hurt: map[ident.ID]bool{}}
		x.world = &world{t: t, fs: vfs.NewCrashable(), dir: "/"}
		h.all = append(h.all, x)
		x.start()
	}
	t.Cleanup(h.close)
	return h
}

func (h *homes) close() {
	for _, x := range h.all {
		if x.Store != nil {
			x.Store.Close()
		}
	}
	h.net.Close()
	for _, x := range h.all {
		if x.regs != nil {
			x.regs.Close()
		}
	}
	for _, x := range h.all {
		x.shut()
	}
	for _, bury := range h.graves {
		bury()
	}
}

// start opens a home on its file system.
func (x *home) start() {
	t := x.h.t
	t.Helper()
	x.links = x.h.net.Node(x.id, nil)
	cfg := Config{Links: x.links, Places: x.h, Members: x.h.Members,
		Logger: slog.New(slog.NewTextHandler(t.Output(), nil)).With("home", x.id[0])}
	rc := register.Config{Node: x.id, Clock: clock.System{}, Timeout: time.Second, CallTimeout: time.Second,
		Layout: func() *layout.Layout { return x.h.rows },
		Peer:   x.peer}
	if !x.gateway {
		var err error
		x.rows, err = kv.Open(x.fs, "/rows", kv.Options{CacheBytes: 1 << 20, MemTableBytes: 256 << 10})
		must(t, err)
		x.local, err = register.OpenReplica(x.rows, x.id, register.ReplicaOptions{})
		must(t, err)
		rc.Local = x.local
		x.disks, err = extentstore.Open(x.fs, x.rows, []extentstore.Disk{{Dir: "/disk", Capacity: x.capacity}}, extentstore.Options{})
		must(t, err)
		cfg.Local, cfg.Disks = x.local, x.disks
	}
	x.regs = register.NewCoordinator(rc)
	cfg.Registers = x.regs
	s, err := NewStore(cfg)
	must(t, err)
	s.OnDamage(func(id ident.ID) {
		x.hurtMu.Lock()
		defer x.hurtMu.Unlock()
		x.hurt[id] = true
	})
	s.patience, s.endurance = 2*time.Second, 5*time.Second
	s.mend.grace, s.mend.orphan, s.mend.retry = 0, 0, time.Millisecond
	x.h.mu.Lock()
	defer x.h.mu.Unlock()
	x.Store, x.down = s, false
}

func (x *home) vanish() {
	x.h.mu.Lock()
	x.down = true
	x.h.mu.Unlock()
	_ = x.links.Close()
}

func (x *home) shut() {
	if x.disks != nil {
		_ = x.disks.Close()
		_ = x.rows.Close()
	}
	x.h.mu.Lock()
	defer x.h.mu.Unlock()
	x.disks, x.rows, x.Store, x.regs = nil, nil, nil, nil
}

// crash cuts the power and starts the home again.
func (x *home) crash() {
	x.vanish()
	fs := x.fs.(*vfs.MemFS).CrashClone(vfs.CrashCloneCfg{})
	x.Store.Close()
	x.regs.Close()
	// Calls of others may be under way in what crashed: it is closed when they have ended.
	disks, rows := x.disks, x.rows
	x.h.graves = append(x.h.graves, func() {
		if disks != nil {
			_ = disks.Close()
			_ = rows.Close()
		}
	})
	x.disks = nil
	x.shut()
	x.fs = fs
	x.start()
}

// Holders and Former implement Places.
func (h *homes) Holders(ident.ID) []ident.NodeID {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.holders)
}

func (h *homes) Former(ident.ID) []ident.NodeID {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.former)
}

func (h *homes) Members() (out []ident.NodeID) {
	for _, x := range h.all {
		out = append(out, x.id)
	}
	return out
}

// relay gives the bytes to other homes.
func (h *homes) relay(to ...int) {
	h.mu.Lock()
	h.former = h.holders
	h.holders = nil
	for _, i := range to {
		h.holders = append(h.holders, homeID(i))
	}
	h.mu.Unlock()
	for _, x := range h.all {
		if x.Store != nil && !x.gateway && !x.down {
			_, err := x.Sweep(ctx, func(ident.ID) {})
			must(h.t, err)
		}
	}
}

// peer reaches a replica without the network.
func (from *home) peer(id ident.NodeID) (register.Peer, error) {
	h := from.h
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, x := range h.all {
		if from.down && id != from.id {
			break
		}
		if x.id == id && !x.down && x.local != nil {
			return &telling{x.local, x}, nil
		}
	}
	return nil, errs.New(errs.Unavailable, "the home is away")
}

// telling is a replica that tells its store of rows.
type telling struct {
	register.Peer
	x *home
}

func (p *telling) Accept(ctx context.Context, v uint64, row register.Row, r core.Record) (core.Answer, error) {
	a, err := p.Peer.Accept(ctx, v, row, r)
	p.x.h.mu.Lock()
	s := p.x.Store
	deaf := p.x.deaf
	p.x.h.mu.Unlock()
	if err == nil && a.Refusal == 0 && s != nil && !deaf {
		s.Notice(row, r.Value, false)
	}
	return a, err
}

// spread brings every row of extents to every replica, as the registers' own repair does.
func (h *homes) spread() {
	h.t.Helper()
	rows := map[register.Row]bool{}
	for _, x := range h.all {
		if x.local != nil && x.Store != nil {
			must(h.t, x.local.Rows(ctx, Extents, func(row register.Row, _ *register.Value) error {
				rows[row] = true
				return nil
			}))
		}
	}
	for _, x := range h.all {
		if x.local == nil || x.Store == nil {
			continue
		}
		for row := range rows { // its own ballots are above what it promised
			_, b, err := x.regs.Read(ctx, row)
			must(h.t, err)
			_, err = x.regs.Update(ctx, row, register.Change{Above: b, Apply: func(v *register.Value) (*register.Value, error) { return v, nil }})
			must(h.t, err)
		}
		x.regs.Close() // it waits for the calls left behind
	}
}

// settle mends until nothing is left to do or nothing more can be done, on all homes.
func (h *homes) settle() {
	h.t.Helper()
	for range 12 {
		h.quiet() // what one home does may give another something to do later
		busy := 0
		for _, x := range h.all {
			if x.Store != nil {
				busy += x.mendOnce()
			}
		}
		if busy == 0 {
			return
		}
	}
}

// quiet waits until no extent is on its way between homes.
func (h *homes) quiet() {
	h.t.Helper()
	deadline := time.After(30 * time.Second)
	for _, x := range h.all {
		if x.Store == nil {
			continue
		}
		x.regs.Close() // it waits for the calls left behind
		for busy := true; busy; runtime.Gosched() {
			x.Store.mu.Lock()
			busy = len(x.receiving) > 0 || x.back.Load() > 0
			x.Store.mu.Unlock()
			select {
			case <-deadline:
				h.t.Fatal("an extent is on its way for ever")
			default:
			}
		}
	}
}

// mendOnce does every chore once and returns how many there were.
func (x *home) mendOnce() int {
	m := x.Store.mend
	if m.wantsSweep() {
		x.resweep(ctx)
	}
	m.mu.Lock()
	n := len(m.chores)
	m.mu.Unlock()
	for range n {
		m.mu.Lock()
		cs, _ := m.due(1 << 62)
		m.mu.Unlock()
		x.attempt(ctx, cs, usesData)
	}
	return n
}

// has reports whether a home has an extent whole.
func (x *home) has(id ident.ID) bool {
	if x.disks == nil {
		return false
	}
	bad, err := x.disks.Verify(ctx, id)
	return err == nil && len(bad) == 0
}

// extents returns what lies on a home's disks.
func (x *home) extents() (out []ident.ID) {
	must(x.t, x.disks.Each(ctx, func(i extentstore.Info) error {
		out = append(out, i.ID)
		return nil
	}))
	return out
}

func (h *homes) wantOn(id ident.ID, want ...int) {
	h.t.Helper()
	for i, x := range h.all {
		if x.Store == nil {
			continue
		}
		if got := x.has(id); got != slices.Contains(want, i) {
			h.t.Errorf("home %d has the bytes: %v; wanted on %v", i, got, want)
		}
	}
}

func (h *homes) wantBytes(from int, p Piece, plain []byte) {
	h.t.Helper()
	got, err := h.all[from].get(p, 0, -1)
	if err != nil || !bytes.Equal(got, plain) {
		h.t.Errorf("home %d reads %d bytes of %d, %v", from, len(got), len(plain), err)
	}
}

// write puts an extent without settling it.
func (x *home) write(key string, plain []byte) (Piece, Ref, error) {
	ref := x.ref(key)
	w := x.NewWriter(ctx, ref, int64(len(plain)), says("described"))
	defer w.Abort()
	if _, err := w.ReadFrom(bytes.NewReader(plain)); err != nil {
		return Piece{}, ref, err
	}
	p, err := w.Close(ctx)
	if err == nil && !x.gateway { // a coordinator reaches its own replica without telling
		v, _, err := x.regs.Read(ctx, Row(p.Extent))
		must(x.t, err)
		x.Notice(Row(p.Extent), v, false)
	}
	return p, ref, err
}

// keep writes an extent and commits a row that uses it.
func (x *home) keep(key string, plain []byte) Piece {
	x.t.Helper()
	p, ref, err := x.write(key, plain)
	must(x.t, err)
	must(x.t, x.commit(ref, p.Extent))
	x.Settle(ref.ID, p.Extent)
	return p
}

// spoil turns a byte in one frame of an extent on a home.
func (x *home) spoil(id ident.ID, frame int) {
	x.t.Helper()
	i, err := x.disks.Info(ctx, id)
	must(x.t, err)
	x.spoilAt(i, int64(frame)*(FrameSize+overhead)+100)
}

// spoilAt turns a byte of what lies at a place.
func (x *home) spoilAt(i extentstore.Info, at int64) {
	x.t.Helper()
	f, err := x.fs.OpenReadWrite(x.fs.PathJoin(i.Dir, i.File), "test")
	must(x.t, err)
	defer f.Close()
	at += i.Offset
	b := make([]byte, 1)
	_, err = f.ReadAt(b, at)
	must(x.t, err)
	b[0] ^= 0x40
	_, err = f.WriteAt(b, at)
	must(x.t, err)
	must(x.t, f.Sync())
}

var _ io.Reader = zeros{}

var sizes = map[string]int{"empty": 0, "small": 20 << 10, "frame": FrameSize, "long": 6*FrameSize + 123}

func TestEveryHolderGetsTheBytes(t *testing.T) {
	for _, n := range []int{1, 2, 3, 5} {
		h := newHomesWith(t, homesOptions{holders: n, gateways: 1})
		var every []int
		for i := range n {
			every = append(every, i)
		}
		for name, size := range sizes {
			for _, from := range []int{0, n} {
				plain := noise(size)
				p := h.all[from].keep(name, plain)
				h.settle()
				h.wantOn(p.Extent, every...)
				for i := range h.all {
					h.wantBytes(i, p, plain)
				}
				for i := range n {
					d, err := h.all[i].disks.Descriptor(ctx, p.Extent)
					if err != nil || !bytes.Contains(d, []byte("described")) {
						t.Errorf("descriptor %q, %v", d, err)
					}
				}
			}
		}
		if t.Failed() {
			return
		}
	}
}
