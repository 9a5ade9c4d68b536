// Package objecttest builds a whole store of one home for tests: rows, extents,
// accounts and objects over one file system, which may be one that loses unsynced
// data at a crash.
package objecttest

import (
	"log/slog"
	"maps"
	"sync"
	"testing"

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
)

// Home is one running store.
type Home struct {
	Rows     *kv.Store
	Replica  *register.Replica
	Regs     *register.Coordinator
	Disks    *extentstore.Store
	Extents  *extent.Store
	Accounts *account.Store
	Objects  *object.Store
	Clock    clock.Clock
}

// Identity is what of a home outlives a restart beside its disk.
type Identity struct {
	Node ident.NodeID
	Root ident.Secret
	Ring *Ring
}

// NewIdentity returns a fresh identity.
func NewIdentity() Identity {
	var n ident.NodeID
	a, b := ident.New(), ident.New()
	copy(n[:], a[:])
	copy(n[16:], b[:])
	return Identity{n, ident.NewSecret(), &Ring{keys: map[ident.ID][]byte{}}}
}

// Ring is a keyring in memory.
type Ring struct {
	mu   sync.Mutex
	keys map[ident.ID][]byte
}

// Keep implements object.Keyring.
func (r *Ring) Keep(bucket ident.ID, sealed []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.keys[bucket] = sealed
	return nil
}

// Keys returns all that is kept, sealed.
func (r *Ring) Keys() map[ident.ID][]byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.keys)
}

// Open starts the home whose data is on fs. Stop it with Close, or leave it as a
// crash would.
func Open(t testing.TB, fs vfs.FS, id Identity, at ...clock.Clock) *Home {
	t.Helper()
	h := &Home{Clock: clockOf(at)}
	var err error
	if h.Rows, err = kv.Open(fs, "rows", kv.Options{}); err != nil {
		t.Fatal(err)
	}
	if h.Replica, err = register.OpenReplica(h.Rows, id.Node, register.ReplicaOptions{}); err != nil {
		t.Fatal(err)
	}
	l := layout.Single(ident.ID{1}, layout.Node{ID: id.Node, Zone: "home"})
	h.Regs = register.NewCoordinator(register.Config{Node: id.Node, Layout: func() *layout.Layout { return l },
		Peer: func(ident.NodeID) (register.Peer, error) { return h.Replica, nil }, Local: h.Replica, Clock: h.Clock})
	if h.Disks, err = extentstore.Open(fs, h.Rows, []extentstore.Disk{{Dir: "disk"}}, extentstore.Options{}); err != nil {
		t.Fatal(err)
	}
	if h.Extents, err = extent.New(h.Regs, h.Replica, h.Disks, nil); err != nil {
		t.Fatal(err)
	}
	h.Accounts = account.New(h.Regs, id.Root, h.Clock)
	h.Objects = object.New(object.Config{Registers: h.Regs, Local: h.Replica, Extents: h.Extents, Accounts: h.Accounts,
		Root: id.Root, Keyring: id.Ring, Clock: h.Clock,
		Logger: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))})
	return h
}

// Close stops the home in order.
func (h *Home) Close(t testing.TB) {
	t.Helper()
	h.Regs.Close()
	if err := h.Disks.Close(); err != nil {
		t.Error(err)
	}
	if err := h.Rows.Close(); err != nil {
		t.Error(err)
	}
}

// clockOf returns the clock that a test gives, or the machine's.
func clockOf(at []clock.Clock) clock.Clock {
	if len(at) > 0 {
		return at[0]
	}
	return clock.System{}
}
