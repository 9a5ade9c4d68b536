package p2p_test

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"rhizome/net/rpc"
	"rhizome/net/rpc/p2p"
	"rhizome/net/rpc/rpctest"
)

const (
	echo   rpc.Method = 0x0501
	mirror rpc.Method = 0x0506
	sink   rpc.Method = 0x0508
)

// TestRelay: two that nobody reaches reach each other through a member, without a word
// about where they are; who is no member does not.
func TestRelay(t *testing.T) {
	g := rpctest.NewGuard(1, 2, 3)
	here := p2p.Options{Listen: []string{"127.0.0.1:0"}}
	a := startWith(t, 1, g, rpctest.NewService().Register, p2p.Options{})
	b := startWith(t, 2, g, rpctest.NewService().Register, p2p.Options{})
	c := startWith(t, 3, g, rpctest.NewService().Register, here)
	d := startWith(t, 4, rpctest.NewGuard(1, 2, 3, 4), rpctest.NewService().Register, p2p.Options{})
	for _, n := range []*p2p.Host{a, b, d} {
		if err := n.SetAddresses(c.Self(), c.Addresses()); err != nil {
			t.Fatal(err)
		}
		if _, err := n.Call(rpctest.Patient(t), c.Self(), rpc.Control, echo, nil); err != nil && n != d {
			t.Fatal(err)
		}
	}
	rpctest.Await(t, "a place at the relay", func() bool {
		return strings.Contains(strings.Join(b.Addresses(), " "), "/p2p-circuit")
	})
	got, err := a.Call(rpctest.Patient(t), b.Self(), rpc.Urgent, echo, []byte("through"))
	if err != nil || string(got) != "through" {
		t.Fatal(string(got), err)
	}
	in := bytes.Repeat([]byte("more than a relay carries by default "), 1<<15)
	s, err := b.Open(rpctest.Patient(t), a.Self(), rpc.Bulk, mirror, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	go func() {
		_, _ = s.Write(in)
		_ = s.CloseWrite()
	}()
	if got, err := io.ReadAll(s); err != nil || !bytes.Equal(got, in) {
		t.Fatal(len(got), err)
	}
	if _, err := d.Call(rpctest.Patient(t), b.Self(), rpc.Urgent, echo, nil); err == nil {
		t.Fatal("a stranger was relayed")
	}
	// What b says of itself leads to it too.
	if err := a.SetAddresses(b.Self(), b.Addresses()); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Call(rpctest.Patient(t), b.Self(), rpc.Urgent, echo, nil); err != nil {
		t.Fatal(err)
	}
}
