package object_test

import (
	"fmt"
	"testing"

	"rhizome/base/errs"
	"rhizome/model/object"
)

// TestCopiesOfParts: a copy of an object in parts has its parts, also when the upload
// takes no more references, and also when it is empty.
func TestCopiesOfParts(t *testing.T) {
	f := newFixture(t)
	for _, second := range []string{"tail", ""} {
		u := f.upload("k")
		parts := []object.CompletePart{f.part(u, 1, random(object.MinPart)), f.part(u, 2, []byte(second))}
		if second == "" {
			parts = []object.CompletePart{f.part(u, 1, nil)}
		}
		if _, err := f.Objects.Complete(f.ctx, f.b, complete(u, parts...)); err != nil {
			t.Fatal(err)
		}
		want, err := f.get(f.b, object.Get{Key: "k", PartNumber: len(parts)})
		if err != nil || string(want) != second {
			t.Fatalf("the last part is %q: %v", want, err)
		}
		for i := range 130 {
			key := fmt.Sprint("copy", i)
			if err := f.copyOf(object.Copy{From: f.b, FromKey: "k", Key: key}); err != nil {
				t.Fatal(err)
			}
			if i < 125 {
				continue
			}
			got, err := f.get(f.b, object.Get{Key: key, PartNumber: len(parts)})
			if err != nil || string(got) != second {
				t.Fatalf("copy %d: its last part is %q: %v", i, got, err)
			}
			listed, more, err := f.Objects.Parts(f.ctx, f.b, key, "", 0, 10)
			if err != nil || more || len(listed) != len(parts) {
				t.Fatalf("copy %d: %v %v", i, listed, err)
			}
			whole, err := f.get(f.b, object.Get{Key: key})
			if err != nil || second != "" && len(whole) != object.MinPart+len(second) {
				t.Fatalf("copy %d: %d bytes: %v", i, len(whole), err)
			}
		}
	}
}

// TestTextOnly: keys and metadata that a record could not hold are refused on every way.
func TestTextOnly(t *testing.T) {
	f := newFixture(t)
	f.put("large", random(100_000))
	f.put("small", random(10))
	bad := object.Attrs{ContentType: "\xe9"}
	long := object.Attrs{ContentDisposition: string(make([]byte, 17<<10))}
	put := func(key string, a object.Attrs) error {
		_, err := f.Objects.Put(f.ctx, f.b, object.Put{Key: key, Attrs: a, Body: body(nil)})
		return err
	}
	copyOf := func(from string, a object.Attrs) error {
		return f.copyOf(object.Copy{From: f.b, FromKey: from, Key: "to", Attrs: &a})
	}
	for what, err := range map[string]error{
		"a key": put("\xff", object.Attrs{}), "metadata": put("k", bad), "user metadata": put("k", object.Attrs{User: map[string]string{"a": "\xff"}}),
		"a small copy": copyOf("small", bad), "a large copy": copyOf("large", bad),
		"a small copy with long metadata": copyOf("small", long), "a large copy with long metadata": copyOf("large", long),
	} {
		if kind := errs.KindOf(err); kind != errs.Invalid && kind != errs.TooLarge {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestShreds: parts by reference cannot be bred into ever more pieces.
func TestShreds(t *testing.T) {
	f := newFixture(t)
	f.put("shred0", random(object.MinPart+1))
	copyPart := func(u *object.Upload, number int, from string, r *object.Range) object.CompletePart {
		p, err := f.Objects.CopyPart(f.ctx, f.b, u.Key, u.ID, number, object.Copy{From: f.b, FromKey: from, Range: r})
		if err != nil {
			t.Fatal(err)
		}
		return object.CompletePart{Number: number, ETag: p.ETag}
	}
	const rounds = 60
	for i := range rounds {
		// All but the first byte, and one byte more.
		u := f.upload(fmt.Sprint("shred", i+1))
		all := copyPart(u, 1, fmt.Sprint("shred", i), &object.Range{First: 1, Last: object.MinPart})
		if _, err := f.Objects.Complete(f.ctx, f.b, complete(u, all, f.part(u, 2, []byte{byte(i)}))); err != nil {
			t.Fatal(err)
		}
	}
	placed, err := f.Objects.Locate(f.ctx, f.b, fmt.Sprint("shred", rounds))
	if err != nil || len(placed) > 30 {
		t.Errorf("%d pieces: %v", len(placed), err)
	}
}
