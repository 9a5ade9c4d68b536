package extent

import (
	"encoding/binary"
	"io"
	"time"

	"rhizome/base/codec"
	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/disk/extentstore"
	"rhizome/net/rpc"
)

// The methods of this package.
const (
	methodPut     rpc.Method = 0x0301 // stream: bytes of one extent to a holder
	methodGet     rpc.Method = 0x0302 // stream: frames of one extent from a holder
	methodHave    rpc.Method = 0x0303 // which of these extents are there, whole as far as known
	methodVerify  rpc.Method = 0x0304 // read all of one extent
	methodHeld    rpc.Method = 0x0305 // which of these extents has a writer at work
	methodDamaged rpc.Method = 0x0306 // a reader found one extent damaged
)

// Limits of what is sent.
const (
	maxFrames = MaxLength / FrameSize
	maxStored = MaxLength + maxFrames*overhead
	maxBatch  = 1024 // extents in one question
)

// A put stream: head putHead; then items, each a byte that says which, and its form:
// a frame is length (4), checksum (16) and the stored frame; the end is the extent's
// digest (16), the descriptor's length (2) and the descriptor. The holder answers a
// byte 2 now and then while it takes bytes, and 1 once all is durable.
const (
	itemFrame = 1
	itemEnd   = 2
	durable   = 1
	taken     = 2

	pieceSize = 128 << 10
	// sayEach is how often a holder says that it takes bytes, which keeps a slow one from
	// being given up. A fast one has nothing to say before it has all.
	sayEach = 100 * time.Millisecond
)

type putHead struct {
	ID   []byte `cbor:"1,keyasint"`
	Size int64  `cbor:"2,keyasint"` // expected stored bytes, -1 if unknown
}

// A get stream: head getHead. The holder sends the length (4) of a gotHead and that;
// then, for each frame number (4) that it reads, a byte that is 0 or 1 + an errs.Kind,
// a length (4), and the stored frame or a message.
type getHead struct {
	ID []byte `cbor:"1,keyasint"`
	// Check has each frame's checksum compared, and the descriptor sent.
	Check bool `cbor:"2,keyasint,omitempty"`
}

type gotHead struct {
	Frames     int    `cbor:"1,keyasint"`
	Digest     []byte `cbor:"2,keyasint"`
	Descriptor []byte `cbor:"3,keyasint,omitempty"`
}

type idsRequest struct {
	IDs [][]byte `cbor:"1,keyasint"`
}

type haveAnswer struct {
	Extents []haveRecord `cbor:"1,keyasint"` // in the order asked
}

type haveRecord struct {
	There  bool   `cbor:"1,keyasint,omitempty"`
	Digest []byte `cbor:"2,keyasint,omitempty"`
}

type heldAnswer struct {
	Held []bool `cbor:"1,keyasint"` // in the order asked
}

type verifyAnswer struct {
	Missing bool   `cbor:"1,keyasint,omitempty"`
	Damaged []int  `cbor:"2,keyasint,omitempty"`
	Stored  int64  `cbor:"3,keyasint,omitempty"`
	Disk    []byte `cbor:"4,keyasint,omitempty"`
	Dir     string `cbor:"5,keyasint,omitempty"`
	File    string `cbor:"6,keyasint,omitempty"`
	Offset  int64  `cbor:"7,keyasint,omitempty"`
}

func malformed(what string) error {
	return errs.Newf(errs.Invalid, "another node sent %s that this program does not understand", what)
}

func decodeMessage(b []byte, into any, what string) error {
	if codec.Decode(b, into) != nil {
		return malformed(what)
	}
	return nil
}

func decodePutHead(b []byte) (id ident.ID, size int64, err error) {
	var h putHead
	if err := decodeMessage(b, &h, "the head of an extent"); err != nil {
		return id, 0, err
	}
	id, err = ident.FromKey(string(h.ID))
	if err != nil || h.Size < -1 || h.Size > maxStored {
		return id, 0, malformed("the head of an extent")
	}
	return id, h.Size, nil
}

func decodeGetHead(b []byte) (id ident.ID, check bool, err error) {
	var h getHead
	if err := decodeMessage(b, &h, "a request for an extent"); err != nil {
		return id, false, err
	}
	if id, err = ident.FromKey(string(h.ID)); err != nil {
		return id, false, malformed("a request for an extent")
	}
	return id, h.Check, nil
}

func encodeIDs(ids []ident.ID) []byte {
	r := idsRequest{IDs: make([][]byte, len(ids))}
	for i := range ids {
		r.IDs[i] = ids[i][:]
	}
	return codec.Encode(r)
}

func decodeIDs(b []byte) ([]ident.ID, error) {
	var r idsRequest
	if err := decodeMessage(b, &r, "a list of extents"); err != nil {
		return nil, err
	}
	if len(r.IDs) == 0 || len(r.IDs) > maxBatch {
		return nil, malformed("a list of extents")
	}
	out := make([]ident.ID, len(r.IDs))
	for i, k := range r.IDs {
		id, err := ident.FromKey(string(k))
		if err != nil {
			return nil, malformed("a list of extents")
		}
		out[i] = id
	}
	return out, nil
}

func decodeHave(b []byte, n int) ([]haveRecord, error) {
	var a haveAnswer
	if err := decodeMessage(b, &a, "what it has"); err != nil {
		return nil, err
	}
	if len(a.Extents) != n {
		return nil, malformed("what it has")
	}
	return a.Extents, nil
}

func decodeHeld(b []byte, n int) ([]bool, error) {
	var a heldAnswer
	if err := decodeMessage(b, &a, "what its writers hold"); err != nil {
		return nil, err
	}
	if len(a.Held) != n {
		return nil, malformed("what its writers hold")
	}
	return a.Held, nil
}

func decodeVerify(b []byte) (a verifyAnswer, err error) {
	if err := decodeMessage(b, &a, "how an extent is"); err != nil {
		return a, err
	}
	if len(a.Damaged) > maxFrames+1 || a.Stored < 0 || a.Offset < 0 || len(a.Disk) > len(ident.ID{}) {
		return a, malformed("how an extent is")
	}
	return a, nil
}

// putItem is what a put stream carries: a frame, or the end.
type putItem struct {
	frame []byte
	sum   [extentstore.SumSize]byte // of the frame, or the digest of all
	end   bool
	desc  []byte
}

// frameHead is what stands before a frame.
func frameHead(length int, sum [extentstore.SumSize]byte) []byte {
	b := binary.BigEndian.AppendUint32([]byte{itemFrame}, uint32(length))
	return append(b, sum[:]...)
}

func putEnd(digest [extentstore.SumSize]byte, desc []byte) []byte {
	b := append([]byte{itemEnd}, digest[:]...)
	b = binary.BigEndian.AppendUint16(b, uint16(len(desc)))
	return append(b, desc...)
}

// readPut reads the next item; room returns a buffer for a frame of so many bytes, and
// took is called with every piece of one.
func readPut(r io.Reader, room func(int) []byte, took func() error) (it putItem, err error) {
	var head [1 + 4 + extentstore.SumSize]byte
	if _, err = io.ReadFull(r, head[:1]); err != nil {
		return it, cutOff(err)
	}
	switch head[0] {
	case itemFrame:
		if _, err = io.ReadFull(r, head[1:]); err != nil {
			return it, cutOff(err)
		}
		n := binary.BigEndian.Uint32(head[1:])
		if n < overhead || n > extentstore.MaxFrame {
			return it, malformed("a frame")
		}
		copy(it.sum[:], head[5:])
		it.frame = room(int(n))[:n]
		for at := 0; at < len(it.frame) && err == nil; at += pieceSize {
			if _, err = io.ReadFull(r, it.frame[at:min(at+pieceSize, len(it.frame))]); err == nil {
				err = took()
			}
		}
		return it, cutOff(err)
	case itemEnd:
		end := head[1 : 1+extentstore.SumSize+2]
		if _, err = io.ReadFull(r, end); err != nil {
			return it, cutOff(err)
		}
		it.end = true
		copy(it.sum[:], end)
		n := binary.BigEndian.Uint16(end[extentstore.SumSize:])
		if n > extentstore.MaxDescriptor {
			return it, malformed("the end of an extent")
		}
		it.desc = make([]byte, n)
		_, err = io.ReadFull(r, it.desc)
		return it, cutOff(err)
	}
	return it, malformed("a part of an extent")
}

// cutOff gives the end of a stream in the middle of something its kind.
func cutOff(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return errs.New(errs.Unavailable, "the bytes of an extent ended before their end")
	}
	return err
}

// readGotHead reads what a holder says before the frames.
func readGotHead(r io.Reader) (h gotHead, err error) {
	b, err := readCounted(r, extentstore.MaxDescriptor+1024)
	if err != nil {
		return h, err
	}
	if err := decodeMessage(b, &h, "an extent"); err != nil {
		return h, err
	}
	if h.Frames < 0 || h.Frames > maxFrames || len(h.Digest) != extentstore.SumSize || len(h.Descriptor) > extentstore.MaxDescriptor {
		return h, malformed("an extent")
	}
	return h, nil
}

func counted(b []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...)
}

func readCounted(r io.Reader, most uint32) ([]byte, error) {
	var n [4]byte
	if _, err := io.ReadFull(r, n[:]); err != nil {
		return nil, cutOff(err)
	}
	if binary.BigEndian.Uint32(n[:]) > most {
		return nil, malformed("a message")
	}
	b := make([]byte, binary.BigEndian.Uint32(n[:]))
	_, err := io.ReadFull(r, b)
	return b, cutOff(err)
}

// gotFrame is what stands before a frame that was asked for.
func gotFrame(length int) []byte {
	return binary.BigEndian.AppendUint32([]byte{0}, uint32(length))
}

// gotFault stands in a frame's place.
func gotFault(err error) []byte {
	msg := err.Error()
	if len(msg) > maxFault {
		msg = msg[:maxFault]
	}
	return append([]byte{1 + byte(errs.KindOf(err))}, counted([]byte(msg))...)
}

const maxFault = 1024

// errFrame is a holder's word that it cannot give one frame; the stream goes on.
type errFrame struct{ err error }

func (e errFrame) Error() string { return e.err.Error() }
func (e errFrame) Unwrap() error { return e.err }

// readFrame reads one frame that was asked for.
func readFrame(r io.Reader, room func(int) []byte) ([]byte, error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, cutOff(err)
	}
	n := binary.BigEndian.Uint32(head[1:])
	if head[0] != 0 {
		if n > maxFault || head[0] > 1+byte(errs.Full) {
			return nil, malformed("a frame")
		}
		msg := make([]byte, n)
		if _, err := io.ReadFull(r, msg); err != nil {
			return nil, cutOff(err)
		}
		return nil, errFrame{errs.New(errs.Kind(head[0]-1), string(msg))}
	}
	if n < overhead || n > extentstore.MaxFrame {
		return nil, malformed("a frame")
	}
	b := room(int(n))[:n]
	_, err := io.ReadFull(r, b)
	return b, cutOff(err)
}
