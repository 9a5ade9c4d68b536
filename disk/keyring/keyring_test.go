package keyring

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/base/vfs"
)

func slurp(t testing.TB, fs vfs.FS, path string) []byte {
	t.Helper()
	f, err := fs.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func put(t testing.TB, fs vfs.FS, path string, b []byte) {
	t.Helper()
	f, err := fs.Create(path, "test")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestLongRecord: the layout of a large rhizome is kept, and what stands after it.
func TestLongRecord(t *testing.T) {
	fs := vfs.NewCrashable()
	if err := fs.MkdirAll("a", 0o700); err != nil {
		t.Fatal(err)
	}
	r, err := Open(fs, nil, "a")
	if err != nil {
		t.Fatal(err)
	}
	long, id := bytes.Repeat([]byte("KREC"), 50_000), ident.New()
	for _, err := range []error{r.KeepLayout(long), r.Keep(id, []byte("key"))} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if keys, layout := Read(fs, "a"); !bytes.Equal(layout, long) || string(keys[id]) != "key" {
		t.Errorf("%d bytes of the layout, key %q", len(layout), keys[id])
	}
	if err := r.KeepLayout(make([]byte, MaxRecord+1)); !errors.Is(err, errs.TooLarge) {
		t.Error(err)
	}
}

func TestRing(t *testing.T) {
	fs := vfs.NewCrashable()
	for _, d := range []string{"a", "b"} {
		if err := fs.MkdirAll(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	root, err := fs.OpenDir("")
	if err == nil {
		err = errors.Join(root.Sync(), root.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	r, err := Open(fs, nil, "a")
	if err != nil {
		t.Fatal(err)
	}
	want := map[ident.ID][]byte{}
	for i := range 20 {
		id := ident.New()
		want[id] = bytes.Repeat([]byte{byte(i)}, 60)
		if err := r.Keep(id, want[id]); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.KeepLayout([]byte("old")); err != nil {
		t.Fatal(err)
	}
	if err := r.AddPlace("b"); err != nil {
		t.Fatal(err)
	}
	if err := r.KeepLayout([]byte("layout")); err != nil {
		t.Fatal(err)
	}
	same := func(keys map[ident.ID][]byte, layout []byte) {
		t.Helper()
		if len(keys) != len(want) || string(layout) != "layout" {
			t.Fatalf("%d keys, layout %q", len(keys), layout)
		}
		for id, b := range want {
			if !bytes.Equal(keys[id], b) {
				t.Fatalf("another key")
			}
		}
	}
	same(Read(fs, "a"))
	same(Read(fs, "b"))
	whole := slurp(t, fs, "a/keyring")
	rng := rand.New(rand.NewPCG(3, 4))
	for round := range 300 {
		bad := bytes.Clone(whole)
		switch round % 3 {
		case 0:
			bad = bad[:rng.IntN(len(bad))]
		default:
			bad[rng.IntN(len(bad))] ^= 1 << rng.IntN(8)
		}
		put(t, fs, "a/keyring", bad)
		keys, _ := Read(fs, "a")
		if round%3 != 0 && len(keys) < len(want)-1 {
			t.Fatalf("one flipped bit cost %d keys", len(want)-len(keys))
		}
		for id, b := range keys {
			if !bytes.Equal(want[id], b) {
				t.Fatal("a damaged keyring gave a wrong key")
			}
		}
		if round%10 != 0 {
			continue
		}
		again, err := Open(fs, nil, "a", "b")
		if err != nil {
			t.Fatal(err)
		}
		same(again.Keys(), again.Layout())
		same(Read(fs, "a")) // made whole again
	}
	crashed := fs.CrashClone(vfs.CrashCloneCfg{})
	same(Read(crashed, "b"))
}

func FuzzParse(f *testing.F) {
	f.Add(append([]byte(header), record(about{kindKey, ident.ID{1}}, []byte("key"))...))
	f.Add([]byte(magic))
	f.Fuzz(func(_ *testing.T, b []byte) { parse(b) })
}

// TestNothingIsMadeWhereADiskWas: a copy that is gone is told of and not begun anew,
// because the disk may not be mounted; adding the place again completes it.
func TestNothingIsMadeWhereADiskWas(t *testing.T) {
	fs := vfs.NewCrashable()
	for _, d := range []string{"a", "b"} {
		if err := fs.MkdirAll(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	var away []string
	r, err := Open(fs, func(dir string, err error) { away = append(away, dir) }, "a", "b")
	if err != nil {
		t.Fatal(err)
	}
	if err := fs.Remove("b/" + Name); err != nil {
		t.Fatal(err)
	}
	id := ident.New()
	if err := r.Keep(id, []byte("sealed")); err != nil {
		t.Fatal(err)
	}
	if _, err := fs.Stat("b/" + Name); err == nil || len(away) != 1 || away[0] != "b" {
		t.Errorf("a copy was made (%v), told: %v", err, away)
	}
	if keys, _ := Read(fs, "a"); string(keys[id]) != "sealed" {
		t.Errorf("the first place has %v", keys)
	}
	if err := fs.Remove("a/" + Name); err != nil {
		t.Fatal(err)
	}
	if err := r.Keep(ident.New(), []byte("other")); err == nil {
		t.Error("the first place is gone, and that is no error")
	}
}
