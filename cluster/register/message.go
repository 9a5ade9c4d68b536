package register

import (
	"rhizome/base/codec"
	"rhizome/base/errs"
	"rhizome/cluster/register/core"
	"rhizome/net/rpc"
)

// Methods of calls between replicas and coordinators.
const (
	methodPrepare rpc.Method = 0x0201 + iota
	methodAccept
	methodRead
	methodScan
	methodFence
	methodWeight
	methodSettle
	methodConfirm
	methodExport
	methodImported
	methodDigests
	methodHeads
	methodVouch
)

// rowMsg is the request of every method that is about one row or partition key. What
// a method does not use is left out. Ballots have the 24 bytes of a head's.
type rowMsg struct {
	Term   uint64 `cbor:"1,keyasint"`
	Table  Table  `cbor:"2,keyasint"`
	Part   []byte `cbor:"3,keyasint,omitempty"`
	Sort   []byte `cbor:"4,keyasint,omitempty"`
	Ballot []byte `cbor:"5,keyasint,omitempty"` // of a Prepare or a Confirm
	Head   []byte `cbor:"6,keyasint,omitempty"` // of an Accept: the record as a stored head
	Blob   []byte `cbor:"7,keyasint,omitempty"`
	Epoch  uint64 `cbor:"8,keyasint,omitempty"`  // of a Fence
	Digest uint64 `cbor:"9,keyasint,omitempty"`  // of a Settle
	Alone  bool   `cbor:"10,keyasint,omitempty"` // of a Read: one of two is to answer for both
}

// answerMsg answers every method but Scan.
type answerMsg struct {
	Refusal core.Refusal `cbor:"1,keyasint,omitempty"`
	Ballot  []byte       `cbor:"2,keyasint,omitempty"`
	Beat    []byte       `cbor:"3,keyasint,omitempty"`
	Never   bool         `cbor:"4,keyasint,omitempty"`
	Head    []byte       `cbor:"5,keyasint,omitempty"` // empty for an absent row
	Blob    []byte       `cbor:"6,keyasint,omitempty"`
	Floor   []byte       `cbor:"7,keyasint,omitempty"`
	Fence   uint64       `cbor:"8,keyasint,omitempty"`
	Count   int64        `cbor:"9,keyasint,omitempty"`
	Bytes   int64        `cbor:"10,keyasint,omitempty"`
	Version uint64       `cbor:"11,keyasint,omitempty"` // of a Confirmation
	Holds   bool         `cbor:"12,keyasint,omitempty"`
	Alone   bool         `cbor:"13,keyasint,omitempty"`
}

// sweepMsg asks for a Sweep, sectionMsg answers it.
type sweepMsg struct {
	Table     Table    `cbor:"1,keyasint"`
	Parts     [][]byte `cbor:"2,keyasint"`
	Terms     []uint64 `cbor:"3,keyasint"`
	Prefix    []byte   `cbor:"4,keyasint,omitempty"`
	After     []byte   `cbor:"5,keyasint,omitempty"`
	Limit     int      `cbor:"6,keyasint"`
	Delimiter []byte   `cbor:"7,keyasint,omitempty"`
	Fence     uint64   `cbor:"8,keyasint,omitempty"`
	Alone     bool     `cbor:"9,keyasint,omitempty"`
	Single    bool     `cbor:"10,keyasint,omitempty"`
	Hidden    bool     `cbor:"11,keyasint,omitempty"`
}

type sectionMsg struct {
	Refusal core.Refusal `cbor:"1,keyasint,omitempty"`
	Items   []itemMsg    `cbor:"2,keyasint,omitempty"`
	More    bool         `cbor:"3,keyasint,omitempty"`
	Last    []byte       `cbor:"4,keyasint,omitempty"`
	Fences  []uint64     `cbor:"5,keyasint,omitempty"`
	Certain bool         `cbor:"6,keyasint,omitempty"`
}

type itemMsg struct {
	_     struct{} `cbor:",toarray"`
	Part  int
	Sort  []byte
	Group int // length of the group, which Sort begins with
	Head  []byte
}

const (
	// maxParts bounds the partition keys of one Sweep, maxSweep its rows.
	maxParts = 4096
	maxSweep = 10_000
)

func errMessage(what string) error {
	return errs.Newf(errs.Invalid, "a message about rows cannot be read: %s", what)
}

func packBallot(b Ballot) []byte {
	if b.IsZero() {
		return nil
	}
	return appendBallot(nil, b)
}

func unpackBallot(b []byte) (Ballot, error) {
	if len(b) == 0 {
		return Ballot{}, nil
	}
	if len(b) != ballotSize {
		return Ballot{}, errMessage("a ballot")
	}
	r := reader{b: b}
	return r.ballot(), nil
}

// packCell writes a cell as it is stored; an absent row gives nothing.
func packCell(c *core.Cell) (head, blob []byte) {
	if c.Ballot.IsZero() {
		return nil, nil
	}
	if c.Value != nil {
		blob = c.Value.Blob
	}
	return encodeHead(nil, c), blob
}

// unpackCell reads what packCell wrote; with is false where blobs are not sent.
func unpackCell(head, blob []byte, with bool) (c core.Cell, err error) {
	if len(head) == 0 {
		if len(blob) > 0 {
			return c, errMessage("bytes of an absent row")
		}
		return c, nil
	}
	v := new(Value)
	flags, err := decodeHead(head, &c, v)
	if err != nil {
		return core.Cell{}, errMessage("a record")
	}
	if with && flags&fBlob != 0 != (len(blob) > 0) || len(blob) > MaxBlob {
		return core.Cell{}, errMessage("the bytes of a record")
	}
	if c.Value != nil && len(blob) > 0 {
		v.Blob = blob
	}
	return c, nil
}

func (m *rowMsg) row() (Row, error) {
	row := Row{m.Table, string(m.Part), string(m.Sort)}
	return row, checkRow(row)
}

func newRowMsg(term uint64, row Row) rowMsg {
	return rowMsg{Term: term, Table: row.Table, Part: []byte(row.Part), Sort: []byte(row.Sort)}
}

func packAnswer(a core.Answer) answerMsg {
	m := answerMsg{Refusal: a.Refusal, Ballot: packBallot(a.Ballot), Beat: packBallot(a.Beat), Never: a.Never,
		Floor: packBallot(a.Floor), Fence: a.Fence, Alone: a.Alone}
	m.Head, m.Blob = packCell(&core.Cell{Record: a.Record, Soft: a.Soft, Promised: a.Record.Ballot})
	return m
}

func (m *answerMsg) unpack() (a core.Answer, err error) {
	a = core.Answer{Refusal: m.Refusal, Never: m.Never, Fence: m.Fence, Alone: m.Alone}
	if m.Refusal > core.Behind {
		return a, errMessage("a refusal of an unknown kind")
	}
	for _, f := range []struct {
		to   *Ballot
		from []byte
	}{{&a.Ballot, m.Ballot}, {&a.Beat, m.Beat}, {&a.Floor, m.Floor}} {
		if *f.to, err = unpackBallot(f.from); err != nil {
			return a, err
		}
	}
	c, err := unpackCell(m.Head, m.Blob, true)
	a.Record, a.Soft = c.Record, c.Soft
	return a, err
}

func packSweep(s *Sweep) sweepMsg {
	m := sweepMsg{Table: s.Table, Terms: s.Terms, Prefix: []byte(s.Prefix), After: []byte(s.After), Limit: s.Limit,
		Delimiter: []byte(s.Delimiter), Fence: s.Fence, Alone: s.Alone, Single: s.Single, Hidden: s.Hidden}
	for _, p := range s.Parts {
		m.Parts = append(m.Parts, []byte(p))
	}
	return m
}

func (m *sweepMsg) unpack() (Sweep, error) {
	s := Sweep{Table: m.Table, Terms: m.Terms, Prefix: string(m.Prefix), After: string(m.After), Limit: m.Limit,
		Delimiter: string(m.Delimiter), Fence: m.Fence, Alone: m.Alone, Single: m.Single, Hidden: m.Hidden}
	if len(m.Parts) > maxParts || len(m.Terms) != len(m.Parts) || m.Limit < 1 || m.Limit > maxSweep ||
		max(len(m.Prefix), len(m.After), len(m.Delimiter)) > MaxKey {
		return s, errMessage("a scan beyond its limits")
	}
	for i, p := range m.Parts {
		if s.Parts = append(s.Parts, string(p)); len(p) > MaxKey || i > 0 && s.Parts[i-1] >= s.Parts[i] {
			return s, errMessage("partition keys out of order")
		}
	}
	return s, nil
}

func packSection(sec *core.Section) sectionMsg {
	m := sectionMsg{More: sec.More, Last: []byte(sec.Last), Fences: sec.Fences, Certain: sec.Certain}
	for i := range sec.Items {
		it := &sec.Items[i]
		head, _ := packCell(&core.Cell{Record: it.Record, Soft: it.Soft, Promised: it.Record.Ballot})
		m.Items = append(m.Items, itemMsg{Part: it.Part, Sort: []byte(it.Sort), Group: len(it.Group), Head: head})
	}
	return m
}

// unpack reads the answer about so many parts.
func (m *sectionMsg) unpack(parts int) (sec core.Section, err error) {
	sec = core.Section{More: m.More, Last: string(m.Last), Fences: m.Fences, Certain: m.Certain}
	if len(m.Fences) != parts || len(m.Last) > MaxKey || m.More && len(m.Last) == 0 {
		return sec, errMessage("an answer to a scan")
	}
	for _, i := range m.Items {
		c, err := unpackCell(i.Head, nil, false)
		if err != nil {
			return sec, err
		}
		if i.Part < 0 || i.Part >= parts || i.Group < 0 || i.Group > len(i.Sort) || len(i.Sort) > MaxKey || c.Ballot.IsZero() {
			return sec, errMessage("a row of a scan")
		}
		it := core.Item{Part: i.Part, Sort: string(i.Sort), Record: c.Record, Soft: c.Soft}
		it.Group = it.Sort[:i.Group]
		sec.Items = append(sec.Items, it)
	}
	return sec, nil
}

// decode reads a request or an answer; what is none is errs.Invalid.
func decode(b []byte, m any) error {
	if err := codec.Decode(b, m); err != nil {
		return errMessage(err.Error())
	}
	return nil
}

// received decodes a message of type M and returns what it says.
func received[T, M any, P interface {
	*M
	unpack() (T, error)
}](b []byte) (t T, err error) {
	m := P(new(M))
	if err := decode(b, m); err != nil {
		return t, err
	}
	return m.unpack()
}
