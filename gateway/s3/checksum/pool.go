package checksum

import (
	"crypto/md5"
	"hash"
	"sync"
	"sync/atomic"

	"github.com/klauspost/cpuid/v2"
	md5simd "github.com/minio/md5-simd"
)

// Which bodies may share a lane of the vector unit, and when that pays; measured in
// docs/decisions/020-md5-lanes.md.
const (
	lanes     = 16        // more hashers than this can exhaust md5-simd's buffers
	minActive = 5         // eligible bodies under way; below, one core per body is faster
	minShared = 32 << 10  // smaller bodies are not worth the hand-over
	maxShared = 128 << 20 // larger ones would be slow if the others end first
)

// Pool makes Bodies whose MD5s are worked out several at once on one core's vector
// unit when many bodies of known size are under way and the processor has AVX2; else
// each on its own. It is safe for concurrent use and holds 1.5 MiB from the first such
// moment on. A nil Pool works, without sharing.
type Pool struct {
	active atomic.Int32 // eligible bodies under way
	free   chan md5simd.Hasher
	start  sync.Once
	server md5simd.Server // nil until started
}

// NewPool returns a Pool. Nothing runs before it is needed.
func NewPool() *Pool { return &Pool{free: make(chan md5simd.Hasher, lanes)} }

// Close ends the pool's goroutine. All its Bodies must be closed, and no more made.
func (p *Pool) Close() {
	p.start.Do(func() {})
	if p.server == nil {
		return
	}
	for range lanes {
		(<-p.free).Close()
	}
	p.server.Close()
}

// launch starts the server and fills the pool. The hashers are made once: md5-simd
// never forgets one.
func (p *Pool) launch() {
	if !cpuid.CPU.Supports(cpuid.AVX2) {
		return
	}
	p.server = md5simd.NewServer()
	for range lanes {
		p.free <- p.server.NewHash()
	}
}

// NewBody returns a Body for w that will be written size bytes, -1 if unknown. It must be closed.
func (p *Pool) NewBody(w Want, size int64) *Body {
	if p == nil || size < minShared || size > maxShared {
		return NewBody(w)
	}
	b := &Body{want: w, sum: w.Algorithm.New(), also: w.Also.New(), pool: p}
	if p.active.Add(1) >= minActive {
		p.start.Do(p.launch)
		select {
		case h := <-p.free:
			b.md5, b.shared = h, true
			return b
		default:
		}
	}
	b.md5 = md5.New()
	return b
}

// release gives a body's place back.
func (p *Pool) release(h hash.Hash, shared bool) {
	p.active.Add(-1)
	if s, ok := h.(md5simd.Hasher); ok && shared {
		s.Reset()
		p.free <- s
	}
}
