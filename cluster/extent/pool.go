package extent

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
	big, small chan []byte
}

func newPool() *pool {
	return &pool{make(chan []byte, keepBig), make(chan []byte, keepSmall)}
}

// get returns a buffer with room for a frame of n plain bytes and its overhead.
func (p *pool) get(n int) []byte {
	from, size := p.big, bigBuffer
	if n+overhead+headLen <= smallBuffer {
		from, size = p.small, smallBuffer
	}
	select {
	case b := <-from:
		return b
	default:
		return make([]byte, size)
	}
}

// put takes a buffer back; others than those of get are left alone.
func (p *pool) put(b []byte) {
	to := p.big
	switch cap(b) {
	case bigBuffer:
	case smallBuffer:
		to = p.small
	default:
		return
	}
	select {
	case to <- b[:cap(b)]:
	default:
	}
}
