package p2p

import (
	"encoding/binary"

	"rhizome/base/errs"
	"rhizome/net/rpc"
)

// A frame is a head of headSize bytes, big-endian, and size bytes of a message. A
// message longer than maxPiece travels in several frames, between which those of other
// messages may come.
//
//	0  u32 size    bytes after the head, at most maxPiece
//	4  u8  kind
//	5  u8  flags   bit 0: more of this message follows; others are ignored
//	6  u16 method  of a request
//	8  u64 id      chosen by who asks; answers bear it too
//	16 u32 timeout milliseconds left for a request, 0 if there is no deadline
//	20 u32 total   bytes of the whole message, in its first frame
const (
	headSize = 24
	maxPiece = 16 << 10
	more     = 1
)

// kind says what a frame is. Numbers are never reused; a reader passes over kinds that
// it does not know.
type kind uint8

const (
	request kind = 1 // asks
	reply   kind = 2 // answers
	fault   kind = 3 // says that it failed, in the form of rpc.EncodeFault; id 0 refuses the lane
	cancel  kind = 4 // the caller gave up
	ping    kind = 5 // is answered with pong of the same id
	pong    kind = 6
)

type head struct {
	size    uint32
	kind    kind
	flags   uint8
	method  rpc.Method
	id      uint64
	timeout uint32
	total   uint32
}

func (h head) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, h.size)
	b = append(b, byte(h.kind), h.flags)
	b = binary.BigEndian.AppendUint16(b, uint16(h.method))
	b = binary.BigEndian.AppendUint64(b, h.id)
	b = binary.BigEndian.AppendUint32(b, h.timeout)
	return binary.BigEndian.AppendUint32(b, h.total)
}

// parseHead reads a head of headSize bytes; errs.Invalid if no honest program wrote it.
func parseHead(b []byte) (head, error) {
	h := head{
		size:    binary.BigEndian.Uint32(b),
		kind:    kind(b[4]),
		flags:   b[5],
		method:  rpc.Method(binary.BigEndian.Uint16(b[6:])),
		id:      binary.BigEndian.Uint64(b[8:]),
		timeout: binary.BigEndian.Uint32(b[16:]),
		total:   binary.BigEndian.Uint32(b[20:]),
	}
	if h.size > maxPiece {
		return head{}, errs.Newf(errs.Invalid, "a frame of %d bytes is over the limit of %d", h.size, maxPiece)
	}
	return h, nil
}

// outgoing is a message on its way out.
type outgoing struct {
	head
	data []byte
	sent int // bytes of data
	done func()
}

// next appends the message's next frame to b and reports whether it was the last.
func (o *outgoing) next(b []byte) ([]byte, bool) {
	n := min(len(o.data)-o.sent, maxPiece)
	h := o.head
	h.size = uint32(n)
	if o.sent == 0 {
		h.total = uint32(len(o.data))
	}
	last := o.sent+n == len(o.data)
	if !last {
		h.flags |= more
	}
	b = append(h.append(b), o.data[o.sent:o.sent+n]...)
	o.sent += n
	return b, last
}

// incoming is a message of which not all has come.
type incoming struct {
	head
	data    []byte
	held    int   // bytes of the memory for messages
	refused error // it is passed over, and this is why
}

// grow makes room for n bytes more, and never for much more than has come: a peer pays
// for memory with bytes.
func (m *incoming) grow(n int) []byte {
	if need := len(m.data) + n; need > cap(m.data) {
		bigger := make([]byte, len(m.data), min(int(m.total), max(2*cap(m.data), 4*maxPiece, need)))
		copy(bigger, m.data)
		m.data = bigger
	}
	m.data = m.data[:len(m.data)+n]
	return m.data[len(m.data)-n:]
}
