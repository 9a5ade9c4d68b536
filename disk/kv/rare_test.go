package kv

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"rhizome/base/errs"
	"rhizome/base/vfs"
)

// TestGetRare: it says what Get says, wherever a key lies, and reads nothing for one that is
// not there but the filters.
func TestGetRare(t *testing.T) {
	s, err := Open(vfs.NewCrashable(), "rows", Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	const many = 4000
	key := func(n int) []byte { return fmt.Appendf(nil, "k%06d", n) }
	fill := func(to int, value string) {
		t.Helper()
		b := s.NewBatch()
		for n := 0; n < to; n += 2 { // the odd ones are not there
			b.Set(key(n), fmt.Appendf(nil, "%s %d", value, n))
		}
		if err := b.Commit(); err != nil {
			t.Fatal(err)
		}
	}
	fill(many, "first")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(s.Flush())
	must(s.db.Compact(t.Context(), []byte("a"), []byte("z"), false)) // to the lowest level
	hits := s.db.Metrics().Filter.Hits
	for n := 1; n < many; n += 2 {
		if _, err := s.GetRare(key(n)); !errors.Is(err, errs.NotFound) {
			t.Fatal(n, err)
		}
	}
	if got := s.db.Metrics().Filter.Hits - hits; got < many/2*9/10 {
		t.Errorf("filters answered %d of %d", got, many/2)
	}
	fill(many/2, "second")
	must(s.Flush())
	fill(many/4, "third") // in memory
	must(s.Delete(key(4)))
	b := s.NewBatch()
	b.DeleteRange(key(100), key(200))
	b.Set(key(150), nil)
	b.Add([]byte("count"), 3)
	must(b.Commit())
	b = s.NewBatch()
	b.Add([]byte("count"), 4)
	must(b.Commit())
	keys := [][]byte{[]byte("count"), nil, []byte("k"), []byte("z")}
	for n := range many + 10 {
		keys = append(keys, key(n))
	}
	for _, k := range keys {
		s.hot.clear()
		want, wantErr := s.Get(k)
		s.hot.clear()
		for _, where := range []string{"tree", "memory"} {
			if got, err := s.GetRare(k); !bytes.Equal(got, want) || !errors.Is(err, wantErr) {
				t.Fatalf("%q, from the %s: %q, %v; wanted %q, %v", k, where, got, err, want, wantErr)
			}
		}
	}
}
