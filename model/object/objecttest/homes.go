package objecttest

import (
	"log/slog"
	"testing"
	"time"

	"rhizome/base/clock"
	"rhizome/base/ident"
	"rhizome/base/vfs"
	"rhizome/cluster/extent"
	"rhizome/cluster/layout"
	"rhizome/cluster/register"
	"rhizome/disk/extentstore"
	"rhizome/disk/kv"
	"rhizome/model/account"
	"rhizome/model/object"
	"rhizome/net/rpc"
)

// Homes are several homes on a network in memory, each partition on three of them, and
// gateways, which keep nothing. Nothing runs but what a test calls. Under testing/synctest
// all but the network takes no time.
type Homes struct {
	Net    *rpc.Memory
	All    []*Home // the gateways last
	layout *layout.Layout
	clock  clock.Clock
}

// OpenHomes starts so many homes and gateways; delay is that of each message.
func OpenHomes(t testing.TB, homes, gateways int, delay time.Duration, at ...clock.Clock) *Homes {
	t.Helper()
	h := &Homes{Net: rpc.NewMemory(rpc.MemoryOptions{Seed: 1, Way: rpc.Way{Delay: delay}}), layout: &layout.Layout{Version: 1}, clock: clockOf(at)}
	for i := range homes {
		h.layout.Nodes = append(h.layout.Nodes, layout.Node{ID: homeID(i), Zone: string(rune('a' + i)), Capacity: 1 << 30})
	}
	for i := range gateways {
		h.layout.Nodes = append(h.layout.Nodes, layout.Node{ID: homeID(homes + i), Zone: "gateway"})
	}
	for p := range layout.DefaultPartitions {
		on := func(i int) uint16 { return uint16((p + i) % homes) }
		h.layout.Assigned = append(h.layout.Assigned, []uint16{on(0), on(1), on(2)})
	}
	who := NewIdentity()
	for i := range homes + gateways {
		who.Node = homeID(i)
		h.All = append(h.All, h.open(t, who, i >= homes))
	}
	t.Cleanup(func() { h.close(t) })
	return h
}

func homeID(i int) ident.NodeID { return ident.NodeID{0: byte(i + 1), 31: 5} }

// Holders and Former implement extent.Places.
func (h *Homes) Holders(id ident.ID) []ident.NodeID {
	return h.layout.Holders(h.layout.Partition(id.Key()))
}

// Former: see Holders.
func (h *Homes) Former(ident.ID) []ident.NodeID { return nil }

// Cut lets nothing through from one home to another.
func (h *Homes) Cut(from, to int) { h.Net.Cut(homeID(from), homeID(to)) }

// Heal takes that back.
func (h *Homes) Heal(from, to int) { h.Net.Heal(homeID(from), homeID(to)) }

func (h *Homes) open(t testing.TB, who Identity, gateway bool) *Home {
	t.Helper()
	x := &Home{Clock: h.clock}
	links := h.Net.Node(who.Node, nil)
	rc := register.Config{Node: who.Node, Layout: func() *layout.Layout { return h.layout }, Clock: x.Clock}
	ec := extent.Config{Links: links, Places: h}
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug})).With("home", who.Node[0])
	oc := object.Config{Root: who.Root, Keyring: who.Ring, Clock: x.Clock, Logger: log}
	var err error
	if !gateway {
		fs := vfs.NewCrashable()
		x.Rows, err = kv.Open(fs, "rows", kv.Options{CacheBytes: 1 << 20, MemTableBytes: 256 << 10})
		must(t, err)
		x.Replica, err = register.OpenReplica(x.Rows, who.Node, register.ReplicaOptions{})
		must(t, err)
		register.Serve(links, x.Replica)
		x.Disks, err = extentstore.Open(fs, x.Rows, []extentstore.Disk{{Dir: "disk"}}, extentstore.Options{})
		must(t, err)
		rc.Local, ec.Local, ec.Disks, oc.Local = x.Replica, x.Replica, x.Disks, x.Replica
	}
	rc.Peer = func(id ident.NodeID) (register.Peer, error) { return register.Remote(links, id), nil }
	x.Regs = register.NewCoordinator(rc)
	ec.Registers, oc.Registers = x.Regs, x.Regs
	x.Extents, err = extent.NewStore(ec)
	must(t, err)
	x.Accounts = account.New(x.Regs, who.Root, x.Clock)
	oc.Extents, oc.Accounts = x.Extents, x.Accounts
	x.Objects = object.New(oc)
	return x
}

func (h *Homes) close(t testing.TB) {
	for _, x := range h.All {
		x.Extents.Close()
	}
	for _, x := range h.All {
		x.Regs.Close()
	}
	h.Net.Close()
	for _, x := range h.All {
		if x.Rows == nil {
			continue
		}
		must(t, x.Disks.Close())
		must(t, x.Rows.Close())
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
