package vfs

import (
	"sync"
	"unsafe"
)

const (
	// block is what addresses, offsets and lengths of writes past the page cache are
	// multiples of: no disk in use has larger sectors.
	block = 4 << 10
	// staged is how much is written at once.
	staged = 1 << 20
)

// Appender writes a new file from its start to its end, past the system's page cache
// where the file system allows it (open(2), O_DIRECT): what is stored in bulk would push
// out of memory what is read all the time. Whole blocks go to the disk as they come
// together; the end of the file, less than a block, goes through the cache at Sync, so
// that the file is as long as what was written. What is durable does not depend on which
// way it went: Sync alone says it. Others may read the file meanwhile, nobody else may
// write it. It is not safe for concurrent use. After an error nothing more is written.
type Appender struct {
	f      File
	stages *Stages
	apart  bool // bytes are staged and written at offsets
	direct bool // the page cache is passed by
	err    error
	at     int64
	buf    *[staged]byte // its first n bytes belong at at; nil at rest
	n      int
	rest   []byte // at rest: less than a block from at on, the file's end
	owed   bool   // rest is not in the file yet
}

// Write appends b. It may keep some of it back until Sync.
func (a *Appender) Write(b []byte) (int, error) {
	if !a.apart {
		return a.f.Write(b)
	}
	done := 0
	for a.err == nil && done < len(b) {
		if a.buf == nil && len(a.rest)+len(b)-done < block {
			a.rest, a.owed = append(a.rest, b[done:]...), true
			return len(b), nil
		}
		if a.buf == nil {
			a.buf = a.stages.take()
			a.n = copy(a.buf[:], a.rest)
		}
		n := copy(a.buf[a.n:], b[done:])
		a.n += n
		done += n
		if a.n == len(a.buf) {
			a.writeBlocks()
		}
	}
	return done, a.err
}

// Rest has the Appender hold less than a block until more is written, however long that
// takes.
func (a *Appender) Rest() error {
	if a.buf == nil || a.err != nil {
		return a.err
	}
	if a.writeBlocks(); a.err != nil {
		return a.err
	}
	a.rest, a.owed = append(a.rest[:0], a.buf[:a.n]...), true
	a.Release()
	return nil
}

// Sync makes durable what was written, and the file as long as that.
func (a *Appender) Sync() error {
	if err := a.Rest(); err != nil {
		return err
	}
	if a.owed {
		a.writeEnd()
	}
	if a.err == nil {
		a.err = a.f.SyncData()
	}
	return a.err
}

// Release gives memory back, and with it what was written since Sync: for a file that is
// given up.
func (a *Appender) Release() {
	if a.buf != nil {
		a.stages.free.Put(a.buf)
		a.buf = nil
	}
}

func (a *Appender) writeBlocks() {
	whole := a.n &^ (block - 1)
	if whole == 0 {
		return
	}
	_, err := a.f.WriteAt(a.buf[:whole], a.at)
	if a.direct && refused(err) {
		setDirect(a.f, false)
		a.direct = false
		_, err = a.f.WriteAt(a.buf[:whole], a.at)
	}
	if a.err = err; err != nil {
		return
	}
	a.at += int64(whole)
	a.n = copy(a.buf[:], a.buf[whole:a.n])
}

// writeEnd writes what is less than a block; it stays at hand, since the block may grow.
func (a *Appender) writeEnd() {
	if a.owed = false; len(a.rest) == 0 {
		return
	}
	if a.direct {
		setDirect(a.f, false)
		defer setDirect(a.f, true)
	}
	_, a.err = a.f.WriteAt(a.rest, a.at)
}

// Stages lends Appenders their buffers, and makes them. The zero value is ready; all
// methods are safe for concurrent use.
type Stages struct{ free sync.Pool }

// NewAppender returns an Appender for an empty file, which remains the caller's to close.
func (s *Stages) NewAppender(f File) *Appender {
	direct := setDirect(f, true)
	return &Appender{f: f, stages: s, apart: direct, direct: direct}
}

// take returns a buffer whose address is a multiple of block.
func (s *Stages) take() *[staged]byte {
	if b, ok := s.free.Get().(*[staged]byte); ok {
		return b
	}
	b := make([]byte, staged+block)
	skip := -uintptr(unsafe.Pointer(&b[0])) % block
	return (*[staged]byte)(b[skip:])
}
