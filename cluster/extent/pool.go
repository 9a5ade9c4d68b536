package extent

import "sync"

// Buffers are kept for the next frame rather than left to the garbage collector: the
// first touch of fresh memory costs more than sealing what it holds. Two sizes, so
// that many small bodies at once stay small.
const (
	bigBuffer   = FrameSize + 4<<10
	smallBuffer = 128<<10 + 4<<10
	keepBig     = 32
	keepSmall   = 64
)

// pool is safe for concurrent use.
type pool struct {
	big, small shelf
}

// shelf keeps free buffers of one size, the last used on top.
type shelf struct {
	size, keep int

	mu   sync.Mutex
	free [][]byte
	low  int // the fewest that were free since the last trim
}

func newPool() *pool {
	return &pool{shelf{size: bigBuffer, keep: keepBig}, shelf{size: smallBuffer, keep: keepSmall}}
}

// get returns a buffer with room for a frame of n plain bytes and its overhead.
func (p *pool) get(n int) []byte {
	if n+overhead <= smallBuffer {
		return p.small.get()
	}
	return p.big.get()
}

// put takes a buffer back; others than those of get are left alone.
func (p *pool) put(b []byte) {
	switch cap(b) {
	case bigBuffer:
		p.big.put(b)
	case smallBuffer:
		p.small.put(b)
	}
}

// trim lets go of the buffers that nobody needed since the last call.
func (p *pool) trim() {
	p.big.trim()
	p.small.trim()
}

func (s *shelf) get() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.free) - 1
	if n < 0 {
		return make([]byte, s.size)
	}
	b := s.free[n]
	s.free[n] = nil
	s.free = s.free[:n]
	s.low = min(s.low, n)
	return b
}

func (s *shelf) put(b []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.free) < s.keep {
		s.free = append(s.free, b[:cap(b)])
	}
}

func (s *shelf) trim() {
	s.mu.Lock()
	defer s.mu.Unlock()
	// The oldest lie at the bottom.
	s.free = append([][]byte(nil), s.free[s.low:]...)
	s.low = len(s.free)
}
