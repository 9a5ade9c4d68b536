package extent

import (
	"bytes"
	"testing"

	"rhizome/base/ident"
	"rhizome/cluster/register"
)

// FuzzOpen: whatever lies on disk, open gives the sealed bytes or an error.
func FuzzOpen(f *testing.F) {
	c, err := newCodecs()
	must(f, err)
	sl, err := newSealer(ident.ID{1}, make([]byte, KeySize))
	must(f, err)
	known := map[string][]byte{}
	p := place{3, 1000, true}
	for _, plain := range [][]byte{noise(1000), prose(1000)} {
		buf, spare := make([]byte, 2000), make([]byte, 2000)
		copy(buf[headLen:], plain)
		sealed := bytes.Clone(sl.seal(c, buf, spare, p))
		known[string(sealed)] = plain
		f.Add(sealed)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		want, ok := known[string(b)]
		got, err := sl.open(c, b, make([]byte, 2000), p)
		if ok != (err == nil) || ok && !bytes.Equal(got, want) {
			t.Fatalf("known %v, got %d bytes, %v", ok, len(got), err)
		}
	})
}

func FuzzRow(f *testing.F) {
	r := rowRecord{Length: 10, Stored: 28, Frames: 1, Digest: make([]byte, 16),
		Refs: []refRecord{record(Ref{ID: ident.ID{1}, Row: register.Row{Table: 3, Part: "p", Sort: "s"}})}}
	f.Add(r.value(true).Data)
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := decodeRow(&register.Value{Data: b})
		if err != nil {
			return
		}
		for i := range r.Refs {
			ref := r.Refs[i].ref()
			if again := record(ref); again.ref() != ref {
				t.Fatalf("%+v", ref)
			}
		}
		r.undecided(nil)
	})
}

func TestPoolTrims(t *testing.T) {
	p := newPool()
	a, b := p.get(FrameSize), p.get(FrameSize)
	p.put(a)
	p.put(b)
	p.trim() // both were in use since the start
	if len(p.big.free) != 2 {
		t.Fatalf("%d kept", len(p.big.free))
	}
	p.put(p.get(FrameSize))
	p.trim() // one was not
	if len(p.big.free) != 1 {
		t.Fatalf("%d kept", len(p.big.free))
	}
	p.put(make([]byte, 5))
}
