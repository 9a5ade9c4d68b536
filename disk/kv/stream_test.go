package kv

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"rhizome/base/vfs"
)

// TestStream: a stream comes back as it was written, and damage costs the rows of the
// blocks it hit and nothing else.
func TestStream(t *testing.T) {
	s, err := Open(vfs.NewCrashable(), "db", Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	rng := rand.New(rand.NewPCG(1, 1))
	want := map[string]string{}
	b := s.NewBatch()
	for i := range 9000 {
		key, value := fmt.Sprintf("r%06d", i), make([]byte, 100+rng.IntN(100))
		for j := range value {
			value[j] = byte(rng.Uint32())
		}
		b.Set([]byte(key), value)
		want[key] = string(value)
	}
	b.Set([]byte("r"), nil)
	want["r"] = ""
	b.Set([]byte("x"), []byte("not asked for"))
	if err := b.Commit(); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	rows, err := s.WriteStream(context.Background(), &out, []byte("head"), [2][]byte{{'a'}, {'r'}}, [2][]byte{{'r'}, {'s'}})
	if err != nil || rows != uint64(len(want)) {
		t.Fatalf("%d rows, %v", rows, err)
	}
	read := func(file []byte) (n int, head string, d StreamDamage) {
		d, err := ReadStream(context.Background(), bytes.NewReader(file), int64(len(file)),
			func(h []byte) error { head = string(h); return nil },
			func(k, v []byte) error {
				if want[string(k)] != string(v) {
					t.Fatalf("%s is not what it was", k)
				}
				n++
				return nil
			})
		if err != nil {
			t.Fatal(err)
		}
		return n, head, d
	}
	if n, head, d := read(out.Bytes()); n != len(want) || head != "head" || d != (StreamDamage{}) {
		t.Fatalf("%d of %d rows, head %q, %+v", n, len(want), head, d)
	}
	perBlock := len(want) * streamBlock / out.Len() * 2
	for range 100 {
		bad := bytes.Clone(out.Bytes())
		bad[rng.IntN(len(bad))] ^= 1 << rng.IntN(8)
		if n, _, d := read(bad); n < len(want)-perBlock || n == len(want) && d == (StreamDamage{}) {
			t.Fatalf("%d of %d rows, %+v", n, len(want), d)
		}
		cut := rng.IntN(len(bad))
		if n, _, d := read(bad[:cut]); !d.Cut || n < len(want)*cut/len(bad)-2*perBlock {
			t.Fatalf("%d rows of the first %d bytes of %d, %+v", n, cut, len(bad), d)
		}
	}
}

func FuzzReadStream(f *testing.F) {
	s, err := Open(vfs.NewCrashable(), "db", Options{})
	if err != nil {
		f.Fatal(err)
	}
	defer s.Close()
	b := s.NewBatch()
	b.Set([]byte("r1"), []byte("value"))
	if err := b.Commit(); err != nil {
		f.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := s.WriteStream(context.Background(), &out, []byte("head"), [2][]byte{{'r'}, {'s'}}); err != nil {
		f.Fatal(err)
	}
	f.Add(out.Bytes())
	f.Add([]byte(streamMagic))
	f.Fuzz(func(t *testing.T, file []byte) {
		nothing := func([]byte) error { return nil }
		if _, err := ReadStream(context.Background(), bytes.NewReader(file), int64(len(file)), nothing,
			func(_, _ []byte) error { return nil }); err != nil {
			t.Fatal(err)
		}
		_ = eachRow(file, func(_, _ []byte) error { return nil })
	})
}

// FuzzParts feeds bytes to everything that reads parts of a damaged store.
func FuzzParts(f *testing.F) {
	f.Add([]byte{fieldNewTable, 0, 1, 2, 9, 'a', 1, 1, 1, 1, 1, 1, 1, 1, 9, 'b', 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, tableEnd})
	f.Add(make([]byte, 64))
	f.Fuzz(func(_ *testing.T, b []byte) {
		l := &fileList{tables: map[tableID]table{}, values: map[uint64]uint64{}, sizes: map[uint64]uint64{}}
		_ = l.apply(b)
		_ = anyChunk(b)
		_ = scanPlaces(b)
		block := append(aligned(len(b))[:0], b...)
		_ = guarded(func() error { _, err := decodeRows(block); return err })
		_ = guarded(func() error { _, err := decodeValues(block); return err })
		_, _ = tablePlaces(b)
	})
}
