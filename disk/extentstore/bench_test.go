package extentstore

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"rhizome/base/ident"
	"rhizome/base/vfs"
)

// Benchmarks run on the real file system of the temporary folder. "raw" ones measure
// what the machine itself can do, for the ratios.

func cpuSeconds() float64 {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}

// reportCPU adds CPU seconds per GiB and operations per second.
func reportCPU(b *testing.B, start float64, began time.Time, bytes int64) {
	b.ReportMetric((cpuSeconds()-start)/float64(bytes)*(1<<30), "cpu-s/GiB")
	b.ReportMetric(float64(b.N)/time.Since(began).Seconds(), "ops/s")
}

// parallel runs f b.N times on w goroutines.
func parallel(b *testing.B, w int, f func(i int)) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range w {
		wg.Go(func() {
			for {
				i := next.Add(1) - 1
				if i >= int64(b.N) {
					return
				}
				f(int(i))
			}
		})
	}
	wg.Wait()
}

func BenchmarkPut(b *testing.B) {
	for _, c := range []struct{ size, frames, writers int }{
		{4 << 10, 1, 16}, {64 << 10, 1, 1}, {64 << 10, 1, 16}, {1 << 20, 1, 1}, {1 << 20, 1, 16},
		{1 << 20, 5, 4}, {1 << 20, 64, 1}, {1 << 20, 64, 4},
	} {
		b.Run(fmt.Sprintf("%dKiBx%d/writers=%d", c.size>>10, c.frames, c.writers), func(b *testing.B) {
			dir := b.TempDir()
			bn := newBench(b, vfs.Default, Options{}, Disk{Dir: dir + "/d1"})
			frame := frames(ident.New(), c.size)[0]
			b.SetBytes(int64(c.size * c.frames))
			b.ResetTimer()
			start, began := cpuSeconds(), time.Now()
			parallel(b, c.writers, func(int) {
				w, err := bn.s.Create(ctx, ident.New(), int64(c.size*c.frames))
				must(b, err)
				for range c.frames {
					must(b, w.Append(frame))
				}
				must(b, w.Commit([]byte("descriptor")))
			})
			reportCPU(b, start, began, int64(b.N*c.size*c.frames))
			b.StopTimer()
		})
	}
}

func BenchmarkRawSync(b *testing.B) {
	for _, c := range []struct{ size, files int }{{4 << 10, 1}, {64 << 10, 1}, {64 << 10, 16}, {1 << 20, 1}, {1 << 20, 16}} {
		b.Run(fmt.Sprintf("%dKiB/files=%d", c.size>>10, c.files), func(b *testing.B) {
			dir := b.TempDir()
			buf := frames(ident.New(), c.size)[0]
			b.SetBytes(int64(c.size))
			start, began := cpuSeconds(), time.Now()
			files := make(chan *os.File, c.files)
			for i := range c.files {
				f, err := os.Create(filepath.Join(dir, fmt.Sprint(i)))
				must(b, err)
				defer f.Close()
				files <- f
			}
			parallel(b, c.files, func(int) {
				f := <-files
				_, err := f.Write(buf)
				must(b, err)
				must(b, syscall.Fdatasync(int(f.Fd())))
				files <- f
			})
			reportCPU(b, start, began, int64(b.N*c.size))
		})
	}
}

func BenchmarkRawWrite64MiB(b *testing.B) {
	dir := b.TempDir()
	buf := frames(ident.New(), 1<<20)[0]
	b.SetBytes(64 << 20)
	start, began := cpuSeconds(), time.Now()
	for i := range b.N {
		f, err := os.Create(filepath.Join(dir, fmt.Sprint(i)))
		must(b, err)
		for range 64 {
			_, err := f.Write(buf)
			must(b, err)
		}
		must(b, syscall.Fdatasync(int(f.Fd())))
		must(b, f.Close())
	}
	reportCPU(b, start, began, int64(b.N)<<26)
}
