package object

import (
	"io"
	"sync"
)

// line is where a body's chunks go once they are filled: one goroutine hashes them,
// another writes them. Neither ever waits for a client. Two chunks are under way at
// once, one behind the other. A small body's only chunk needs no goroutines.
type line struct {
	memory  *memory
	hash    io.Writer // nil: none
	write   func(*chunk) error
	started bool
	hashing chan *chunk
	writing chan *chunk
	free    chan struct{}
	failed  chan struct{} // closed after err was set
	err     error
	running sync.WaitGroup
	mu      sync.Mutex // of the chunks' done
}

const (
	inLine = 2
	// aloneBytes are hashed and written sooner than handed over.
	aloneBytes = 128 << 10
)

// newLine returns a line, which stop must end. hash may be nil.
func newLine(m *memory, hash io.Writer, write func(*chunk) error) *line {
	l := &line{memory: m, hash: hash, write: write, free: make(chan struct{}, inLine), failed: make(chan struct{})}
	for range inLine {
		l.free <- struct{}{}
	}
	return l
}

func (l *line) start() {
	l.started = true
	l.hashing, l.writing = make(chan *chunk, inLine), make(chan *chunk, inLine)
	l.running.Go(func() {
		for c := range l.hashing {
			l.hashOne(c)
			l.end(c)
		}
	})
	l.running.Go(func() {
		for c := range l.writing {
			l.writeOne(c)
			l.end(c)
		}
	})
}

func (l *line) hashOne(c *chunk) {
	if l.hash != nil {
		_, _ = l.hash.Write(c.buf[:c.n])
	}
}

// writeOne writes a chunk unless one before it failed.
func (l *line) writeOne(c *chunk) {
	if l.err != nil {
		return
	}
	if l.err = l.write(c); l.err != nil {
		close(l.failed)
	}
}

// next returns a chunk to fill, as soon as there is a place for it; or what went wrong
// with those before it.
func (l *line) next() (*chunk, error) {
	select {
	case <-l.failed:
		return nil, l.err
	case <-l.free:
		return l.memory.first(), nil
	}
}

// send hands a chunk over.
func (l *line) send(c *chunk) {
	l.memory.filled(c)
	if !l.started {
		if !c.more && c.n <= aloneBytes {
			l.hashOne(c)
			l.writeOne(c)
			l.drop(c)
			return
		}
		l.start()
	}
	l.hashing <- c
	l.writing <- c
}

// end notes that one of the two is done with a chunk.
func (l *line) end(c *chunk) {
	l.mu.Lock()
	c.done++
	last := c.done == 2
	l.mu.Unlock()
	if last {
		l.drop(c)
	}
}

// drop takes back a chunk that goes no further.
func (l *line) drop(c *chunk) {
	l.memory.put(c)
	l.free <- struct{}{}
}

// dropAll drops chunks, of which some may be nil.
func (l *line) dropAll(chunks ...*chunk) {
	for _, c := range chunks {
		if c != nil {
			l.drop(c)
		}
	}
}

// stop waits until all that was sent is hashed and written, and returns what went wrong.
func (l *line) stop() error {
	if l.started {
		close(l.hashing)
		close(l.writing)
		l.running.Wait()
	}
	return l.err
}
