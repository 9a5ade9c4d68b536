package register

import (
	"bytes"
	"reflect"
	"testing"

	"rhizome/base/codec"
	"rhizome/cluster/register/core"
)

func someRecord() core.Record {
	b := Ballot{Round: 7, Node: 8, Attempt: 9}
	return core.Record{Ballot: b, Recent: []Ballot{{Round: 3}, b}, Horizon: Ballot{Round: 2}, Epoch: 4,
		Value: &Value{Data: []byte("data"), Blob: []byte("blob"), Pending: true, Count: 1, Bytes: 5}}
}

func TestAnswersComeBackWhole(t *testing.T) {
	for _, a := range []core.Answer{
		{},
		{Ballot: Ballot{Round: 1}, Refusal: core.Stale, Beat: Ballot{Round: 5}, Never: true},
		{Record: someRecord(), Soft: true, Floor: Ballot{Round: 1}, Fence: 9},
		{Record: core.Record{Ballot: Ballot{Round: 4}, Recent: []Ballot{{Round: 4}}}, Alone: true},
	} {
		var m answerMsg
		check(t, decode(codec.Encode(packAnswer(a)), &m))
		got, err := m.unpack()
		check(t, err)
		if !reflect.DeepEqual(got, a) {
			t.Errorf("%+v became %+v", a, got)
		}
	}
}

func TestSectionsComeBackWhole(t *testing.T) {
	rec := someRecord()
	v := *rec.Value
	v.Blob, rec.Value = nil, &v
	sec := core.Section{More: true, Last: "k/", Fences: []uint64{0, 3}, Certain: true, Items: []core.Item{
		{Part: 1, Sort: "k/1", Group: "k/", Record: rec, Soft: true},
		{Part: 0, Sort: "m", Record: core.Record{Ballot: Ballot{Round: 4}, Recent: []Ballot{{Round: 4}}}},
	}}
	var m sectionMsg
	check(t, decode(codec.Encode(packSection(&sec)), &m))
	got, err := m.unpack(2)
	check(t, err)
	if !reflect.DeepEqual(got, sec) {
		t.Errorf("%+v became %+v", sec, got)
	}
	if _, err := m.unpack(1); err == nil {
		t.Error("an answer about parts that were not asked for was taken")
	}
	s := Sweep{Table: 3, Parts: []string{"a", "b"}, Terms: []uint64{1, 2}, Prefix: "p", After: "q", Limit: 9, Delimiter: "/", Fence: 1, Alone: true, Single: true}
	var sm sweepMsg
	check(t, decode(codec.Encode(packSweep(&s)), &sm))
	if back, err := sm.unpack(); err != nil || !reflect.DeepEqual(back, s) {
		t.Errorf("%+v became %+v: %v", s, back, err)
	}
}

func TestVouchesComeBackWhole(t *testing.T) {
	of := []Vouched{{Row{1, "p", "s"}, 3, Ballot{Round: 7, Node: 8, Attempt: 9}}, {Row{2, "q", ""}, 4, Ballot{Round: 1}}}
	var m vouchMsg
	check(t, decode(codec.Encode(packVouch(of)), &m))
	if got, err := m.unpack(); err != nil || !reflect.DeepEqual(got, of) {
		t.Errorf("%+v became %+v: %v", of, got, err)
	}
	m.Of[1].Ballot = nil
	if _, err := m.unpack(); err == nil {
		t.Error("a record without a ballot was taken")
	}
	m.Of = make([]vouchedRow, maxVouched+1)
	if _, err := m.unpack(); err == nil {
		t.Error("too many records were taken")
	}
}

// FuzzMessages feeds foreign bytes to every decoder: none panics, and what is taken
// says the same when it is sent on.
func FuzzMessages(f *testing.F) {
	m := newRowMsg(3, Row{1, "p", "s"})
	rec := someRecord()
	m.Head, m.Blob = packCell(&core.Cell{Record: rec, Promised: rec.Ballot})
	f.Add(codec.Encode(m))
	f.Add(codec.Encode(packAnswer(core.Answer{Record: rec, Soft: true, Floor: Ballot{Round: 1}})))
	f.Add(codec.Encode(packSweep(&Sweep{Table: 1, Parts: []string{"a"}, Terms: []uint64{1}, Limit: 1})))
	f.Add(codec.Encode(packSection(&core.Section{Items: []core.Item{{Sort: "s", Record: core.Record{Ballot: rec.Ballot}}}, Fences: []uint64{0}})))
	f.Add(codec.Encode(packVouch([]Vouched{{Row{1, "p", "s"}, 3, rec.Ballot}})))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var row rowMsg
		if decode(raw, &row) == nil {
			_, _ = row.row()
			_, _ = unpackBallot(row.Ballot)
			if c, err := unpackCell(row.Head, row.Blob, true); err == nil && !c.Ballot.IsZero() {
				head, blob := packCell(&c)
				again, err := unpackCell(head, blob, true)
				if err != nil || again.Ballot != c.Ballot || !bytes.Equal(blob, row.Blob) {
					t.Fatalf("%+v became %+v: %v", c, again, err)
				}
			}
		}
		var a answerMsg
		if decode(raw, &a) == nil {
			_, _ = a.unpack()
		}
		var s sweepMsg
		if decode(raw, &s) == nil {
			_, _ = s.unpack()
		}
		var ex exportMsg
		if decode(raw, &ex) == nil {
			_, _ = ex.unpack()
		}
		var exd exportedMsg
		if decode(raw, &exd) == nil {
			_, _ = exd.unpack(&ExportQuery{})
		}
		var hs headsAnswer
		if decode(raw, &hs) == nil {
			_, _ = hs.unpack(&HeadsQuery{})
		}
		var hq headsMsg
		if decode(raw, &hq) == nil {
			_, _ = hq.unpack()
		}
		var ts termsMsg
		if decode(raw, &ts) == nil {
			_, _ = ts.unpack()
		}
		var ds digestsMsg
		if decode(raw, &ds) == nil {
			_, _ = ds.unpack(1)
		}
		var sec sectionMsg
		if decode(raw, &sec) == nil {
			_, _ = sec.unpack(1)
		}
		var vm vouchMsg
		if decode(raw, &vm) == nil {
			_, _ = vm.unpack()
		}
	})
}
