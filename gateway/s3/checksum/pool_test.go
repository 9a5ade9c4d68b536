package checksum

import (
	"bytes"
	"math/rand/v2"
	"sync"
	"testing"
)

// TestPool hashes many bodies of odd sizes at once, some given up half-way.
func TestPool(t *testing.T) {
	p := NewPool()
	data := make([]byte, 300<<10)
	for i := range data {
		data[i] = byte(i * i >> 3)
	}
	var wg sync.WaitGroup
	for g := range 24 {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(g), 7))
			for range 20 {
				size := rnd.IntN(len(data))
				b := p.NewBody(Want{Algorithm: CRC32}, int64(size))
				for rest := data[:size]; len(rest) > 0; {
					n := min(len(rest), 1+rnd.IntN(100<<10))
					b.Write(rest[:n])
					rest = rest[n:]
				}
				if rnd.IntN(4) == 0 {
					b.Close() // given up
					continue
				}
				m, s, err := b.Finish(nil)
				if err != nil || !bytes.Equal(m, sumMD5(string(data[:size]))) || !bytes.Equal(s, sumOf(CRC32, data[:size])) {
					t.Errorf("%d bytes: %x %x %v", size, m, s, err)
				}
				b.Close()
				b.Close()
			}
		})
	}
	wg.Wait()
	if n := p.active.Load(); n != 0 {
		t.Errorf("%d bodies counted after the last", n)
	}
	p.Close()
}

func TestPoolUnused(t *testing.T) {
	p := NewPool()
	b := p.NewBody(Want{}, 1<<20)
	b.Close()
	if p.server != nil {
		t.Error("started for one body")
	}
	p.Close()
	var none *Pool
	none.NewBody(Want{}, 1<<20).Close()
}

func BenchmarkPool16Bodies1MiB(b *testing.B) {
	p := NewPool()
	defer p.Close()
	data := make([]byte, 1<<20)
	b.SetBytes(int64(len(data)))
	b.SetParallelism(8) // 16 on two cores
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			h := p.NewBody(Want{}, int64(len(data)))
			h.Write(data)
			if _, _, err := h.Finish(nil); err != nil {
				b.Error(err)
			}
			h.Close()
		}
	})
}
