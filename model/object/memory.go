package object

import (
	"context"
	"sync"

	"rhizome/base/errs"
	"rhizome/cluster/extent"
)

// What all bodies under way may hold together, in bytes. Beside this each has one or two
// chunks of firstChunk and its connection's own buffers.
const (
	// smallPlaces, mediumPlaces and largePlaces are how many chunks of each size above the
	// first may wait for clients to fill them: 64 MiB together. A body goes from size to
	// size as its bytes come, and has a place of one size while it waits for one of the
	// next: as each size has places of its own, those who wait never wait for each other.
	smallPlaces, mediumPlaces, largePlaces = 128, 64, 40
	// passingBytes are frames on their way to the disks. They never wait for a client, so
	// whoever waits for them comes on.
	passingBytes = 32 << 20
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
	passing budget
	tiers   [chunkSizes]tier      // by size; the first has no bound
	shelves [chunkSizes]sync.Pool // of *chunk, by size
}

func newMemory() *memory {
	m := &memory{passing: budget{free: passingBytes}}
	for i, places := range [chunkSizes]int{1: smallPlaces, mediumPlaces, largePlaces} {
		m.tiers[i].open(places)
	}
	return m
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

// widen returns a chunk of the size on that shelf for f, with what is in c, which it
// takes back. It waits until there is a place, for a while: then it fails with
// errs.Unavailable and c stays.
func (m *memory) widen(ctx context.Context, f *feed, c *chunk, shelf int) (*chunk, error) {
	if err := m.tiers[shelf].take(ctx); err != nil {
		return c, errs.Newf(errs.Unavailable, "too many bodies are under way to take in this one: %w", err)
	}
	big := m.get(shelf)
	big.n = copy(big.buf, c.buf[:c.n])
	m.put(c)
	m.tiers[shelf].hold(big, f)
	return big, nil
}

// filled notes that c no longer waits for its client.
func (m *memory) filled(c *chunk) { m.tiers[shelf(len(c.buf))].letGo(c) }

// put takes a chunk back.
func (m *memory) put(c *chunk) {
	i := shelf(len(c.buf))
	if i > 0 {
		m.tiers[i].letGo(c)
		m.tiers[i].give(1)
	}
	m.shelves[i].Put(c)
}
