package register

import (
	"bytes"
	"math"
	"reflect"
	"testing"

	"rhizome/base/codec"
	"rhizome/cluster/register/core"
)

// TestFlatMessages: what is written by hand are the bytes of codec.Encode, and is read
// without it.
func TestFlatMessages(t *testing.T) {
	long := bytes.Repeat([]byte("x"), 70_000)
	for _, m := range []rowMsg{
		{},
		{Term: 23, Table: 24, Part: []byte("p"), Sort: []byte("s")},
		{Term: math.MaxUint64, Table: 255, Part: long[:255], Sort: long[:256], Ballot: long[:24], Head: long, Blob: long[:65_535],
			Epoch: math.MaxUint32, Digest: math.MaxUint32 + 1},
	} {
		if got, want := m.encode(), codec.Encode(m); !bytes.Equal(got, want) {
			t.Errorf("%.100x is written, want %.100x", got, want)
		}
		if back := (rowMsg{}); !quick(m.encode(), &back) || !reflect.DeepEqual(back, m) {
			t.Errorf("%+v became %+v", m, back)
		}
	}
	for _, m := range []answerMsg{
		{},
		{Refusal: core.Stale, Ballot: long[:24], Beat: long[:24], Never: true, Floor: long[:24], Fence: 24, Count: -1, Bytes: math.MinInt64},
		{Head: long[:23], Blob: long, Count: math.MaxInt64, Bytes: -25, Version: 1 << 20, Holds: true},
	} {
		if got, want := m.encode(), codec.Encode(m); !bytes.Equal(got, want) {
			t.Errorf("%.100x is written, want %.100x", got, want)
		}
		if back := (answerMsg{}); !quick(m.encode(), &back) || !reflect.DeepEqual(back, m) {
			t.Errorf("%+v became %+v", m, back)
		}
	}
}

// TestFlatMessagesAreWhole: no field is forgotten.
func TestFlatMessagesAreWhole(t *testing.T) {
	var row rowMsg
	var a answerMsg
	setAll(reflect.ValueOf(&row).Elem())
	setAll(reflect.ValueOf(&a).Elem())
	for _, c := range []struct{ got, want []byte }{{row.encode(), codec.Encode(row)}, {a.encode(), codec.Encode(a)}} {
		if !bytes.Equal(c.got, c.want) {
			t.Errorf("%x is written, want %x", c.got, c.want)
		}
	}
	if back := (rowMsg{}); !quick(row.encode(), &back) || !reflect.DeepEqual(back, row) {
		t.Errorf("%+v became %+v", row, back)
	}
	if back := (answerMsg{}); !quick(a.encode(), &back) || !reflect.DeepEqual(back, a) {
		t.Errorf("%+v became %+v", a, back)
	}
}

// setAll sets every field to something.
func setAll(v reflect.Value) {
	for i := range v.NumField() {
		switch f := v.Field(i); f.Kind() {
		case reflect.Bool:
			f.SetBool(true)
		case reflect.Slice:
			f.SetBytes([]byte{byte(i + 1)})
		case reflect.Int64:
			f.SetInt(int64(i + 1))
		default:
			f.SetUint(uint64(i + 1))
		}
	}
}

// FuzzFlatMessages: what is read by hand is what codec.Decode reads.
func FuzzFlatMessages(f *testing.F) {
	m := newRowMsg(3, Row{1, "p", "s"})
	f.Add(m.encode())
	f.Add((&answerMsg{Never: true, Count: -300, Head: []byte("h")}).encode())
	f.Add([]byte{1, 0xA1, 3, 0x40})
	f.Fuzz(func(t *testing.T, raw []byte) {
		var row, slow rowMsg
		if quick(raw, &row) && (decode(raw, &slow) != nil || !reflect.DeepEqual(row, slow)) {
			t.Errorf("%+v was read, %+v is meant", row, slow)
		}
		var a, slowly answerMsg
		if quick(raw, &a) && (decode(raw, &slowly) != nil || !reflect.DeepEqual(a, slowly)) {
			t.Errorf("%+v was read, %+v is meant", a, slowly)
		}
	})
}
