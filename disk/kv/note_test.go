package kv

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"rhizome/base/errs"
	"rhizome/base/vfs"
)

// noted makes a store with n commits that the note names, and one after it, and
// returns what a power cut leaves.
func noted(t *testing.T, n int, flushed bool) vfs.FS {
	t.Helper()
	fs := vfs.NewCrashable()
	s, err := Open(fs, "/rows", Options{NoteAfter: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	put := func(k string) {
		b := s.NewBatch()
		b.Set([]byte(k), []byte(strings.Repeat(k, 10)))
		if err := b.Commit(); err != nil {
			t.Fatal(err)
		}
	}
	for i := range n {
		put(fmt.Sprint("k", i))
		if flushed && i == n/2 {
			if err := s.Flush(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := s.noter.save(fs, "/rows"); err != nil {
		t.Fatal(err)
	}
	put("late")
	return fs.CrashClone(vfs.CrashCloneCfg{})
}

func lastLog(t *testing.T, fs vfs.FS) string {
	t.Helper()
	names, err := fs.List("/rows")
	if err != nil {
		t.Fatal(err)
	}
	last := ""
	for _, n := range names {
		if strings.HasSuffix(n, ".log") && n > last {
			last = n
		}
	}
	return "/rows/" + last
}

// edit changes a file's bytes.
func edit(t *testing.T, fs vfs.FS, name string, f func([]byte) []byte) {
	t.Helper()
	w := &salvage{fs: fs, dir: "/", damage: new(Damage)}
	b := f(w.read(name))
	out, err := fs.Create(name, vfs.Unspecified)
	if err != nil {
		t.Fatal(err)
	}
	_, err = out.Write(b)
	if err := errors.Join(err, out.Close()); err != nil {
		t.Fatal(err)
	}
}

// TestDamagedLogIsRefused: whatever happens after a crash to the part of the log that
// was noted, the store does not open as if it were whole, and Salvage says so too.
func TestDamagedLogIsRefused(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	harms := map[string]func(t *testing.T, fs vfs.FS, log string){
		"flipped": func(t *testing.T, fs vfs.FS, log string) {
			edit(t, fs, log, func(b []byte) []byte { b[r.IntN(len(b)*3/4)] ^= 1 << r.IntN(8); return b })
		},
		"cut": func(t *testing.T, fs vfs.FS, log string) {
			edit(t, fs, log, func(b []byte) []byte { return b[:r.IntN(len(b)*3/4)] })
		},
		"emptied": func(t *testing.T, fs vfs.FS, log string) {
			edit(t, fs, log, func([]byte) []byte { return nil })
		},
		"gone": func(t *testing.T, fs vfs.FS, log string) {
			if err := fs.Remove(log); err != nil {
				t.Fatal(err)
			}
		},
	}
	for name, harm := range harms {
		for i := range 30 {
			fs := noted(t, 20, i%2 == 1)
			harm(t, fs, lastLog(t, fs))
			damage, err := Salvage(context.Background(), fs, "/rows", func(Found) error { return nil })
			if err != nil || !damage.Log {
				t.Errorf("%s: salvage does not miss the log's writes: %v %+v", name, err, damage)
			}
			s, err := Open(fs, "/rows", Options{})
			if err == nil {
				t.Errorf("%s %d: the store opened", name, i)
				s.Close()
			} else if errs.KindOf(err) != errs.Corrupt {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// TestNoteAloneRefusesNothing: what a power cut leaves opens, whatever became of the
// note, and what came after the note may be cut off.
func TestNoteAloneRefusesNothing(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	harms := map[string]func(fs vfs.FS){
		"none": func(vfs.FS) {},
		"late": func(fs vfs.FS) {
			edit(t, fs, lastLog(t, fs), func(b []byte) []byte { return b[:len(b)-5] })
		},
		"flipped": func(fs vfs.FS) {
			edit(t, fs, "/rows/OPENED", func(b []byte) []byte { b[r.IntN(len(b))] ^= 1; return b })
		},
		"cut": func(fs vfs.FS) {
			edit(t, fs, "/rows/OPENED", func(b []byte) []byte { return b[:r.IntN(len(b))] })
		},
		"gone": func(fs vfs.FS) {
			if err := fs.Remove("/rows/OPENED"); err != nil {
				t.Fatal(err)
			}
		},
	}
	for name, harm := range harms {
		for i := range 20 {
			fs := noted(t, 20, i%2 == 1)
			harm(fs)
			s, err := Open(fs, "/rows", Options{NoteAfter: time.Hour})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if _, err := s.Get([]byte("k19")); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if s, err = Open(fs, "/rows", Options{}); err != nil {
				t.Fatalf("%s: after a clean stop: %v", name, err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestNotesAreKept: a commit is noted by itself, soon after it.
func TestNotesAreKept(t *testing.T) {
	fs := vfs.NewCrashable()
	s, err := Open(fs, "/rows", Options{NoteAfter: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	b := s.NewBatch()
	b.Set([]byte("k"), nil)
	if err := b.Commit(); err != nil {
		t.Fatal(err)
	}
	for n := readNote(fs, "/rows"); n.next == 0; n = readNote(fs, "/rows") {
		if len(n.logs) == 0 {
			t.Fatal("the note names no log")
		}
	}
}

func TestNoteEncoding(t *testing.T) {
	want := &note{turn: 7, at: 1, next: 1 << 40, opening: true, logs: []uint64{1, 2, 3}}
	if got := decodeNote(want.encode()); got == nil || fmt.Sprint(*got) != fmt.Sprint(*want) {
		t.Errorf("%+v came back as %+v", want, got)
	}
}

func FuzzNote(f *testing.F) {
	f.Add((&note{turn: 1, logs: []uint64{4}}).encode())
	f.Add([]byte(noteMagic))
	f.Fuzz(func(t *testing.T, b []byte) {
		if n := decodeNote(b); n != nil && decodeNote(n.encode()) == nil {
			t.Error("a note cannot be read again")
		}
	})
}
