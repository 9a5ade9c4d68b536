package vfs

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// lengths are of writes that end at, before and behind the ends of blocks and stages.
var lengths = []int{0, 1, 100, block - 1, block, block + 1, 3*block + 17, 64 << 10, staged - 1, staged, staged + 1, 2*staged + 5}

// appendAll writes pieces of drawn lengths, syncs now and then, and compares what is read.
func appendAll(t *testing.T, f File, a *Appender) {
	t.Helper()
	draw := rand.New(rand.NewPCG(1, 2))
	var want []byte
	for i := range 40 {
		b := make([]byte, lengths[draw.IntN(len(lengths))])
		for j := range b {
			b[j] = byte(j*7 + j>>8 + i)
		}
		want = append(want, b...) // a file in memory may spoil b
		if n, err := a.Write(b); n != len(b) || err != nil {
			t.Fatalf("write %d: %d, %v", i, n, err)
		}
		if draw.IntN(2) > 0 {
			if err := a.Rest(); err != nil {
				t.Fatal(err)
			}
			if a.buf != nil || len(a.rest) >= block {
				t.Fatal("at rest it holds more than a block")
			}
		}
		if draw.IntN(3) > 0 {
			continue
		}
		if err := a.Sync(); err != nil {
			t.Fatal(err)
		}
		if a.buf != nil {
			t.Fatal("a synced file keeps its stage")
		}
		compare(t, f, want, i)
	}
	a.Release()
}

func compare(t *testing.T, f File, want []byte, i int) {
	t.Helper()
	st, err := f.Stat()
	if err != nil || st.Size() != int64(len(want)) {
		t.Fatalf("after write %d the file is %d bytes long, %v, want %d", i, st.Size(), err, len(want))
	}
	from := max(0, len(want)-5*staged)
	got := make([]byte, len(want)-from)
	if _, err := f.ReadAt(got, int64(from)); err != nil && !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want[from:]) {
		t.Fatalf("after write %d the file holds something else", i)
	}
}

func newFile(t *testing.T, fs FS, dir string) (f, read File) {
	t.Helper()
	name := fs.PathJoin(dir, "file")
	f, err := fs.Create(name, Unspecified)
	if err != nil {
		t.Fatal(err)
	}
	if read, err = fs.Open(name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = read.Close(); _ = f.Close() })
	return f, read
}

func TestAppend(t *testing.T) {
	f, read := newFile(t, Default, t.TempDir())
	appendAll(t, read, new(Stages).NewAppender(f))
}

func TestAppendInMemory(t *testing.T) {
	f, read := newFile(t, NewCrashable(), "")
	a := new(Stages).NewAppender(f)
	if a.apart {
		t.Fatal("a file in memory has no page cache to pass by")
	}
	appendAll(t, read, a)
}

// What cannot be written is said, and the file that is given up gives its stage back.
func TestAppendFails(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := Default.Open(name) // to read alone
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	a := &Appender{f: f, stages: new(Stages), apart: true}
	if _, err := a.Write(make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	if err := a.Sync(); err == nil {
		t.Fatal("it wrote to a file that is open to be read")
	}
	if n, err := a.Write(make([]byte, staged)); n != 0 || err == nil {
		t.Fatal("it writes on after an error")
	}
	if a.Release(); a.buf != nil {
		t.Fatal("the stage is kept")
	}
}
