package node

import (
	"errors"
	"slices"
	"testing"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/membership"
	"rhizome/gateway/admin/api"
	"rhizome/model/account"
	"rhizome/net/rpc"
)

// behindABox are links of a node that sees the address of its own network alone.
type behindABox struct{ memoryLinks }

func (behindABox) Addresses() []string { return []string{"/ip4/10.1.0.2/tcp/3901"} }

// TestPublicAddresses: where a person says that a home is reached stands before what it sees itself, in
// invitations and in what the others keep.
func TestPublicAddresses(t *testing.T) {
	t.Parallel()
	h := newHomes(t, 0)
	a := h.up("lyon", func(c *Config) {
		c.Peer, c.Public = ":4000", []string{"garden.example.org", "203.0.113.7:5000"}
		c.Links = func(seed ident.Secret, g rpc.Guard) (Transport, error) {
			return behindABox{memoryLinks{h.net.Node(NodeOf(seed), g)}}, nil
		}
	})
	ticket, err := account.ParseTicket(h.invite(a))
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"/dns/garden.example.org/tcp/4000", "/ip4/10.1.0.2/tcp/3901", "/ip4/203.0.113.7/tcp/5000", "/dns/garden.example.org/udp/4000/quic-v1"}; !slices.Equal(ticket.Nodes[0].Addresses, want) {
		t.Errorf("the invitation says %q", ticket.Nodes[0].Addresses)
	}
	b := h.join(a, "brest")
	h.settled(2)
	at := func() []string {
		i := slices.IndexFunc(b.members.Peers(), func(p membership.Peer) bool { return p.Node == a.keys.id() })
		return b.members.Peers()[i].Addresses
	}
	if got := at(); len(got) != 5 || got[0] != "/dns/garden.example.org/tcp/4000" {
		t.Errorf("the other home keeps %q", got)
	}
	if _, err := a.AddAddress(t.Context(), api.NodeAddress{Node: a.keys.id().String(), Addresses: []string{"203.0.113.7:3901"}}); !errors.Is(err, errs.Invalid) {
		t.Errorf("a node is told at itself where it is: %v", err)
	}
	if _, err := b.AddAddress(t.Context(), api.NodeAddress{Node: a.keys.id().String(), Addresses: []string{"198.51.100.7:3901"}}); err != nil {
		t.Fatal(err)
	}
	if got := at(); len(got) != 7 || got[0] != "/ip4/198.51.100.7/tcp/3901" {
		t.Errorf("what a person said is kept as %q", got)
	}
	if _, err := b.AddAddress(t.Context(), api.NodeAddress{Node: a.keys.id().String()}); err != nil || len(at()) != 5 {
		t.Errorf("what a person took back is kept: %q, %v", at(), err)
	}
}
