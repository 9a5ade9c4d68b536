package vfs

import (
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Where the flag is taken, what was written is not in memory, but for the file's end.
func TestAppendPassesTheCacheBy(t *testing.T) {
	f, _ := newFile(t, Default, t.TempDir())
	a := new(Stages).NewAppender(f)
	if _, err := a.Write(make([]byte, 8*staged+100)); err != nil {
		t.Fatal(err)
	}
	if err := a.Sync(); err != nil {
		t.Fatal(err)
	}
	mapped, err := unix.Mmap(int(f.Fd()), 0, 8*staged+100, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Munmap(mapped) }()
	pages := make([]byte, len(mapped)/block+1)
	if _, _, e := unix.Syscall(unix.SYS_MINCORE, uintptr(unsafe.Pointer(&mapped[0])), uintptr(len(mapped)), uintptr(unsafe.Pointer(&pages[0]))); e != 0 {
		t.Fatal(e)
	}
	resident := 0
	for _, p := range pages {
		resident += int(p & 1)
	}
	if a.direct && resident > 1 || !a.direct && resident == 0 {
		t.Fatalf("direct: %v, and %d of %d pages are in memory", a.direct, resident, len(pages))
	}
}

// A file system that takes the flag may still refuse to write.
func TestAppendWhereBlocksAreLarger(t *testing.T) {
	f, read := newFile(t, Default, t.TempDir())
	picky := &picky{File: f}
	a := &Appender{f: picky, stages: new(Stages), apart: true, direct: true}
	appendAll(t, read, a)
	if a.direct || picky.refused != 1 {
		t.Fatalf("it still tries: refused %d times", picky.refused)
	}
}

type picky struct {
	File
	refused int
}

func (p *picky) WriteAt(b []byte, at int64) (int, error) {
	if p.refused == 0 {
		p.refused++
		return 0, unix.EINVAL
	}
	return p.File.WriteAt(b, at)
}
