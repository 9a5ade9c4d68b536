package object_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"rhizome/base/ident"
	"rhizome/base/vfs"
	"rhizome/cluster/extent"
	"rhizome/cluster/layout"
	"rhizome/cluster/register"
	"rhizome/disk/extentstore"
	"rhizome/disk/kv"
	"rhizome/model/account"
	"rhizome/model/object"
)

// world is the replicas and disks that many schedules use one after another; each
// must leave them empty.
type world struct {
	t      *testing.T
	layout *layout.Layout
	rows   []*kv.Store
	reps   []*register.Replica
	disks  *extentstore.Store
	root   ident.Secret
	rule   string // of the versions' protocol, that is left out
}

func newWorld(t *testing.T, n int) *world {
	w := &world{t: t, layout: &layout.Layout{Version: 1}, root: ident.Secret{1}}
	all := make([]uint16, n)
	for i := range n {
		id := ident.NodeID{0: byte(i + 1)}
		w.layout.Nodes = append(w.layout.Nodes, layout.Node{ID: id, Capacity: 1})
		all[i] = uint16(i)
		rows, err := kv.Open(vfs.NewCrashable(), "rows", kv.Options{CacheBytes: 1 << 20, MemTableBytes: 256 << 10})
		w.check(err)
		rep, err := register.OpenReplica(rows, id, register.ReplicaOptions{})
		w.check(err)
		w.rows, w.reps = append(w.rows, rows), append(w.reps, rep)
	}
	for range layout.DefaultPartitions {
		w.layout.Assigned = append(w.layout.Assigned, all)
	}
	var err error
	w.disks, err = extentstore.Open(vfs.NewCrashable(), w.rows[0], []extentstore.Disk{{Dir: "disk"}}, extentstore.Options{})
	w.check(err)
	return w
}

func (w *world) check(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) close() {
	w.check(w.disks.Close())
	for _, r := range w.rows {
		w.check(r.Close())
	}
}

// side is one process: a coordinator and stores over it, whose memory dies with it.
type side struct {
	run      *run
	name     string
	regs     *register.Coordinator
	store    register.Store
	extents  *extent.Store
	accounts *account.Store
	objects  *object.Store
	crashed  bool
	over     atomic.Bool
	ended    chan struct{}
}

// skewed is a clock that stands apart from the others', so that of two sides either
// may have the higher ballots.
type skewed time.Duration

func (s skewed) Now() time.Time { return time.Now().Add(time.Duration(s)) }

type nullRing struct{}

func (nullRing) Keep(ident.ID, []byte) error { return nil }

// newSide starts a process; local is the replica whose work lists it looks at.
func (r *run) newSide(name string, number byte, local int, skew time.Duration) *side {
	s := &side{run: r, name: name, ended: make(chan struct{})}
	node := ident.NodeID{0: 100 + number}
	s.regs = register.NewCoordinator(register.Config{Node: node, Layout: func() *layout.Layout { return r.w.layout },
		Peer: func(id ident.NodeID) (register.Peer, error) {
			i := int(id[0]) - 1
			return &link{s, i, r.w.reps[i]}, nil
		},
		Clock: skewed(skew), Jitter: r.jitter})
	s.store = s.regs
	if r.broken != nil {
		s.store = r.broken(s)
	}
	var err error
	s.extents, err = extent.New(s.store, r.w.reps[local], r.w.disks, nil)
	r.w.check(err)
	s.accounts = account.New(s.store, r.w.root, skewed(0))
	s.objects = object.New(object.Config{Registers: s.store, Local: r.w.reps[local], Extents: s.extents, Accounts: s.accounts,
		Root: r.w.root, Keyring: nullRing{}, Clock: skewed(0)})
	s.objects.Break(r.w.rule)
	r.sides = append(r.sides, s)
	return s
}

// op is one operation of a client, in a goroutine of its own.
type op struct {
	name   string
	side   *side
	f      func(context.Context)
	state  opState
	ctx    context.Context
	cancel context.CancelFunc
	gaveUp bool
	done   atomic.Bool
}

type opState int

const (
	opWaiting opState = iota
	opRunning
	opDone
)

type opKey struct{}

func (r *run) jitter(time.Duration) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.jitters++
	// No two waits end at one instant, so that the order in which they do is fixed.
	return time.Millisecond + time.Duration(r.jitters)*time.Microsecond
}
