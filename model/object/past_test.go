package object

import (
	"bytes"
	"strings"
	"testing"

	"rhizome/base/ident"
	"rhizome/cluster/register"
)

// FuzzVersionNames: names of versions and of their rows are read back as they were written,
// and rows are in the order of S3's lists.
func FuzzVersionNames(f *testing.F) {
	f.Add("k", uint64(1), "AAAA3GrPw9Q8UZCyceXIIKhVursM8h7H")
	f.Add("a\x00b", uint64(1)<<63, "null")
	f.Add("a\x00", ^uint64(0), "")
	f.Fuzz(func(t *testing.T, key string, number uint64, name string) {
		row := register.Row{Table: Objects, Part: "p", Sort: key}
		if top, ok := objectOf(versionRow(row, number)); !ok || top != row {
			t.Fatalf("%q: %q", key, top.Sort)
		}
		if number > 0 && versionSort(key, number) >= versionSort(key, number-1) {
			t.Fatal("an older version comes first")
		}
		if longer := key + "\x00"; versionSort(key, 0) >= versionSort(longer, ^uint64(0)) {
			t.Fatal("versions of a longer key come first")
		}
		if w, err := parseVersion(name); err == nil && !w.current && !w.null {
			v := version{Number: w.number, ID: w.id}
			if again := v.name(); number != 0 && w.number != 0 && !strings.EqualFold(again, name) && !w.is(&v) {
				t.Fatalf("%q is %q", name, again)
			}
		}
	})
}

// FuzzTakeApart: no bytes in an object's row do more than be refused, and what is read is
// written the same way.
func FuzzTakeApart(f *testing.F) {
	e := &entry{}
	e.supersede(version{ID: ident.ID{1}, Size: 2}, []byte("blob"), VersioningOn)
	e.supersede(version{ID: ident.ID{2}, Size: 3}, []byte("another"), VersioningOn)
	v, err := e.value()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(v.Data, v.Blob)
	f.Fuzz(func(t *testing.T, data, blob []byte) {
		e, err := takeApart(&register.Value{Data: data, Blob: blob})
		if err != nil {
			return
		}
		v, err := e.value()
		if err != nil || v == nil {
			return
		}
		again, err := takeApart(v)
		if err != nil || !bytes.Equal(again.blob, e.blob) || len(again.blobs) != len(e.blobs) {
			t.Fatalf("%+v: %v", again, err)
		}
	})
}

// FuzzInner: nothing that stands in the place of a data key does more than be refused, and an
// envelope opens with its key alone.
func FuzzInner(f *testing.F) {
	k, other := NewCustomerKey(bytes.Repeat([]byte("k"), 32)), NewCustomerKey(bytes.Repeat([]byte("l"), 32))
	data := ident.Secret(bytes.Repeat([]byte("d"), 32)) // the same in each of the fuzzer's processes
	f.Add([]byte(k.wrap(data)))
	f.Add(data[:])
	f.Add([]byte{})
	f.Add(make([]byte, envelopeBytes))
	f.Fuzz(func(t *testing.T, inner []byte) {
		if checkInner(inner) != nil {
			return
		}
		got, err := openData(inner, k)
		if e := enveloped(inner); e != nil {
			if _, oerr := e.open(other); oerr == nil || e.fits(nil) == nil {
				t.Fatal("an envelope opens without its key")
			}
			if err == nil && got != data {
				t.Fatal("an envelope was forged")
			}
			return
		}
		if err != nil || !bytes.Equal(got[:], inner) {
			t.Fatalf("a data key: %v", err)
		}
	})
}
