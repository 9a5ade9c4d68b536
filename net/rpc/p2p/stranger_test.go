package p2p

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/libp2p/go-libp2p/core/event"
	"github.com/libp2p/go-libp2p/core/network"

	"rhizome/base/ident"
	"rhizome/net/rpc"
	"rhizome/net/rpc/rpctest"
)

// TestStrangersLeaveNoTrace: links of strangers come and go, nobody is told and nothing
// is kept of them.
func TestStrangersLeaveNoTrace(t *testing.T) {
	h, err := New(Options{Key: rpctest.Key(1), Guard: rpctest.NewGuard(1, 2)})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	var heard atomic.Int64
	h.OnLink(func(ident.NodeID, bool) { heard.Add(1) })
	for i := 2; i < 50; i++ {
		pid, err := peerOf(rpctest.ID(i))
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []network.Connectedness{network.Connected, network.NotConnected} {
			h.told(event.EvtPeerConnectednessChanged{Peer: pid, Connectedness: c})
		}
	}
	if heard.Load() != 2 || len(h.peers) != 1 {
		t.Fatalf("%d links are told of, %d nodes remembered", heard.Load(), len(h.peers))
	}
}

// TestAStrangerWhoBecameAMemberIsNoGuest: more homes than there is room for strangers join
// through one door, each over the link that it came by.
func TestAStrangerWhoBecameAMemberIsNoGuest(t *testing.T) {
	const hello, join = rpc.Method(0x0f01), rpc.Method(0x0f02)
	guard := rpctest.NewGuard(1)
	open := func(i int, g rpc.Guard) *Host {
		h, err := New(Options{Key: rpctest.Key(i), Guard: g, Listen: []string{"127.0.0.1:0"}})
		if err != nil {
			t.Fatal(err)
		}
		h.Handle(hello, rpc.Members, func(context.Context, ident.NodeID, []byte) ([]byte, error) { return nil, nil })
		h.Handle(join, rpc.Anyone, func(context.Context, ident.NodeID, []byte) ([]byte, error) { return nil, nil })
		if err := h.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = h.Close() })
		return h
	}
	door := open(1, guard)
	for i := 2; i < 4; i++ {
		h := open(i, rpctest.NewGuard(1))
		if err := h.SetAddresses(door.Self(), door.Addresses()); err != nil {
			t.Fatal(err)
		}
		if _, err := h.Call(rpctest.Patient(t), door.Self(), rpc.Control, join, nil); err != nil {
			t.Fatal(err)
		}
		if n := door.guests.Load(); n < 1 {
			t.Fatalf("%d strangers are counted", n)
		}
		guard.Set(i, true)
		rpctest.Await(t, "a member's call", func() bool {
			_, err := h.Call(rpctest.Patient(t), door.Self(), rpc.Control, hello, nil)
			return err == nil
		})
		rpctest.Await(t, "no stranger is left", func() bool { return door.guests.Load() == 0 })
	}
}
