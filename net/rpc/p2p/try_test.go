package p2p_test

import (
	"errors"
	"net"
	"strings"
	"testing"

	"rhizome/base/errs"
	"rhizome/net/rpc/p2p"
	"rhizome/net/rpc/rpctest"
)

// TestTry: an address is called by itself, with a link or without, and another node there
// is not taken for the right one.
func TestTry(t *testing.T) {
	g := rpctest.NewGuard(1, 2, 3)
	o := p2p.Options{Listen: []string{"127.0.0.1:0"}}
	a, b, c := startWith(t, 1, g, rpctest.NewService().Register, o), startWith(t, 2, g, rpctest.NewService().Register, o), startWith(t, 3, g, rpctest.NewService().Register, o)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody, err := p2p.PlacesOf(ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_ = ln.Close()
	if err := a.Try(t.Context(), b.Self(), b.Addresses()); err != nil {
		t.Errorf("without a link: %v", err)
	}
	rpctest.Meet(t, a, b)
	if err := a.Try(t.Context(), b.Self(), append(nobody, b.Addresses()...)); err != nil {
		t.Errorf("with a link: %v", err)
	}
	for _, at := range b.Addresses() {
		if !strings.Contains(at, "/tcp/") || strings.HasSuffix(at, "/p2p-circuit") { // a way through a: the port is a's
			continue
		}
		local, err := p2p.PlacesOf("localhost:" + strings.Split(at, "/")[4])
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Try(t.Context(), b.Self(), local[:1]); err != nil {
			t.Errorf("by name of %s: %v", at, err)
		}
	}
	if err := a.Try(t.Context(), b.Self(), nobody); !errors.Is(err, errs.Unavailable) {
		t.Errorf("where nobody listens: %v", err)
	}
	if err := a.Try(t.Context(), b.Self(), c.Addresses()); !errors.Is(err, errs.Conflict) {
		t.Errorf("where another node is: %v", err)
	}
	if _, err := a.Call(rpctest.Patient(t), b.Self(), 0, echo, nil); err != nil {
		t.Errorf("the link is gone: %v", err)
	}
}

// TestAPortServesOneNode: a second node on a port is refused; libp2p would share it.
func TestAPortServesOneNode(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	g := rpctest.NewGuard(1, 2)
	startWith(t, 1, g, rpctest.NewService().Register, p2p.Options{Listen: []string{at}})
	h, err := p2p.New(p2p.Options{Key: rpctest.Key(2), Guard: g, Listen: []string{at}})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if err := h.Start(); !errors.Is(err, errs.Invalid) {
		t.Errorf("a second one: %v", err)
	}
}
