package object_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"rhizome/base/errs"
	"rhizome/base/vfs"
	"rhizome/model/object"
)

// stalling yields n bytes and then nothing until it is let go on or stopped.
type stalling struct {
	n       int
	noise   []byte
	stalled *atomic.Int32
	goOn    chan struct{}
	stop    chan struct{}
}

func (r *stalling) Read(p []byte) (int, error) {
	if r.n == 0 {
		r.stalled.Add(1)
		select {
		case <-r.goOn:
			return 0, io.EOF
		case <-r.stop:
			return 0, os.ErrDeadlineExceeded
		}
	}
	n := copy(p[:min(r.n, len(p))], r.noise)
	r.n -= n
	return n, nil
}

// stall begins that many bodies, each of which stops after so many bytes, and returns
// what they hold then, how many stopped there, and what came of them in the end. Beside
// them others come on.
func stall(t *testing.T, bodies, sent int) (held uint64, stalled int, ends []error) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixtureOn(t, vfs.Default) // whose writes pass the page cache by
		var n atomic.Int32
		var wg sync.WaitGroup
		noise := random(1 << 20) // what can be compressed takes no room
		goOn, before := make(chan struct{}), heap()
		ends = make([]error, bodies)
		for i := range bodies {
			wg.Go(func() {
				stop := make(chan struct{})
				b := object.Body{Reader: &stalling{sent, noise, &n, goOn, stop}, Size: 50 << 20, Stop: sync.OnceFunc(func() { close(stop) })}
				_, ends[i] = f.Objects.Put(f.ctx, f.b, object.Put{Key: fmt.Sprint(i), Body: b})
			})
		}
		synctest.Wait()
		held, stalled = heap()-before, int(n.Load())
		for i := range 3 {
			f.put(fmt.Sprint("beside", i), random(i*700<<10+300<<10))
		}
		f.put("beside of 1 MiB", random(1<<20))
		close(goOn)
		wg.Wait()
		f.put("after", random(3<<20))
	})
	return held, stalled, ends
}

func heap() uint64 {
	runtime.GC()
	runtime.GC() // what pools keep goes with the second
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestStalledBodies: what bodies hold while they wait for their clients is bounded,
// however many they are and wherever they stopped.
func TestStalledBodies(t *testing.T) {
	for _, c := range []struct{ sent, held, stalled int }{
		{100, 20 << 20, 300}, {1 << 20, 40 << 20, 300},
		{16<<10 + 1, 40 << 20, 128}, {200 << 10, 60 << 20, 64}, {1000 << 10, 100 << 20, 40}, {1<<20 + 100<<10, 100 << 20, 40},
	} {
		t.Chdir(t.TempDir())
		held, stalled, ends := stall(t, 300, c.sent)
		if held > uint64(c.held) || stalled != c.stalled {
			t.Errorf("%d bodies that stopped after %d bytes hold %d MiB", stalled, c.sent, held>>20)
		}
		for _, err := range ends {
			if !errors.Is(err, object.ErrShortBody) && !errors.Is(err, errs.Unavailable) {
				t.Error(err)
			}
		}
	}
}

// TestNoRoomInMemory: a body that finds no room for its bytes waits, and is told to come
// back when that takes too long; small ones pass by.
func TestNoRoomInMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		giveBack := f.Objects.FillMemory()
		f.put("small", random(10<<10))
		f.put("inline", random(100))
		large := random(3 << 20)
		_, err := f.Objects.Put(f.ctx, f.b, object.Put{Key: "k", Body: body(large)})
		if !errors.Is(err, errs.Unavailable) {
			t.Error(err)
		}
		ctx, cancel := context.WithCancel(f.ctx)
		done := make(chan error)
		go func() {
			_, err := f.Objects.Put(ctx, f.b, object.Put{Key: "k", Body: body(large)})
			done <- err
		}()
		synctest.Wait()
		cancel()
		if err := <-done; !errors.Is(err, errs.Unavailable) {
			t.Error(err)
		}
		go func() {
			_, err := f.Objects.Put(f.ctx, f.b, object.Put{Key: "k", Body: body(large)})
			done <- err
		}()
		synctest.Wait()
		giveBack()
		if err := <-done; err != nil {
			t.Error(err)
		}
		f.same("k", large)
	})
}

// TestPieceSizes: bodies that end around the bounds of chunks, frames and extents come
// back as they were, of known length or not, from readers that give what they like.
func TestPieceSizes(t *testing.T) {
	f := newFixture(t)
	for _, n := range []int{16<<10 + 1, 32 << 10, 64<<10 + 1, 128<<10 + 1, 1<<20 - 1, 1 << 20, 1<<20 + 1, 1<<20 + 16<<10, 2 << 20, 64<<20 - 1, 64 << 20, 64<<20 + 1} {
		want := random(n)
		sizes := []int64{int64(n), -1}
		if n > 2<<20 {
			sizes = sizes[n&1 : 1+n&1] // one of them: each costs a while
		}
		for _, size := range sizes {
			b := body(want)
			b.Reader, b.Size = io.MultiReader(bytes.NewReader(want[:n/3]), bytes.NewReader(want[n/3:])), size
			if _, err := f.Objects.Put(f.ctx, f.b, object.Put{Key: "k", Body: b}); err != nil {
				t.Fatal(n, size, err)
			}
			f.same("k", want)
		}
		for _, wrong := range []int64{int64(n) - 1, int64(n) + 1} {
			if n > 2<<20 {
				break
			}
			b := body(want)
			b.Size = wrong
			if _, err := f.Objects.Put(f.ctx, f.b, object.Put{Key: "k", Body: b}); !errors.Is(err, errs.Invalid) {
				t.Error(n, wrong, err)
			}
		}
	}
}

// slow yields a piece each second.
type slow struct{ left int }

func (r *slow) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	<-time.After(time.Second)
	n := min(r.left, len(p), 10<<10)
	r.left -= n
	return n, nil
}

// TestSlowBodies: those that come on are not ended, though others wait, and one that is
// silent is not ended if nobody waits.
func TestSlowBodies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		var wg sync.WaitGroup
		for i := range 100 {
			wg.Go(func() {
				b := object.Body{Reader: &slow{300 << 10}, Size: 300 << 10, Stop: func() { t.Error("a body that comes on is stopped") }}
				if _, err := f.Objects.Put(f.ctx, f.b, object.Put{Key: fmt.Sprint(i), Body: b}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	})
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		var n atomic.Int32
		r := &stalling{1000 << 10, random(1 << 20), &n, make(chan struct{}), nil}
		time.AfterFunc(time.Hour, func() { close(r.goOn) })
		b := object.Body{Reader: r, Size: 2 << 20, Stop: func() { t.Error("a body that is in nobody's way is stopped") }}
		if _, err := f.Objects.Put(f.ctx, f.b, object.Put{Key: "k", Body: b}); !errors.Is(err, object.ErrShortBody) {
			t.Error(err)
		}
	})
}
