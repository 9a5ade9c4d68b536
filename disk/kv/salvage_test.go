package kv

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"rhizome/base/errs"
	"rhizome/base/vfs"
)

// model is what a store should hold.
type model map[string][]byte

// fill writes, overwrites and deletes keys as rows and blobs are, with flushes and
// compactions between, and returns the model.
func fill(t testing.TB, s *Store, rng *rand.Rand, n int) model {
	t.Helper()
	m := model{}
	for i := range n {
		b := s.NewBatch()
		for range 1 + rng.IntN(4) {
			first := "rrrbbtx"[rng.IntN(7)]
			key := fmt.Sprintf("%c%05d", first, rng.IntN(n/2+1))
			if rng.IntN(5) == 0 {
				b.Delete([]byte(key))
				delete(m, key)
				continue
			}
			v := make([]byte, 20+rng.IntN(60))
			if first == 'b' {
				v = make([]byte, rng.IntN(6000))
			}
			for j := range v {
				v[j] = byte(rng.Uint32()) & 15
			}
			copy(v, key)
			b.Set([]byte(key), v)
			m[key] = v
		}
		b.Add([]byte("gcount"), 1)
		if err := b.Commit(); err != nil {
			t.Fatal(err)
		}
		if i%(n/7+1) == n/8 {
			if err := s.Flush(); err != nil {
				t.Fatal(err)
			}
		}
		if i == n*2/3 {
			if err := s.db.Compact(context.Background(), []byte("a"), []byte("z"), false); err != nil {
				t.Fatal(err)
			}
		}
	}
	return m
}

// recovered is what Salvage made of a store.
type recovered struct {
	damage *Damage
	last   map[string]Found
	loose  map[string]bool
}

func salvageAll(t testing.TB, fs vfs.FS) recovered {
	t.Helper()
	r := recovered{last: map[string]Found{}, loose: map[string]bool{}}
	var err error
	r.damage, err = Salvage(context.Background(), fs, "db", func(f Found) error {
		f.Key, f.Value = bytes.Clone(f.Key), bytes.Clone(f.Value)
		if f.Key == nil {
			r.loose[string(f.Value)] = true
		} else if old, ok := r.last[string(f.Key)]; !ok || old.Seq <= f.Seq {
			r.last[string(f.Key)] = f
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// check compares with the model: whatever is wrong must be owned up to.
func (r recovered) check(t testing.TB, m model, whole bool) {
	t.Helper()
	valuesLost := 0
	for key, want := range m {
		f, ok := r.last[key]
		excused := r.damage.Log || r.damage.Missing([]byte(key), f.Seq)
		switch {
		case ok && f.Apart && r.loose[string(want)], ok && bytes.Equal(f.Value, want):
		case ok && f.Apart && len(r.damage.Files) > 0:
			valuesLost++
		case whole || !excused:
			t.Errorf("%s: found %v, deleted %v, apart %v, %d bytes, want %d; %+v", key, ok, f.Deleted, f.Apart, len(f.Value), len(want), r.damage)
			return
		}
	}
	for key, f := range r.last {
		if _, ok := m[key]; !ok && key[0] != 'g' && !f.Deleted && (whole || !r.damage.Log && !r.damage.Missing([]byte(key), f.Seq)) {
			t.Errorf("%s came back", key)
			return
		}
	}
	if whole && (valuesLost > 0 || !r.damage.None()) {
		t.Errorf("an undamaged store was found damaged: %+v", r.damage)
	}
}

// TestSalvage damages every kind of file of a store in every way. Opening it then
// works or says that it is damaged, what is read is right, and Salvage returns
// everything but what it says may be missing.
func TestSalvage(t *testing.T) {
	for _, closed := range []bool{true, false} {
		fs := vfs.NewCrashable()
		rng := rand.New(rand.NewPCG(1, 2))
		s, err := Open(fs, "db", Options{})
		if err != nil {
			t.Fatal(err)
		}
		m := fill(t, s, rng, 300)
		clean := fs.CrashClone(vfs.CrashCloneCfg{})
		if closed {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			clean = fs.CrashClone(vfs.CrashCloneCfg{})
		} else {
			t.Cleanup(func() { _ = s.Close() })
		}
		salvageAll(t, clean).check(t, m, true)
		names, err := clean.List("db")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			for round := range 6 {
				damaged := clean.CrashClone(vfs.CrashCloneCfg{})
				what := hurt(t, damaged, "db/"+name, rng, round)
				t.Run(fmt.Sprintf("closed=%v/%s/%s", closed, name, what), func(t *testing.T) {
					tail := !closed && bytes.HasSuffix([]byte(name), []byte(".log"))
					if !tail { // of a log, damage at the end cannot be told from a crash
						salvageAll(t, damaged).check(t, m, false)
					}
					opened(t, damaged, m, tail)
				})
			}
		}
	}
}

// hurt damages one file and says how.
func hurt(t testing.TB, fs *vfs.MemFS, name string, rng *rand.Rand, round int) string {
	t.Helper()
	raw := readAll(t, fs, name)
	switch {
	case round == 0 || len(raw) == 0:
		if err := fs.Remove(name); err != nil {
			t.Fatal(err)
		}
		return "removed"
	case round == 1:
		raw = raw[:rng.IntN(len(raw))]
	case round == 2:
		at := rng.IntN(len(raw))
		clear(raw[at:min(len(raw), at+4096)])
	default:
		raw[rng.IntN(len(raw))] ^= 1 << rng.IntN(8)
	}
	f, err := fs.Create(name, "test")
	if err == nil {
		_, err = f.Write(raw)
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("damage%d", round)
}

func readAll(t testing.TB, fs vfs.FS, name string) []byte {
	t.Helper()
	f, err := fs.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, st.Size())
	if n, err := f.ReadAt(b, 0); n < len(b) {
		t.Fatal(err)
	}
	return b
}

// opened opens a damaged store: it is refused as damaged, or every read is right or
// an error.
func opened(t testing.TB, fs vfs.FS, m model, tail bool) {
	t.Helper()
	s, err := Open(fs, "db", Options{})
	if err != nil {
		if errs.KindOf(err) != errs.Corrupt {
			t.Errorf("refused as %v: %v", errs.KindOf(err), err)
		}
		return
	}
	defer func() { _ = s.Close() }()
	for key, want := range m {
		got, err := s.Get([]byte(key))
		if err == nil && !bytes.Equal(got, want) && !tail {
			t.Errorf("%s: wrong bytes", key)
			return
		}
		if errs.KindOf(err) == errs.NotFound && !tail {
			t.Errorf("%s: gone without a word", key)
			return
		}
	}
}
