package limits

import (
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	mrand "math/rand/v2"
	"os"
	"path/filepath"
	"slices"
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
	return readAll(span, len(order), func(n int) (*os.File, int64) { return f, int64(order[n]) * coldBlock })
}

// ReadsIn is how many pieces of 4 KiB per second 16 readers get from anywhere in the files of a
// folder, as far as they are not in memory already.
func ReadsIn(dir string, span time.Duration) (rate float64, err error) {
	var files []*os.File
	var blocks []int64 // in all files up to each
	defer func() {
		for _, f := range files {
			err = errors.Join(err, f.Close())
		}
	}()
	err = eachFile(dir, func(f *os.File) error {
		files = append(files, f)
		st, err := f.Stat()
		if err == nil {
			blocks = append(blocks, st.Size()/coldBlock+last(blocks))
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	all := last(blocks)
	if all == 0 {
		return 0, errors.New("the folder holds no piece of 4 KiB")
	}
	return readAll(span, 1<<30, func(int) (*os.File, int64) {
		at := mrand.Int64N(all) // chance: any piece
		i, _ := slices.BinarySearch(blocks, at+1)
		if i > 0 {
			at -= blocks[i-1]
		}
		return files[i], at * coldBlock
	})
}

// Warm reads all files of a folder once, so that memory holds them as far as there is any.
func Warm(dir string) error {
	return eachFile(dir, func(f *os.File) error {
		_, err := io.Copy(io.Discard, f)
		return errors.Join(err, f.Close())
	})
}

// eachFile opens the files of a folder, which others may be changing.
func eachFile(dir string, do func(*os.File) error) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if path != dir && errors.Is(err, fs.ErrNotExist) || err == nil && !d.Type().IsRegular() { // what writes there took it away meanwhile
			return nil
		}
		if err != nil {
			return err
		}
		f, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		return do(f)
	})
}

// last is the last of the numbers, 0 of none.
func last(blocks []int64) int64 {
	if len(blocks) == 0 {
		return 0
	}
	return blocks[len(blocks)-1]
}

// readAll has 16 readers read the pieces that at names, for span or until there are no more, and
// returns how many a second.
func readAll(span time.Duration, pieces int, at func(n int) (*os.File, int64)) (float64, error) {
	var next atomic.Int64
	var wg sync.WaitGroup
	failed := make([]error, coldReaders)
	began := time.Now()
	for i := range coldReaders {
		wg.Go(func() {
			buf := make([]byte, coldBlock)
			for time.Since(began) < span && failed[i] == nil {
				n := next.Add(1) - 1
				if n >= int64(pieces) {
					return
				}
				f, off := at(int(n))
				_, failed[i] = f.ReadAt(buf, off)
			}
		})
	}
	wg.Wait()
	read := min(next.Load(), int64(pieces))
	return float64(read) / time.Since(began).Seconds(), errors.Join(failed...)
}
