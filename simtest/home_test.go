package simtest

import (
	"context"
	"encoding/binary"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"rhizome/base/ident"
	"rhizome/base/vfs"
	"rhizome/cluster/extent"
	"rhizome/cluster/layout"
	"rhizome/cluster/membership"
	"rhizome/cluster/register"
	"rhizome/disk/extentstore"
	"rhizome/disk/kv"
	"rhizome/model/account"
	"rhizome/model/object"
	"rhizome/net/rpc"
)

// home is one node: what outlives its program, and the program if it runs.
type home struct {
	town    *town
	number  int
	id      ident.NodeID
	fs      *vfs.MemFS
	clock   *jumping
	ballast atomic.Int64 // bytes of others on its disk
	gone    atomic.Bool  // for good

	mu    sync.Mutex
	rng   *rand.Rand
	known int // the layout it knows; durable
	first int // the one it came under: who kept what before, it never learns
	life  *life
	newer chan struct{} // somebody knows a newer layout
	asks  []ident.NodeID
}

// jumping is a machine's clock, off by what a test says. What a reading was off by is the name
// of its time zone, so that since can tell how much time really passed, as a monotonic clock does.
type jumping struct{ off atomic.Int64 }

// Now implements clock.Clock.
func (c *jumping) Now() time.Time {
	off := time.Duration(c.off.Load())
	return time.Now().Add(off).In(time.FixedZone(off.String(), 0))
}

// since is how much time passed between two readings, whatever the clock was set to.
func (c *jumping) since(from, to time.Time) time.Duration { return trueTime(to).Sub(trueTime(from)) }

func trueTime(reading time.Time) time.Time {
	off, _ := time.ParseDuration(reading.Location().String())
	return reading.Round(0).Add(-off)
}

func (c *jumping) set(d time.Duration) { c.off.Store(int64(d)) }

func newHome(w *town, i int, rng *rand.Rand) *home {
	return &home{town: w, number: i, id: ident.NodeID{0: byte(i + 1), 31: 5}, fs: vfs.NewCrashable(), clock: new(jumping),
		rng: rng, known: 1, first: 1, newer: make(chan struct{}, 1)}
}

// Layout implements register.Plans.
func (h *home) Layout() *layout.Layout {
	h.mu.Lock()
	n := h.known
	h.mu.Unlock()
	return h.town.at(n)
}

// Before implements register.Plans.
func (h *home) Before(partition int, term uint64) (uint64, []ident.NodeID, bool) {
	if term < 2 {
		return 0, nil, false
	}
	l := h.town.at(int(term - 1))
	return l.Term(partition), l.Replicas(partition), true
}

// Left implements register.Plans: nobody recovers here.
func (h *home) Left(uint64) []ident.NodeID { return nil }

// Behind implements register.Plans: the node is asked for what it knows.
func (h *home) Behind(n ident.NodeID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.asks) < 8 {
		h.asks = append(h.asks, n)
	}
	select {
	case h.newer <- struct{}{}:
	default:
	}
}

// Holders implements extent.Places.
func (h *home) Holders(id ident.ID) []ident.NodeID {
	l := h.Layout()
	return l.Holders(l.Partition(id.Key()))
}

// Former implements extent.Places: who has left is asked for nothing any more.
func (h *home) Former(id ident.ID) (out []ident.NodeID) {
	now := h.Layout()
	seen := map[ident.NodeID]bool{}
	for _, n := range h.Holders(id) {
		seen[n] = true
	}
	for v := int(now.Version); v >= h.first; v-- {
		l := h.town.at(v)
		for _, n := range l.Holders(l.Partition(id.Key())) {
			if !seen[n] && now.Node(n) != nil {
				seen[n] = true
				out = append(out, n)
			}
		}
	}
	return out
}

func (h *home) nodes() []ident.NodeID { return h.Layout().IDs() }

// wire is a program's links. Once the program has ended, what goes on in it hears nothing.
type wire struct {
	*rpc.MemoryNode
	ended context.Context
}

// Call implements rpc.Links.
func (l wire) Call(ctx context.Context, to ident.NodeID, class rpc.Class, m rpc.Method, request []byte) ([]byte, error) {
	got, err := l.MemoryNode.Call(ctx, to, class, m, request)
	if l.ended.Err() != nil && to != l.Self() {
		select {
		case <-ctx.Done():
		case <-time.After(30 * time.Second):
		}
	}
	return got, err
}

// life is a home's program from its start to its end.
type life struct {
	ctx      context.Context
	end      context.CancelFunc
	links    wire
	clock    *membership.Clock // what most homes agree on
	rows     *kv.Store
	replica  *register.Replica
	regs     *register.Coordinator
	disks    *extentstore.Store
	extents  *extent.Store
	accounts *account.Store
	objects  *object.Store
	front    http.Handler
	tasks    sync.WaitGroup

	mu       sync.Mutex
	over     bool
	requests sync.WaitGroup
}

// enter counts somebody who uses the stores; leave with requests.Done.
func (x *life) enter() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.over {
		return false
	}
	x.requests.Add(1)
	return true
}

// present returns the running program, nil if there is none, counted as used.
func (h *home) present() *life {
	h.mu.Lock()
	x := h.life
	h.mu.Unlock()
	if x == nil || !x.enter() {
		return nil
	}
	return x
}

func (h *home) serves(p int, term uint64) bool {
	x := h.present()
	if x == nil {
		return false
	}
	defer x.requests.Done()
	return x.replica.Serves(p, term)
}

// capacity is what a home offers; ballast makes it full.
const capacity = 1 << 40

// methodNews tells the number of the newest layout that is known, and asks for the other's.
const methodNews rpc.Method = 0x01f0

// up starts the program on what its disk holds, unless the home has left.
func (h *home) up() {
	if h.gone.Load() {
		return
	}
	t, who, disk := h.town.t, h.town.who, h.town.plan.flaw.disk(h.fs)
	x := &life{}
	x.ctx, x.end = context.WithCancel(context.Background())
	x.links = wire{h.town.net.Node(h.id, nil), x.ctx}
	x.links.Handle(methodNews, rpc.Members, func(_ context.Context, _ ident.NodeID, theirs []byte) ([]byte, error) {
		h.hear(int(theirs[0]))
		return binary.BigEndian.AppendUint64([]byte{byte(h.Layout().Version)}, uint64(h.clock.Now().UnixMicro())), nil
	})
	x.clock = membership.NewClockSince(h.clock, h.clock.since)
	var err error
	x.rows, err = kv.Open(disk, "rows", kv.Options{CacheBytes: 1 << 20, MemTableBytes: 256 << 10})
	must(t, err)
	x.replica, err = register.OpenReplica(x.rows, h.id, register.ReplicaOptions{Plans: h, Source: func(n ident.NodeID) (register.Source, error) {
		return h.town.plan.flaw.sources(register.Remote(x.links, n)), nil
	}})
	must(t, err)
	register.Serve(x.links, x.replica)
	x.replica.OnRow(extent.Extents, func(row register.Row, v *register.Value, late bool) {
		if x.extents != nil {
			x.extents.Notice(row, v, late)
		}
	})
	x.disks, err = extentstore.Open(disk, x.rows, []extentstore.Disk{{Dir: "disk"}}, extentstore.Options{Capacity: capacity, Beside: h.ballast.Load})
	must(t, err)
	x.regs = register.NewCoordinator(register.Config{Node: h.id, Layout: h.Layout, Behind: h.Behind, Clock: x.clock, Local: x.replica,
		Peer: func(n ident.NodeID) (register.Peer, error) {
			return h.town.plan.flaw.peers(x.replica, register.Remote(x.links, n)), nil
		}})
	x.extents, err = extent.NewStore(extent.Config{Registers: x.regs, Local: x.replica, Disks: x.disks, Links: x.links, Places: h, Members: h.nodes})
	must(t, err)
	log := slog.New(slog.DiscardHandler)
	x.accounts = account.New(x.regs, who.Root, x.clock)
	x.objects = object.New(object.Config{Registers: x.regs, Local: x.replica, Extents: x.extents, Accounts: x.accounts, Root: who.Root,
		Keyring: who.Ring, Clock: x.clock, Agreed: x.agreed, Logger: log, Ages: object.Ages{Orphan: 5 * time.Second}})
	x.gateway(h)
	x.links.OnLink(func(n ident.NodeID, up bool) {
		if up {
			x.regs.LinkUp(n)
			x.extents.LinkUp(n)
		}
	})
	services := []func(context.Context) error{x.replica.Move, x.regs.Run, x.objects.Run, x.objects.Mend}
	if h.town.plan.heals {
		services = append(services, x.regs.Heal)
	}
	for _, run := range services {
		x.tasks.Go(func() { _ = run(x.ctx) })
	}
	x.tasks.Go(func() { h.follow(x) })
	h.mu.Lock()
	h.life = x
	h.mu.Unlock()
}

// follow takes up layouts: it asks somebody now and then, and who is known to know more.
func (h *home) follow(x *life) {
	tick := time.NewTicker(2 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-x.ctx.Done():
			return
		case <-tick.C:
			nodes := h.nodes()
			h.ask(x, nodes[h.draw(len(nodes))])
		case <-h.newer:
			h.mu.Lock()
			asks := h.asks
			h.asks = nil
			h.mu.Unlock()
			for _, n := range asks {
				h.ask(x, n)
			}
		}
		h.takeUp(x)
	}
}

func (h *home) draw(n int) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.rng.IntN(n)
}

func (h *home) ask(x *life, n ident.NodeID) {
	ctx, cancel := context.WithTimeout(x.ctx, 5*time.Second)
	defer cancel()
	before := h.clock.Now()
	got, err := x.links.Call(ctx, n, rpc.Control, methodNews, []byte{byte(h.Layout().Version)})
	if err == nil && len(got) == 9 {
		h.learn(int(got[0]))
		if n != h.id {
			x.clock.Compare(n, time.UnixMicro(int64(binary.BigEndian.Uint64(got[1:]))).UTC(), before, h.clock.Now())
		}
	}
}

func (x *life) agreed() bool {
	_, agreed := x.clock.Skew()
	return agreed
}

func (h *home) learn(version int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.known = max(h.known, version)
}

// hear tells a home of a layout.
func (h *home) hear(version int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if version <= h.known {
		return
	}
	h.known = version
	select {
	case h.newer <- struct{}{}:
	default:
	}
}

func (h *home) takeUp(x *life) {
	before := x.replica.Progress()
	if err := x.replica.Adopt(h.Layout()); err != nil && x.ctx.Err() == nil {
		h.town.t.Errorf("home %d cannot take up layout %d: %v", h.number, h.Layout().Version, err)
	}
	if x.replica.Progress() != before {
		x.extents.Relaid()
	}
}

// die ends the program at once: what it did not sync may be lost, with its power. Nobody
// gets an answer of it any more. What goes on in it works on a disk that is nobody's.
func (h *home) die(power bool) {
	h.mu.Lock()
	x := h.life
	h.life = nil
	h.mu.Unlock()
	if x == nil {
		return
	}
	x.end()
	h.town.net.Crash(h.id)
	cfg := vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rand.New(rand.NewPCG(uint64(h.draw(1<<30)), 0))}
	if power {
		cfg.UnsyncedDataPercent = 50 * h.draw(2)
	}
	h.fs = h.fs.CrashClone(cfg)
	h.town.graves.Go(x.bury)
}

// bury waits for what goes on in an ended program.
func (x *life) bury() {
	x.mu.Lock()
	x.over = true
	x.mu.Unlock()
	x.requests.Wait()
	x.tasks.Wait()
	x.extents.Close()
	_ = x.links.Close()
	x.regs.Close()
	_ = x.disks.Close()
	_ = x.rows.Close()
}
