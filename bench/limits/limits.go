// Package limits measures what this machine can do at most, right now: how fast its disk
// takes bytes for good, how often it can say so and how often it finds some, how fast one processor core hashes and
// encrypts, how fast two processes talk over loopback.
//
// A store's figures mean something beside these, taken in the same run. Rates are per
// second; bytes are counted in units of 1,000,000. Nothing is kept on the disk.
package limits

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/md5"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zeebo/blake3"
)

// Limits are the measured limits.
type Limits struct {
	WriteFsync float64 `json:"write_fsync_mb_s"` // one file in 1 MiB writes, then one fsync
	Fsyncs1    float64 `json:"fsyncs_1_s"`       // 4 KiB appended and fsynced, one file
	Fsyncs16   float64 `json:"fsyncs_16_s"`      // the same, 16 files at once
	Cold       float64 `json:"cold_reads_s"`     // 4 KiB read from anywhere in a file that is not in memory, 16 at once
	MD5        float64 `json:"md5_mb_s"`         // one core
	SHA256     float64 `json:"sha256_mb_s"`
	BLAKE3     float64 `json:"blake3_mb_s"`
	AESGCM     float64 `json:"aes_gcm_mb_s"`
	Loopback   float64 `json:"loopback_mb_s"` // one TCP connection
	HTTP       float64 `json:"http_s"`        // signed GETs of 1 KiB that a bare server answers, 16 connections
}

const mb = 1e6

// Sequential is how many bytes the sequential write of a real measurement takes.
const Sequential = 512 << 20

// Measure measures all limits; dir is a folder on the disk in question. It takes about
// six times span, and writes size bytes (a multiple of 1 MiB) four times.
func Measure(dir string, span time.Duration, size int) (Limits, error) {
	dir, err := os.MkdirTemp(dir, "limits")
	if err != nil {
		return Limits{}, err
	}
	defer os.RemoveAll(dir)
	var l Limits
	var errs [6]error
	l.WriteFsync, errs[0] = writeFsync(dir, size)
	l.Fsyncs1, errs[1] = fsyncs(dir, 1, span)
	l.Fsyncs16, errs[2] = fsyncs(dir, 16, span)
	l.Loopback, errs[3] = loopback(span)
	l.HTTP, errs[4] = bareHTTP(span)
	l.Cold, errs[5] = coldReads(dir, span, size)
	buf := make([]byte, 1<<20)
	_, _ = rand.Read(buf)
	l.MD5 = perCore(span/4, len(buf), func() { md5.Sum(buf) })
	l.SHA256 = perCore(span/4, len(buf), func() { sha256.Sum256(buf) })
	l.BLAKE3 = perCore(span/4, len(buf), func() { blake3.Sum256(buf) })
	seal, err := sealer()
	if err == nil {
		out := make([]byte, 0, len(buf)+64)
		nonce := make([]byte, seal.NonceSize())
		l.AESGCM = perCore(span/4, len(buf), func() { seal.Seal(out, nonce, buf, nil) })
	}
	return l, errors.Join(append(errs[:], err)...)
}

func sealer() (cipher.AEAD, error) {
	block, err := aes.NewCipher(make([]byte, 32))
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// perCore returns the MB/s at which f handles size bytes.
func perCore(span time.Duration, size int, f func()) float64 {
	began, n := time.Now(), 0
	for time.Since(began) < span {
		f()
		n++
	}
	return float64(n*size) / mb / time.Since(began).Seconds()
}

// writeFsync writes size bytes three times and returns the best rate.
func writeFsync(dir string, size int) (float64, error) {
	const piece = 1 << 20
	buf := make([]byte, piece)
	_, _ = rand.Read(buf)
	best := 0.0
	for range 3 {
		f, err := os.Create(filepath.Join(dir, "sequential"))
		if err != nil {
			return 0, err
		}
		began := time.Now()
		for n := 0; n < size && err == nil; n += piece {
			_, err = f.Write(buf)
		}
		if err == nil {
			err = f.Sync()
		}
		rate := float64(size) / mb / time.Since(began).Seconds()
		if err = errors.Join(err, f.Close(), os.Remove(f.Name())); err != nil {
			return 0, err
		}
		best = max(best, rate)
	}
	return best, nil
}

// fsyncs returns how many appends of 4 KiB per second become durable in files files.
func fsyncs(dir string, files int, span time.Duration) (float64, error) {
	var count atomic.Int64
	var wg sync.WaitGroup
	failed := make([]error, files)
	began := time.Now()
	for i := range files {
		wg.Go(func() {
			f, err := os.CreateTemp(dir, "fsync")
			if err != nil {
				failed[i] = err
				return
			}
			buf := make([]byte, 4096)
			for time.Since(began) < span && failed[i] == nil {
				if _, err := f.Write(buf); err != nil {
					failed[i] = err
				}
				failed[i] = errors.Join(failed[i], f.Sync())
				count.Add(1)
			}
			failed[i] = errors.Join(failed[i], f.Close(), os.Remove(f.Name()))
		})
	}
	wg.Wait()
	return float64(count.Load()) / time.Since(began).Seconds(), errors.Join(failed...)
}

// loopback returns the MB/s that one connection carries.
func loopback(span time.Duration) (float64, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	var read int64
	var readErr error
	done := make(chan struct{})
	go func() {
		defer close(done)
		c, err := l.Accept()
		if err != nil {
			readErr = err
			return
		}
		defer c.Close()
		read, readErr = io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{c}, make([]byte, 1<<20))
	}()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		return 0, err
	}
	buf := make([]byte, 1<<20)
	began := time.Now()
	for time.Since(began) < span && err == nil {
		_, err = c.Write(buf)
	}
	err = errors.Join(err, c.Close())
	<-done
	return float64(read) / mb / time.Since(began).Seconds(), errors.Join(err, readErr)
}
