package p2p

import (
	"sync/atomic"
	"testing"

	"github.com/libp2p/go-libp2p/core/event"
	"github.com/libp2p/go-libp2p/core/network"

	"rhizome/base/ident"
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
