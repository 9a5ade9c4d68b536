package account

import (
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"strings"
	"time"

	"rhizome/base/codec"
	"rhizome/base/errs"
	"rhizome/base/ident"
)

// Ticket is what an invitation says to the machine that is invited. It is a secret.
type Ticket struct {
	// Rhizome is the lineage of the rhizome.
	Rhizome ident.ID `cbor:"1,keyasint"`
	// Invitation and Secret prove that one was invited.
	Invitation ident.ID `cbor:"2,keyasint"`
	Secret     ident.ID `cbor:"3,keyasint"`
	// Expires is when it ends, Unix seconds.
	Expires int64 `cbor:"4,keyasint"`
	// Nodes are some that can be asked, at most maxNodes.
	Nodes []TicketNode `cbor:"5,keyasint"`
}

// TicketNode is a node and where it can be reached.
type TicketNode struct {
	Node      ident.NodeID `cbor:"1,keyasint"`
	Addresses []string     `cbor:"2,keyasint"`
}

// ticketMark begins the text of an invitation, so that people and programs know it.
const (
	ticketMark = "rhizome-invitation-"
	maxTicket  = 4096
	maxNodes   = 8
	maxPlaces  = 16
)

// String returns the ticket as one word of letters, digits, - and _. It ends with a checksum,
// so that one that was typed or copied wrongly is known for it.
func (t *Ticket) String() string {
	raw := codec.Encode(t)
	return ticketMark + base64.RawURLEncoding.EncodeToString(binary.BigEndian.AppendUint32(raw, crc32.ChecksumIEEE(raw)))
}

// unsummed returns a record without the checksum behind it. Tickets of the first release
// have none, and come back as they are; one whose checksum is wrong is no record then.
func unsummed(raw []byte) []byte {
	if n := len(raw) - 4; n > 0 && binary.BigEndian.Uint32(raw[n:]) == crc32.ChecksumIEEE(raw[:n]) {
		return raw[:n]
	}
	return raw
}

// ParseTicket reads what String wrote; blanks and line breaks within do no harm. It
// fails with errs.Invalid.
func ParseTicket(s string) (*Ticket, error) {
	s = strings.Join(strings.Fields(s), "")
	text, ok := strings.CutPrefix(s, ticketMark)
	if !ok {
		return nil, errs.Newf(errs.Invalid, "an invitation begins with %s: copy the whole line that rhizome invite printed", ticketMark)
	}
	if len(text) > maxTicket {
		return nil, errs.New(errs.Invalid, "the invitation is too long: copy only the line that rhizome invite printed")
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	var t Ticket
	if err == nil {
		err = codec.Decode(unsummed(raw), &t)
	}
	if err != nil || t.Invitation.IsZero() || len(t.Nodes) > maxNodes || tooManyPlaces(t.Nodes) {
		return nil, errs.New(errs.Invalid, "the invitation is not whole: copy the whole line that rhizome invite printed")
	}
	return &t, nil
}

func tooManyPlaces(nodes []TicketNode) bool {
	for _, n := range nodes {
		if len(n.Addresses) > maxPlaces {
			return true
		}
	}
	return false
}

// Over reports whether the ticket ended, by a clock that may be wrong: it is the
// invited machine's, before it knows better.
func (t *Ticket) Over(now time.Time) bool { return now.Unix() >= t.Expires }
