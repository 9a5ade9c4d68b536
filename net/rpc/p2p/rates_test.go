package p2p_test

import (
	"io"
	"strings"
	"testing"

	"rhizome/net/rpc"
	"rhizome/net/rpc/p2p"
	"rhizome/net/rpc/rpctest"
)

// some is less than what may be sent at once, whatever the rate is.
const some = 20 << 10

// there has some bytes sent there and back by a transfer.
func there(t *testing.T, from, to *p2p.Host, class rpc.Class) {
	t.Helper()
	s, err := from.Open(rpctest.Patient(t), to.Self(), class, mirror, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Write(make([]byte, some)); err != nil {
		t.Fatal(err)
	}
	if err := s.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(s); err != nil || len(got) != some {
		t.Fatal(len(got), err)
	}
}

// TestBackgroundCountsEachWay: what is sent and what comes in the background counts, at both ends, in
// transfers and in calls; what people wait for does not.
func TestBackgroundCountsEachWay(t *testing.T) {
	for name, move := range map[string]func(t *testing.T, a, b *p2p.Host, class rpc.Class){
		"transfer": there,
		"call": func(t *testing.T, a, b *p2p.Host, class rpc.Class) {
			if got, err := a.Call(rpctest.Patient(t), b.Self(), class, echo, make([]byte, some)); err != nil || len(got) != some {
				t.Fatal(len(got), err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := rpctest.NewGuard(1, 2)
			here := p2p.Options{Listen: []string{"127.0.0.1:0"}, Background: 1}
			a := startWith(t, 1, g, rpctest.NewService().Register, here)
			b := startWith(t, 2, g, rpctest.NewService().Register, here)
			if err := a.SetAddresses(b.Self(), b.Addresses()); err != nil {
				t.Fatal(err)
			}
			sent, came, _ := a.Unused()
			move(t, a, b, rpc.Bulk)
			if s, c, _ := a.Unused(); s < sent || c < came {
				t.Errorf("what people wait for counts: %d, %d of %d, %d are left", s, c, sent, came)
			}
			move(t, a, b, rpc.Background)
			for who, h := range map[string]*p2p.Host{"asks": a, "answers": b} {
				if s, c, _ := h.Unused(); s > sent-some || c > came-some {
					t.Errorf("who %s: %d, %d of %d, %d are left", who, s, c, sent, came)
				}
			}
		})
	}
}

// TestRelayedCounts: what a member relays for others counts, both ways, and against nothing else.
func TestRelayedCounts(t *testing.T) {
	g := rpctest.NewGuard(1, 2, 3)
	a := startWith(t, 1, g, rpctest.NewService().Register, p2p.Options{})
	b := startWith(t, 2, g, rpctest.NewService().Register, p2p.Options{})
	c := startWith(t, 3, g, rpctest.NewService().Register, p2p.Options{Listen: []string{"127.0.0.1:0"}})
	for _, n := range []*p2p.Host{a, b} {
		if err := n.SetAddresses(c.Self(), c.Addresses()); err != nil {
			t.Fatal(err)
		}
		if _, err := n.Call(rpctest.Patient(t), c.Self(), rpc.Control, echo, nil); err != nil {
			t.Fatal(err)
		}
	}
	rpctest.Await(t, "a place at the relay", func() bool {
		return strings.Contains(strings.Join(b.Addresses(), " "), "/p2p-circuit")
	})
	if _, err := a.Call(rpctest.Patient(t), b.Self(), rpc.Urgent, echo, []byte("through")); err != nil {
		t.Fatal(err)
	}
	c.SetRelayRate(1)
	_, _, before := c.Unused()
	there(t, a, b, rpc.Bulk)
	if _, _, left := c.Unused(); left > before-2*some {
		t.Errorf("of %d bytes that may be relayed at once %d are left after %d both ways", before, left, some)
	}
}
