package p2p

import (
	"testing"

	libpeer "github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"

	"rhizome/base/ident"
	"rhizome/net/rpc/rpctest"
)

// TestLANName: two rhizomes have two names, each a label that mDNS takes.
func TestLANName(t *testing.T) {
	a, b := lanName([]byte("a")), lanName([]byte("b"))
	if a == b || len(a) != len("_rz0123456789ab._udp") || a != lanName([]byte("a")) {
		t.Fatal(a, b)
	}
}

// TestHeardOnTheLAN: a member found on the LAN may be connected with; a stranger is told of and
// nothing is kept of him.
func TestHeardOnTheLAN(t *testing.T) {
	var heard []ident.NodeID
	h, err := New(Options{Key: rpctest.Key(1), Guard: rpctest.NewGuard(1, 2),
		Found: func(n Neighbour) { heard = append(heard, n.ID) }})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Start(); err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	at := ma.StringCast("/ip4/127.0.0.1/tcp/1")
	for i := 1; i <= 3; i++ {
		p, err := peerOf(rpctest.ID(i))
		if err != nil {
			t.Fatal(err)
		}
		found{h}.HandlePeerFound(libpeer.AddrInfo{ID: p, Addrs: []ma.Multiaddr{at}})
		if n := len(h.net.Peerstore().Addrs(p)); (n > 0) != (i == 2) {
			t.Error(i, n)
		}
	}
	if len(heard) != 2 || heard[0] != rpctest.ID(2) || heard[1] != rpctest.ID(3) {
		t.Fatal(heard)
	}
}
