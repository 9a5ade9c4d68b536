package register

import (
	"encoding/binary"

	"rhizome/base/errs"
	"rhizome/cluster/register/core"
)

// A head, the value of an 'r' key, is
//
//	1 byte   format version, 1
//	2        flags, below
//	24       ballot: round, node, attempt, 8 bytes each
//	24       highest ballot promised           if fPromised
//	24       horizon of Recent                 if fHorizon
//	1+24×n   n, then n recent ballots          unless fFirst: then Recent is {ballot}
//	varint   epoch                             if fEpoch
//	varint×2 Count and Bytes, zigzag           if fWeight
//	rest     Data                              if fLive
//
// and a blob, the value of a 'b' key, is the format version, the head's ballot and
// the bytes of Blob. Heads are read far more often than any other record and are
// not CBOR for that reason alone: a new field takes a flag, a new meaning a new
// version.
const recordVersion = 1

const (
	fLive uint16 = 1 << iota
	fHidden
	fPending
	fBlob
	fSoft
	fPromised
	fHorizon
	fFirst
	fEpoch
	fWeight
	fAll = 1<<iota - 1
)

const (
	// MaxData and MaxBlob are the limits of a Value's parts, in bytes.
	MaxData = 256 << 10
	MaxBlob = 64 << 10

	ballotSize = 24
	blobHeader = 1 + ballotSize
)

func appendBallot(dst []byte, b Ballot) []byte {
	dst = binary.BigEndian.AppendUint64(dst, b.Round)
	dst = binary.BigEndian.AppendUint64(dst, b.Node)
	return binary.BigEndian.AppendUint64(dst, b.Attempt)
}

func flagsOf(c *core.Cell) (f uint16) {
	set := func(on bool, bit uint16) {
		if on {
			f |= bit
		}
	}
	set(c.Soft, fSoft)
	set(c.Promised != c.Ballot && c.Soft, fPromised)
	set(!c.Horizon.IsZero(), fHorizon)
	set(len(c.Recent) == 1 && c.Recent[0] == c.Ballot, fFirst)
	set(c.Epoch != 0, fEpoch)
	if v := c.Value; v != nil {
		f |= fLive
		set(v.Hidden, fHidden)
		set(v.Pending, fPending)
		set(len(v.Blob) > 0, fBlob)
		set(v.Count != 0 || v.Bytes != 0, fWeight)
	}
	return f
}

// encodeHead appends the head of a cell.
func encodeHead(dst []byte, c *core.Cell) []byte {
	f := flagsOf(c)
	dst = append(dst, recordVersion)
	dst = binary.BigEndian.AppendUint16(dst, f)
	dst = appendBallot(dst, c.Ballot)
	if f&fPromised != 0 {
		dst = appendBallot(dst, c.Promised)
	}
	if f&fHorizon != 0 {
		dst = appendBallot(dst, c.Horizon)
	}
	if f&fFirst == 0 {
		dst = append(dst, byte(len(c.Recent)))
		for _, b := range c.Recent {
			dst = appendBallot(dst, b)
		}
	}
	if f&fEpoch != 0 {
		dst = binary.AppendUvarint(dst, c.Epoch)
	}
	if f&fWeight != 0 {
		dst = binary.AppendVarint(dst, c.Value.Count)
		dst = binary.AppendVarint(dst, c.Value.Bytes)
	}
	if f&fLive != 0 {
		dst = append(dst, c.Value.Data...)
	}
	return dst
}

// encodeBlob appends the blob record of a live cell.
func encodeBlob(dst []byte, c *core.Cell) []byte {
	dst = appendBallot(append(dst, recordVersion), c.Ballot)
	return append(dst, c.Value.Blob...)
}

// reader takes fields off the front of a record.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) take(n int) []byte {
	if n > len(r.b) {
		r.bad, r.b = true, nil
		return make([]byte, n)
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *reader) ballot() Ballot {
	b := r.take(ballotSize)
	return Ballot{
		Round:   binary.BigEndian.Uint64(b),
		Node:    binary.BigEndian.Uint64(b[8:]),
		Attempt: binary.BigEndian.Uint64(b[16:]),
	}
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	r.skip(n)
	return v
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.b)
	r.skip(n)
	return v
}

func (r *reader) skip(n int) {
	if n <= 0 {
		r.bad, r.b = true, nil
		return
	}
	r.b = r.b[n:]
}

// decodeHead reads a head into c. Data points into b; a Value is put into v. The
// flags tell whether a blob belongs to it.
func decodeHead(b []byte, c *core.Cell, v *Value) (flags uint16, err error) {
	r := reader{b: b}
	if version := r.take(1)[0]; version != recordVersion && !r.bad {
		return 0, errs.Newf(errs.Corrupt, "a stored row has format version %d, this program reads version %d", version, recordVersion)
	}
	flags = binary.BigEndian.Uint16(r.take(2))
	*c = core.Cell{Soft: flags&fSoft != 0}
	c.Ballot = r.ballot()
	c.Promised = c.Ballot
	if flags&fPromised != 0 {
		c.Promised = r.ballot()
	}
	if flags&fHorizon != 0 {
		c.Horizon = r.ballot()
	}
	decodeRecent(&r, c, flags)
	if flags&fEpoch != 0 {
		c.Epoch = r.uvarint()
	}
	*v = Value{Hidden: flags&fHidden != 0, Pending: flags&fPending != 0}
	if flags&fWeight != 0 {
		v.Count, v.Bytes = r.varint(), r.varint()
	}
	if flags&fLive != 0 {
		v.Data, c.Value, r.b = r.b, v, nil
	}
	if r.bad || len(r.b) > 0 || flags&^fAll != 0 || flags&(fPromised|fSoft) == fPromised || len(v.Data) > MaxData || c.Ballot.IsZero() {
		return 0, errs.New(errs.Corrupt, "a stored row cannot be read")
	}
	return flags, nil
}

func decodeRecent(r *reader, c *core.Cell, flags uint16) {
	if flags&fFirst != 0 {
		c.Recent = []Ballot{c.Ballot}
		return
	}
	n := int(r.take(1)[0])
	if n > core.RecentMax {
		r.bad = true
		return
	}
	if n > 0 {
		c.Recent = make([]Ballot, n)
	}
	for i := range c.Recent {
		c.Recent[i] = r.ballot()
	}
}

// decodeBlob reads a blob record: the ballot of its head, and the bytes, which
// point into b.
func decodeBlob(b []byte) (Ballot, []byte, error) {
	r := reader{b: b}
	version := r.take(1)[0]
	ballot := r.ballot()
	if r.bad || version != recordVersion || len(r.b) > MaxBlob {
		return Ballot{}, nil, errs.New(errs.Corrupt, "the blob of a stored row cannot be read")
	}
	return ballot, r.b, nil
}

func checkValue(v *Value) error {
	if v == nil {
		return nil
	}
	if len(v.Data) > MaxData {
		return errs.Newf(errs.TooLarge, "a row's data has %d bytes, the limit is %d", len(v.Data), MaxData)
	}
	if len(v.Blob) > MaxBlob {
		return errs.Newf(errs.TooLarge, "a row's blob has %d bytes, the limit is %d", len(v.Blob), MaxBlob)
	}
	return nil
}
