package extent

import (
	"crypto/aes"
	"crypto/cipher"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/zeebo/blake3"

	"rhizome/base/vfs"
)

func cpuSeconds() float64 {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}

// measure runs f b.N times on w goroutines and reports what it cost.
func measure(b *testing.B, w, size int, f func(i int)) {
	b.SetBytes(int64(size))
	var next atomic.Int64
	var wg sync.WaitGroup
	b.ResetTimer()
	start, began := cpuSeconds(), time.Now()
	for range w {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(b.N); i = next.Add(1) - 1 {
				f(int(i))
			}
		})
	}
	wg.Wait()
	b.ReportMetric((cpuSeconds()-start)/float64(b.N*size)*(1<<30), "cpu-s/GiB")
	b.ReportMetric(float64(b.N)/time.Since(began).Seconds(), "ops/s")
	b.StopTimer()
}

// BenchmarkWrite makes durable extents, each with its row, and settles them.
func BenchmarkWrite(b *testing.B) {
	for _, c := range []struct{ size, writers int }{
		{64 << 10, 1}, {64 << 10, 16}, {1 << 20, 16}, {8 << 20, 4}, {64 << 20, 1}, {64 << 20, 4},
	} {
		b.Run(fmt.Sprintf("%dKiB/writers=%d", c.size>>10, c.writers), func(b *testing.B) {
			w := newWorldIn(b, vfs.Default, b.TempDir())
			plain := noise(c.size)
			measure(b, c.writers, c.size, func(int) {
				ref := w.ref("k")
				p := w.put(b, ref, plain)
				w.Settle(ref.ID, p.Extent)
			})
		})
	}
}

// BenchmarkRead reads whole extents that lie in the system's memory.
func BenchmarkRead(b *testing.B) {
	for _, c := range []struct{ size, readers int }{{64 << 10, 16}, {1 << 20, 1}, {1 << 20, 16}, {64 << 20, 1}, {64 << 20, 4}} {
		b.Run(fmt.Sprintf("%dKiB/readers=%d", c.size>>10, c.readers), func(b *testing.B) {
			w := newWorldIn(b, vfs.Default, b.TempDir())
			var pieces []Piece
			for range 16 {
				pieces = append(pieces, w.put(b, w.ref("k"), noise(c.size)))
			}
			measure(b, c.readers, c.size, func(i int) {
				p := pieces[i%len(pieces)]
				r, err := w.Open(ctx, p.Extent, p.Key, p.Length, 0, -1)
				must(b, err)
				_, err = r.WriteTo(io.Discard)
				must(b, err)
				must(b, r.Close())
			})
		})
	}
}

// BenchmarkFrame is what one frame costs, step by step.
func BenchmarkFrame(b *testing.B) {
	c, err := newCodecs()
	must(b, err)
	sl, err := newSealer([16]byte{1}, make([]byte, KeySize))
	must(b, err)
	for name, plain := range map[string][]byte{"noise": noise(FrameSize), "prose": prose(FrameSize)} {
		buf, spare := make([]byte, bigBuffer), make([]byte, bigBuffer)
		b.Run("seal/"+name, func(b *testing.B) {
			measure(b, 1, FrameSize, func(int) {
				copy(buf[headLen:], plain)
				sl.seal(c, buf, spare, place{0, FrameSize, true})
			})
		})
		copy(buf[headLen:], plain)
		sealed := append([]byte(nil), sl.seal(c, buf, spare, place{0, FrameSize, true})...)
		b.Run("open/"+name, func(b *testing.B) {
			measure(b, 1, FrameSize, func(int) {
				_, err := sl.open(c, buf[:copy(buf, sealed)], spare, place{0, FrameSize, true})
				must(b, err)
			})
		})
	}
	plain := noise(FrameSize)
	b.Run("raw/BLAKE3", func(b *testing.B) { measure(b, 1, FrameSize, func(int) { blake3.Sum256(plain) }) })
	b.Run("raw/AES-256-GCM", func(b *testing.B) {
		block, err := aes.NewCipher(make([]byte, KeySize))
		must(b, err)
		aead, err := cipher.NewGCM(block)
		must(b, err)
		out := make([]byte, 0, bigBuffer)
		measure(b, 1, FrameSize, func(int) { aead.Seal(out, make([]byte, 12), plain, nil) })
	})
}
