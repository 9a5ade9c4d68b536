package register

import (
	"bytes"
	"fmt"
	"testing"

	"rhizome/cluster/register/core"
)

func at(round, node, attempt uint64) Ballot {
	return Ballot{Round: round, Node: node, Attempt: attempt}
}

var samples = []core.Cell{
	{Record: core.Record{Ballot: at(1, 2, 3)}},
	{Record: core.Record{Ballot: at(1, 2, 3), Value: &Value{Data: []byte("d"), Blob: []byte("b"), Count: -1, Bytes: 1 << 40}, Recent: []Ballot{at(1, 2, 3)}}},
	{Record: core.Record{Ballot: at(1, 2, 3), Value: &Value{Pending: true, Hidden: true}, Recent: []Ballot{at(1, 1, 1), at(1, 2, 3)}, Horizon: at(0, 1, 1), Epoch: 300}},
	{Record: core.Record{Ballot: at(1, 2, 3), Value: &Value{}}, Soft: true, Promised: at(9, 9, 9)},
}

func TestRecordRoundTrip(t *testing.T) {
	for _, c := range samples {
		if c.Promised.IsZero() {
			c.Promised = c.Ballot
		}
		var blob []byte
		if c.Value != nil && len(c.Value.Blob) > 0 {
			blob = encodeBlob(nil, &c)
		}
		got, err := DecodeRecord(encodeHead(nil, &c), blob)
		check(t, err)
		if a, b := fmt.Sprint(got.Value != nil, deref(got)), fmt.Sprint(c.Value != nil, deref(c)); a != b {
			t.Errorf("wrote %s\nread  %s", b, a)
		}
	}
}

func deref(c core.Cell) string {
	v := c.Value
	c.Value = nil
	return fmt.Sprint(v, c)
}

func TestKeyRoundTrip(t *testing.T) {
	for _, row := range []Row{{}, {1, "p", "s"}, {255, "\x00\xff", "\xff\x00"}, {3, "", "s"}} {
		got, err := DecodeKey(rowKey(headKey, row))
		check(t, err)
		if got != row {
			t.Errorf("%q came back as %q", row, got)
		}
	}
}

func FuzzDecodeKey(f *testing.F) {
	f.Add(rowKey(headKey, Row{1, "p", "s"}))
	f.Add([]byte{headKey, 1, 0, 0, 255, 255, 'x'})
	f.Fuzz(func(t *testing.T, key []byte) {
		row, err := DecodeKey(key)
		if err == nil && !bytes.Equal(rowKey(key[0], row), key) {
			t.Fatalf("%q read as %q", key, row)
		}
	})
}

func FuzzDecodeRecord(f *testing.F) {
	for _, c := range samples {
		var blob []byte
		if c.Value != nil {
			blob = encodeBlob(nil, &c)
		}
		f.Add(encodeHead(nil, &c), blob)
	}
	f.Fuzz(func(t *testing.T, head, blob []byte) {
		c, err := DecodeRecord(head, blob)
		if err != nil {
			return
		}
		again, err := DecodeRecord(encodeHead(nil, &c), blob)
		if err != nil || deref(again) != deref(c) {
			t.Fatalf("%v\nbecame %v: %v", deref(c), deref(again), err)
		}
	})
}
