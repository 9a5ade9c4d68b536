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
// write it. It is not safe for concurrent use. After an error nothing more can be written.
type Appender struct {
	f      File
	stages *Stages
	apart  bool // bytes are staged and written at offsets
	direct bool // the page cache is passed by
	at     int64
	buf    *[staged]byte // its first n bytes belong at at; nil between Sync and Write
	n      int
	rest   []byte // while buf is nil: the file's end, from at on
}

// Write appends b. It may keep some of it back until Sync.
func (a *Appender) Write(b []byte) (int, error) {
	if !a.apart {
		return a.f.Write(b)
	}
	for done := 0; done < len(b); {
		if a.buf == nil {
			a.buf = a.stages.take()
			a.n = copy(a.buf[:], a.rest)
		}
		n := copy(a.buf[a.n:], b[done:])
		a.n += n
		done += n
		if a.n == len(a.buf) {
			if err := a.writeBlocks(); err != nil {
				return done, err
			}
		}
	}
	return len(b), nil
}

// Sync makes durable what was written, and the file as long as that.
func (a *Appender) Sync() error {
	if a.buf != nil {
		if err := a.writeBlocks(); err != nil {
			return err
		}
		if err := a.writeEnd(); err != nil {
			return err
		}
		a.rest = append(a.rest[:0], a.buf[:a.n]...)
		a.Release()
	}
	return a.f.SyncData()
}

// Release gives memory back, and with it what was written since Sync: for a file that is
// given up.
func (a *Appender) Release() {
	if a.buf != nil {
		a.stages.free.Put(a.buf)
		a.buf = nil
	}
}

func (a *Appender) writeBlocks() error {
	whole := a.n &^ (block - 1)
	if whole == 0 {
		return nil
	}
	_, err := a.f.WriteAt(a.buf[:whole], a.at)
	if a.direct && refused(err) {
		setDirect(a.f, false)
		a.direct = false
		_, err = a.f.WriteAt(a.buf[:whole], a.at)
	}
	if err != nil {
		return err
	}
	a.at += int64(whole)
	a.n = copy(a.buf[:], a.buf[whole:a.n])
	return nil
}

// writeEnd writes what is less than a block; it stays staged, since the block may grow.
func (a *Appender) writeEnd() error {
	if a.n == 0 {
		return nil
	}
	if a.direct {
		setDirect(a.f, false)
		defer setDirect(a.f, true)
	}
	_, err := a.f.WriteAt(a.buf[:a.n], a.at)
	return err
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
