package register

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"rhizome/base/clock"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/base/vfs"
	"rhizome/cluster/layout"
	"rhizome/disk/kv"
)

// cluster is n replicas in this process, each with a coordinator, joined by links
// that a test can cut.
type cluster struct {
	t      testing.TB
	layout *layout.Layout
	nodes  []*node
	draws  draws
}

type node struct {
	id    ident.NodeID
	fs    *vfs.MemFS
	kv    *kv.Store
	rep   *Replica
	coord *Coordinator
	down  bool
	mu    sync.Mutex
	loss  float64 // share of calls lost on the way there, and of answers lost
}

func nodeID(i int) ident.NodeID { return ident.NodeID{0: byte(i + 1), 31: 7} }

func newCluster(t testing.TB, n int) *cluster {
	c := &cluster{t: t, layout: &layout.Layout{Version: 1}}
	c.draws.seed([32]byte{1})
	all := make([]uint16, n)
	for i := range n {
		c.layout.Nodes = append(c.layout.Nodes, layout.Node{ID: nodeID(i), Capacity: 1})
		all[i] = uint16(i)
		c.nodes = append(c.nodes, &node{id: nodeID(i), fs: vfs.NewCrashable()})
	}
	for range layout.DefaultPartitions {
		c.layout.Assigned = append(c.layout.Assigned, all)
	}
	for _, nd := range c.nodes {
		c.open(nd)
	}
	t.Cleanup(c.close)
	return c
}

func (c *cluster) open(n *node) {
	c.t.Helper()
	store, err := kv.Open(n.fs, "rows", kv.Options{})
	if err != nil {
		c.t.Fatal(err)
	}
	rep, err := OpenReplica(store, n.id, ReplicaOptions{})
	if err != nil {
		c.t.Fatal(err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.kv, n.rep = store, rep
	n.coord = NewCoordinator(Config{
		Node: n.id, Local: rep, Clock: clock.System{}, CallTimeout: 200 * time.Millisecond,
		Layout: func() *layout.Layout { return c.layout },
		Peer:   func(id ident.NodeID) (Peer, error) { return c.link(id) },
	})
}

func (c *cluster) link(id ident.NodeID) (Peer, error) {
	for _, n := range c.nodes {
		if n.id != id {
			continue
		}
		n.mu.Lock()
		defer n.mu.Unlock()
		if n.down || c.draws.chance(n.loss) {
			return nil, errs.New(errs.Unavailable, "the node is away")
		}
		return &lossy{n.rep, n.loss, &c.draws}, nil
	}
	return nil, errs.New(errs.NotFound, "no such node")
}

func (c *cluster) set(i int, f func(*node)) {
	n := c.nodes[i]
	n.mu.Lock()
	defer n.mu.Unlock()
	f(n)
}

// crash cuts the power of a node, losing what it did not sync, and starts it again.
func (c *cluster) crash(i int) { c.restart(i, c.nodes[i].fs.CrashClone(vfs.CrashCloneCfg{})) }

// restart starts a node again on another disk.
func (c *cluster) restart(i int, fs *vfs.MemFS) {
	n := c.nodes[i]
	c.set(i, func(n *node) { n.down = true })
	n.coord.Close()
	for _, o := range c.nodes {
		o.coord.Close()
	}
	_ = n.kv.Close()
	n.fs = fs
	c.open(n)
	c.set(i, func(n *node) { n.down = false })
}

func (c *cluster) close() {
	for _, n := range c.nodes {
		n.coord.Close()
	}
	for _, n := range c.nodes {
		_ = n.kv.Close()
	}
}

func (c *cluster) store(i int) *Coordinator { return c.nodes[i].coord }

func text(s string) *Value { return &Value{Data: []byte(s), Count: 1, Bytes: int64(len(s))} }

func put(v *Value) Change {
	return Change{Apply: func(*Value) (*Value, error) { return v, nil }}
}

func remove() Change {
	return Change{Apply: func(*Value) (*Value, error) { return nil, nil }}
}

var errNo = errors.New("no")

func ctxFor(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func data(v *Value) string {
	if v == nil {
		return "<absent>"
	}
	return string(v.Data)
}

// chance is true for the given share of calls.
func (d *draws) chance(share float64) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.src.Float64() < share
}
