package account

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"rhizome/base/codec"
	"rhizome/base/errs"
	"rhizome/base/ident"
)

// TestAMistypedTicketIsKnown: any one character that is another makes it no invitation.
func TestAMistypedTicketIsKnown(t *testing.T) {
	ticket := &Ticket{Rhizome: ident.New(), Invitation: ident.New(), Secret: ident.New(), Expires: 7,
		Nodes: []TicketNode{{Node: ident.NodeID{1}, Addresses: []string{"/ip4/192.0.2.1/tcp/3901"}}}}
	text := ticket.String()
	if got, err := ParseTicket(text[:30] + "\n " + text[30:]); err != nil || got.Secret != ticket.Secret {
		t.Fatalf("%+v, %v", got, err)
	}
	for i := len(ticketMark); i < len(text); i++ {
		other := "A"
		if strings.HasPrefix(text[i:], other) {
			other = "B"
		}
		_, err := ParseTicket(text[:i] + other + text[i+1:])
		if last := i == len(text)-1; err == nil && !last || err != nil && !errors.Is(err, errs.Invalid) { // of the last one some bits are spare
			t.Errorf("character %d: %v", i, err)
		}
	}
	if got, err := ParseTicket(ticketMark + base64.RawURLEncoding.EncodeToString(codec.Encode(ticket))); err != nil || got.Secret != ticket.Secret {
		t.Errorf("one without a checksum: %+v, %v", got, err)
	}
	for n := range 8 {
		if _, err := ParseTicket(text[:len(ticketMark)+n]); !errors.Is(err, errs.Invalid) {
			t.Errorf("%d characters: %v", n, err)
		}
	}
}
