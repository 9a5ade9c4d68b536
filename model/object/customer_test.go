package object_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"rhizome/cluster/register"
	"rhizome/model/object"
)

func customerKey(b byte) *object.CustomerKey {
	return object.NewCustomerKey(bytes.Repeat([]byte{b}, 32))
}

// TestCustomerKeySaysNothing prints and logs a key in every way there is.
func TestCustomerKeySaysNothing(t *testing.T) {
	k := customerKey('k')
	var b strings.Builder
	log := slog.New(slog.NewJSONHandler(&b, nil))
	log.Info("key", "k", k)
	fmt.Fprintf(&b, "%v %+v %s %#v %q", k, k, k, k, k)
	for _, secret := range []string{"kkk", "6b6b", "107"} {
		if strings.Contains(b.String(), secret) {
			t.Errorf("a key shows: %s", b.String())
		}
	}
	if object.NewCustomerKey([]byte("short")) != nil || !k.Is(customerKey('k')) || k.Is(customerKey('l')) || k.Is(nil) {
		t.Error("keys are mistaken")
	}
}

// TestCustomerRows reads every row and checks that it holds neither the key nor what it opens.
func TestCustomerRows(t *testing.T) {
	f := newFixture(t)
	k := bytes.Repeat([]byte("0123abcd"), 4)
	for name, p := range map[string][]byte{"inline": bytes.Repeat([]byte("plain text "), 20), "small": bytes.Repeat([]byte("plain text "), 3000)} {
		in := body(p)
		in.Customer = object.NewCustomerKey(k)
		if _, err := f.Objects.Put(f.ctx, f.b, object.Put{Key: name, Body: in}); err != nil {
			t.Fatal(err)
		}
	}
	for _, table := range []register.Table{object.Objects, object.Uploads, object.Parts} {
		err := f.Replica.Rows(f.ctx, table, func(row register.Row, v *register.Value) error {
			for _, b := range [][]byte{v.Data, v.Blob} {
				if bytes.Contains(b, k) || bytes.Contains(b, []byte("plain text")) {
					t.Errorf("row %q holds what it must not", row.Sort)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestCustomerRestore goes back in time, tags and deletes without the key.
func TestCustomerRestore(t *testing.T) {
	f := newFixture(t)
	b, err := f.Objects.SetVersioning(f.ctx, f.b, object.VersioningOn)
	if err != nil {
		t.Fatal(err)
	}
	f.b = b
	k := customerKey('k')
	texts := map[string][]byte{"inline": []byte("some text"), "small": bytes.Repeat([]byte("text"), 10_000), "empty": nil}
	for key, p := range texts {
		in := body(p)
		in.Customer = k
		if _, err := f.Objects.Put(f.ctx, b, object.Put{Key: key, Body: in}); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Objects.SetTags(f.ctx, b, key, "", []object.Tag{{Key: "a", Value: "b"}}); err != nil {
			t.Fatal(err)
		}
	}
	u, err := f.Objects.CreateUpload(f.ctx, b, object.NewUpload{Key: "parts", Customer: k})
	if err != nil {
		t.Fatal(err)
	}
	texts["parts"] = bytes.Repeat([]byte("part"), 30_000)
	in := body(texts["parts"])
	in.Customer = k
	p, err := f.Objects.PutPart(f.ctx, b, "parts", u.ID, 1, in)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Objects.Complete(f.ctx, b, object.Complete{Key: "parts", Upload: u.ID, Size: -1, Parts: []object.CompletePart{{Number: 1, ETag: p.ETag}},
		Finish: func([]object.Part) (object.Digest, error) { return object.Digest{ETag: "whole"}, nil }}); err != nil {
		t.Fatal(err)
	}
	o, err := f.Objects.Stat(f.ctx, b, object.Get{Key: "parts"})
	if err != nil {
		t.Fatal(err)
	}
	at := o.Modified
	for key := range texts {
		if h, err := f.Objects.Stat(f.ctx, b, object.Get{Key: key}); err == nil && h.Modified.After(at) {
			at = h.Modified
		}
	}
	for !time.Now().After(at.Add(2 * time.Millisecond)) { // times of versions are milliseconds
		continue
	}
	for key := range texts {
		f.put(key, []byte("another"))
	}
	if _, err := f.Objects.Restore(f.ctx, b, "", true, at); err != nil {
		t.Fatal(err)
	}
	for key, want := range texts {
		if _, err := f.get(b, object.Get{Key: key}); !errors.Is(err, object.ErrKeyNeeded) {
			t.Errorf("%s without its key: %v", key, err)
		}
		if _, err := f.get(b, object.Get{Key: key, Customer: customerKey('l')}); !errors.Is(err, object.ErrKeyWrong) {
			t.Errorf("%s with another key: %v", key, err)
		}
		got, err := f.get(b, object.Get{Key: key, Customer: k})
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is %d bytes, %v", key, len(got), err)
		}
	}
}
