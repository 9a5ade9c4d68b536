package extentstore

import (
	"bytes"
	"testing"

	"rhizome/base/ident"
	"rhizome/base/vfs"
)

func FuzzMeta(f *testing.F) {
	for n := range 4 {
		m := meta{id: ident.ID{1}, place: inSegment, salt: ident.ID{2}, desc: make([]byte, n)}
		for range n {
			m.table = m.table.add(n*100, sum(nil))
		}
		f.Add(m.encode())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		m, err := decodeMeta(b)
		if !bytes.Equal(b, before) {
			t.Fatal("decoding changed its input")
		}
		if err != nil {
			return
		}
		again, err := decodeMeta(m.encode())
		if err != nil || again.id != m.id || !bytes.Equal(again.table, m.table) || !bytes.Equal(again.desc, m.desc) {
			t.Fatalf("%+v read back as %+v, %v", m, again, err)
		}
		newReader(m.id, m.at(ident.ID{}, 1, 0), nil)
	})
}

func FuzzEntry(f *testing.F) {
	f.Add((&entry{disk: ident.ID{1}, seg: 3, meta: 64, data: 200, desc: 8, table: table(nil).add(5, sum(nil))}).encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := decodeEntry(b)
		if err != nil {
			return
		}
		again, err := decodeEntry(e.encode())
		if err != nil || !again.same(e) || again.bytes() != e.bytes() {
			t.Fatalf("%+v read back as %+v, %v", e, again, err)
		}
	})
}

func FuzzSegment(f *testing.F) {
	salt := ident.ID{9}
	b := encodeSegmentHead(1, salt)
	for i := range 3 {
		m := meta{id: ident.ID{byte(i)}, place: inSegment, salt: salt, table: table(nil).add(10, sum(make([]byte, 10)))}
		b = append(append(b, m.encode()...), make([]byte, 10)...)
	}
	f.Add(b)
	f.Add(b[:len(b)-5])
	f.Fuzz(func(t *testing.T, b []byte) {
		n := int64(len(b))
		file := vfs.NewMemFile(b)
		defer file.Close()
		last := int64(-1)
		err := walkWhole(ctx, file, 1, n, func(m *meta, at int64) error {
			if at <= last || at+metaLen(m.table.frames(), len(m.desc))+m.table.bytes() > n {
				t.Fatalf("a record at %d behind %d in %d bytes", at, last, n)
			}
			last = at
			return nil
		})
		must(t, err)
	})
}

func FuzzTail(f *testing.F) {
	m := meta{id: ident.ID{1}, place: inFile, table: table(nil).add(3, sum([]byte("abc")))}
	b := append([]byte("abc"), m.encode()...)
	f.Add(append(b, encodeTail(3)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		file := vfs.NewMemFile(b)
		defer file.Close()
		m, e, err := readTail(file)
		if err == nil && e.bytes() != int64(len(b)) {
			t.Fatalf("%d bytes in a file of %d: %+v", e.bytes(), len(b), m)
		}
	})
}

func FuzzIdentity(f *testing.F) {
	f.Add(identity{ident.ID{7}, Owner{ident.ID{8}, ident.NodeID{9}}}.encode())
	f.Add([]byte(identityLine + "\n" + ident.ID{7}.String() + "\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if i, err := decodeIdentity(b); err == nil && !bytes.Equal(i.encode(), b) {
			t.Fatalf("%q reads as %+v", b, i)
		}
	})
}
