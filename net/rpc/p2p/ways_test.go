package p2p_test

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"rhizome/base/errs"
	"rhizome/net/rpc"
	"rhizome/net/rpc/rpctest"
)

// TestQUIC: where only UDP gets through, all is the same.
func TestQUIC(t *testing.T) {
	g := rpctest.NewGuard(1, 2)
	a, b := start(t, 1, g, rpctest.NewService().Register), start(t, 2, g, rpctest.NewService().Register)
	var udp []string
	for _, at := range b.Addresses() {
		if strings.Contains(at, "/quic-v1") {
			udp = append(udp, at)
		}
	}
	if err := a.SetAddresses(b.Self(), udp); err != nil || len(udp) == 0 {
		t.Fatal(err, udp)
	}
	in := bytes.Repeat([]byte("datagram "), 1<<17)
	if got, err := a.Call(rpctest.Patient(t), b.Self(), rpc.Urgent, echo, in); err != nil || !bytes.Equal(got, in) {
		t.Fatal(len(got), err)
	}
	for i := range 300 {
		s, err := b.Open(rpctest.Patient(t), a.Self(), rpc.Bulk, mirror, []byte("head"))
		if err != nil {
			t.Fatal(i, err)
		}
		_ = s.CloseWrite()
		if got, err := io.ReadAll(s); err != nil || string(got) != "head" {
			t.Fatal(i, string(got), err)
		}
		_ = s.Close()
	}
}

// TestNonsense: what is no address is said, and what is no key too.
func TestNonsense(t *testing.T) {
	a := start(t, 1, rpctest.NewGuard(1, 2), rpctest.NewService().Register)
	if err := a.SetAddresses(rpctest.ID(2), []string{"over there"}); errs.KindOf(err) != errs.Invalid {
		t.Fatal(err)
	}
	if _, err := a.Call(rpctest.Patient(t), rpctest.ID(2), rpc.Urgent, echo, nil); errs.KindOf(err) != errs.Unavailable {
		t.Fatal(err)
	}
}
