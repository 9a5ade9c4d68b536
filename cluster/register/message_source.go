package register

import (
	"rhizome/cluster/register/core"
)

// exportMsg asks for an Export, exportedMsg answers it.
type exportMsg struct {
	Partition int    `cbor:"1,keyasint"`
	Term      uint64 `cbor:"2,keyasint"`
	From      uint64 `cbor:"3,keyasint"`
	Begin     []byte `cbor:"4,keyasint,omitempty"`
	End       []byte `cbor:"5,keyasint,omitempty"`
	Limit     int    `cbor:"6,keyasint"`
	Fences    bool   `cbor:"7,keyasint,omitempty"`
}

type exportedMsg struct {
	Refusal core.Refusal  `cbor:"1,keyasint,omitempty"`
	Rows    []exportedRow `cbor:"2,keyasint,omitempty"`
	More    bool          `cbor:"3,keyasint,omitempty"`
	Bound   []byte        `cbor:"4,keyasint,omitempty"`
	Floor   []byte        `cbor:"5,keyasint,omitempty"`
	Fences  []fenceMsg    `cbor:"6,keyasint,omitempty"`
	Was     uint64        `cbor:"7,keyasint,omitempty"`
	Had     uint64        `cbor:"8,keyasint,omitempty"`
}

type exportedRow struct {
	_    struct{} `cbor:",toarray"`
	Row  []byte   // the key of the row store, without its first byte
	Head []byte
	Blob []byte
}

type fenceMsg struct {
	_     struct{} `cbor:",toarray"`
	Table Table
	Part  []byte
	Epoch uint64
}

// termsMsg names terms of partitions; importedMsg and digestsMsg answer for each.
type termsMsg struct {
	Of []Term `cbor:"1,keyasint"`
}

type importedMsg struct {
	Done []bool `cbor:"1,keyasint"`
}

type digestsMsg struct {
	Digests [][]uint64 `cbor:"1,keyasint"`
}

// headsMsg asks for Heads, headsAnswer answers.
type headsMsg struct {
	Partition int    `cbor:"1,keyasint"`
	Term      uint64 `cbor:"2,keyasint"`
	Buckets   uint64 `cbor:"5,keyasint"`
	Begin     []byte `cbor:"4,keyasint,omitempty"`
}

type headsAnswer struct {
	Refusal core.Refusal `cbor:"1,keyasint,omitempty"`
	Heads   []headMsg    `cbor:"2,keyasint,omitempty"`
	More    bool         `cbor:"3,keyasint,omitempty"`
	Next    []byte       `cbor:"4,keyasint,omitempty"`
}

type headMsg struct {
	_      struct{} `cbor:",toarray"`
	Row    []byte
	Ballot []byte
	Soft   bool
}

// maxRow bounds a ROW.
const maxRow = partAt - 1 + MaxKey

func (m *exportMsg) unpack() (ExportQuery, error) {
	q := ExportQuery{Partition: m.Partition, Term: m.Term, From: m.From, Begin: m.Begin, End: m.End, Limit: m.Limit, Fences: m.Fences}
	if m.Partition < 0 || m.Partition >= groups || m.Limit < 1 || m.Limit > 2*maxSweep || max(len(m.Begin), len(m.End)) > maxRow+1 {
		return q, errMessage("a request for rows beyond its limits")
	}
	return q, nil
}

func packExport(e *Export) exportedMsg {
	m := exportedMsg{More: e.More, Bound: packBallot(e.Bound), Floor: packBallot(e.Floor), Was: e.Was, Had: e.Had}
	for i := range e.Rows {
		x := exportedRow{Row: rowKey(headKey, e.Rows[i].Row)[1:]}
		x.Head, x.Blob = packCell(&e.Rows[i].Cell)
		m.Rows = append(m.Rows, x)
	}
	for _, f := range e.Fences {
		m.Fences = append(m.Fences, fenceMsg{Table: f.Table, Part: []byte(f.Part), Epoch: f.Epoch})
	}
	return m
}

// unpack reads the answer to q.
func (m *exportedMsg) unpack(q *ExportQuery) (e *Export, err error) {
	e = &Export{More: m.More, Was: m.Was, Had: m.Had}
	if e.Was > e.Had || e.Had >= q.Term {
		return nil, errMessage("terms of rows")
	}
	if e.Bound, err = unpackBallot(m.Bound); err != nil {
		return nil, err
	}
	if e.Floor, err = unpackBallot(m.Floor); err != nil {
		return nil, err
	}
	g := groupIn(q.Partition)
	for k, x := range m.Rows {
		row, err := DecodeKey(append([]byte{headKey}, x.Row...))
		if err != nil || rowGroup(x.Row) != g || k > 0 && string(m.Rows[k-1].Row) >= string(x.Row) || string(x.Row) < string(q.Begin) {
			return nil, errMessage("a row that was not asked for")
		}
		c, err := unpackCell(x.Head, x.Blob, true)
		if err != nil || c.Ballot.IsZero() {
			return nil, errMessage("a record")
		}
		e.Rows = append(e.Rows, RawRecord{Row: row, Cell: c})
	}
	if m.More && len(e.Rows) == 0 {
		return nil, errMessage("a page without rows")
	}
	for _, f := range m.Fences {
		if len(f.Part) > MaxKey || groupOf(slotOf(string(f.Part))) != g {
			return nil, errMessage("a fence that was not asked for")
		}
		e.Fences = append(e.Fences, FenceRecord{f.Table, string(f.Part), f.Epoch})
	}
	return e, nil
}

func (m *termsMsg) unpack() ([]Term, error) {
	if len(m.Of) > groups {
		return nil, errMessage("too many partitions")
	}
	return m.Of, nil
}

func (m *digestsMsg) unpack(n int) ([][]uint64, error) {
	if len(m.Digests) != n {
		return nil, errMessage("digests that were not asked for")
	}
	for _, d := range m.Digests {
		if len(d) != 0 && len(d) != buckets {
			return nil, errMessage("a number of digests")
		}
	}
	return m.Digests, nil
}

func (m *headsMsg) unpack() (HeadsQuery, error) {
	q := HeadsQuery{Partition: m.Partition, Term: m.Term, Buckets: m.Buckets, Begin: m.Begin}
	if m.Partition < 0 || m.Partition >= groups || len(m.Begin) > maxRow {
		return q, errMessage("a request for heads beyond its limits")
	}
	return q, nil
}

func packHeads(h *Heads) headsAnswer {
	m := headsAnswer{More: h.More, Next: h.Next}
	for _, x := range h.Heads {
		m.Heads = append(m.Heads, headMsg{Row: rowKey(headKey, x.Row)[1:], Ballot: packBallot(x.Ballot), Soft: x.Soft})
	}
	return m
}

func (m *headsAnswer) unpack(q *HeadsQuery) (*Heads, error) {
	h := &Heads{More: m.More, Next: m.Next}
	if len(m.Next) > maxRow || m.More && string(m.Next) <= string(q.Begin) {
		return nil, errMessage("where to go on")
	}
	for _, x := range m.Heads {
		row, err := DecodeKey(append([]byte{headKey}, x.Row...))
		if err != nil || rowGroup(x.Row) != groupIn(q.Partition) || q.Buckets>>bucketOf(x.Row)&1 == 0 {
			return nil, errMessage("a row that was not asked for")
		}
		b, err := unpackBallot(x.Ballot)
		if err != nil || b.IsZero() {
			return nil, errMessage("a row's ballot")
		}
		h.Heads = append(h.Heads, Head{row, b, x.Soft})
	}
	return h, nil
}
