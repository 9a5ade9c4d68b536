package object

import (
	"context"
	"slices"
	"sync"
	"time"

	"rhizome/base/errs"
	"rhizome/cluster/extent"
)

// What all bodies under way may hold together, in bytes. Beside this each has one or two
// chunks of firstChunk and its connection's own buffers.
const (
	// fillingBytes are chunks that wait for a client to fill them.
	fillingBytes = 64 << 20
	// passingBytes are frames on their way to the disks. They never wait for a client, so
	// whoever waits for them comes on.
	passingBytes = 32 << 20
	// fillingTime is how long a body waits for a chunk before its client is told to come
	// back later.
	fillingTime = 30 * time.Second
)

// A chunk is the unit in which a body moves through memory: at most a frame.
const (
	firstChunk = 16 << 10
	chunkBytes = extent.FrameSize
	chunkStep  = 4 // each size is so many times the one before
	chunkSizes = 4
)

// memory lends bodies their buffers. It is safe for concurrent use.
type memory struct {
	filling, passing budget
	shelves          [chunkSizes]sync.Pool // of *chunk, by size
}

func newMemory(filling, passing int64) *memory {
	return &memory{filling: budget{free: filling}, passing: budget{free: passing}}
}

// chunk is a piece of a body, n bytes long.
type chunk struct {
	buf  []byte
	n    int
	left int64 // what follows its first byte, negative if unknown
	more bool  // something follows its last byte
	done int   // how often it was done with
}

// first returns a small chunk.
func (m *memory) first() *chunk { return m.get(0) }

func (m *memory) get(shelf int) *chunk {
	if c, ok := m.shelves[shelf].Get().(*chunk); ok {
		*c = chunk{buf: c.buf}
		return c
	}
	size := firstChunk
	for range shelf {
		size *= chunkStep
	}
	return &chunk{buf: make([]byte, size)}
}

// shelf is the one that has chunks of at least n bytes.
func shelf(n int) (i int) {
	for size := firstChunk; size < n; size *= chunkStep {
		i++
	}
	return i
}

// widen returns a chunk for n bytes with what is in c, which it takes back. It waits
// until there is room, for a while: then it fails with errs.Unavailable and c stays.
func (m *memory) widen(ctx context.Context, c *chunk, n int) (*chunk, error) {
	ctx, cancel := context.WithTimeout(ctx, fillingTime)
	defer cancel()
	size := int64(firstChunk)
	for size < int64(n) {
		size *= chunkStep
	}
	if err := m.filling.take(ctx, size); err != nil {
		return c, errs.Newf(errs.Unavailable, "too many bodies are under way to take in this one: %w", err)
	}
	big := m.get(shelf(n))
	big.n = copy(big.buf, c.buf[:c.n])
	m.put(c)
	return big, nil
}

// put takes a chunk back.
func (m *memory) put(c *chunk) {
	size := len(c.buf)
	m.shelves[shelf(size)].Put(c)
	if size > firstChunk {
		m.filling.give(int64(size))
	}
}

// budget is a number of bytes that is lent in the order of asking. It is safe for
// concurrent use.
type budget struct {
	mu    sync.Mutex
	free  int64
	queue []*claim
}

type claim struct {
	n     int64
	given chan struct{}
}

// take waits until n bytes are free. n must not be more than there are at all.
func (b *budget) take(ctx context.Context, n int64) error {
	b.mu.Lock()
	if len(b.queue) == 0 && b.free >= n {
		b.free -= n
		b.mu.Unlock()
		return nil
	}
	c := &claim{n, make(chan struct{})}
	b.queue = append(b.queue, c)
	b.mu.Unlock()
	select {
	case <-c.given:
		return nil
	case <-ctx.Done():
		b.withdraw(c)
		return ctx.Err()
	}
}

func (b *budget) withdraw(c *claim) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if i := slices.Index(b.queue, c); i >= 0 {
		b.queue = slices.Delete(b.queue, i, i+1)
	} else {
		b.free += c.n // it was given meanwhile
	}
	b.serve()
}

// give takes n bytes back.
func (b *budget) give(n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.free += n
	b.serve()
}

// serve is called with the mutex held.
func (b *budget) serve() {
	for len(b.queue) > 0 && b.queue[0].n <= b.free {
		b.free -= b.queue[0].n
		close(b.queue[0].given)
		b.queue = b.queue[1:]
	}
}
