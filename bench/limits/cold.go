package limits

import (
	"crypto/rand"
	"errors"
	mrand "math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

const (
	coldReaders = 16
	coldBlock   = 4 << 10
)

// coldReads returns how many pieces of 4 KiB per second 16 readers get from anywhere in a file
// of size bytes that the system was told to forget: what a store can answer at most, if each
// answer takes one read that memory does not spare.
func coldReads(dir string, span time.Duration, size int) (rate float64, err error) {
	f, err := os.Create(filepath.Join(dir, "cold"))
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	piece := make([]byte, 1<<20)
	_, _ = rand.Read(piece)
	for at := 0; at < size && err == nil; at += len(piece) {
		_, err = f.Write(piece)
	}
	fd := int(f.Fd())
	if err = errors.Join(err, f.Sync(), unix.Fadvise(fd, 0, 0, unix.FADV_DONTNEED), unix.Fadvise(fd, 0, 0, unix.FADV_RANDOM)); err != nil {
		return 0, err
	}
	order := mrand.Perm(size / coldBlock) // chance: each piece once, or the second time it were in memory
	var next atomic.Int64
	var wg sync.WaitGroup
	failed := make([]error, coldReaders)
	began := time.Now()
	for i := range coldReaders {
		wg.Go(func() {
			buf := make([]byte, coldBlock)
			for time.Since(began) < span && failed[i] == nil {
				n := next.Add(1) - 1
				if n >= int64(len(order)) {
					return
				}
				_, failed[i] = f.ReadAt(buf, int64(order[n])*coldBlock)
			}
		})
	}
	wg.Wait()
	read := min(next.Load(), int64(len(order)))
	return float64(read) / time.Since(began).Seconds(), errors.Join(failed...)
}
