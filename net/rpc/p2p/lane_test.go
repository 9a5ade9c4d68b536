package p2p

import (
	"bytes"
	"context"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/network"

	"rhizome/base/crew"
	"rhizome/net/rpc"
)

// piped is a stream of a transport that is a pipe.
type piped struct{ net.Conn }

func (p piped) Reset() error { return p.Close() }

// script is a stream that yields bytes and takes what is written.
type script struct {
	io.Reader
	mu  sync.Mutex
	out bytes.Buffer
}

func (s *script) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.Write(p)
}
func (s *script) Close() error                     { return nil }
func (s *script) Reset() error                     { return nil }
func (s *script) CloseWrite() error                { return nil }
func (s *script) SetReadDeadline(time.Time) error  { return nil }
func (s *script) SetWriteDeadline(time.Time) error { return nil }

func config(memory *budget) laneConfig {
	return laneConfig{limit: 1 << 20, works: 8, crew: new(crew.Crew), memory: memory, heard: func() {}, moved: func(time.Duration) {},
		measured: func(time.Duration) {}}
}

func echoing(memory *budget) laneConfig {
	c := config(memory)
	c.serve = func(_ context.Context, _ rpc.Method, b []byte) ([]byte, error) { return b, nil }
	return c
}

// FuzzLane: whatever comes, a lane ends, and holds no memory then.
func FuzzLane(f *testing.F) {
	whole := head{kind: request, size: 2, total: 2, id: 7, method: 1}.append(nil)
	f.Add(append(whole, "hi"...))
	f.Add(append(head{kind: request, flags: more, size: 2, total: 4000, id: 7}.append(nil), "hi"...))
	f.Add(append(append(head{kind: request, flags: more, size: 2, total: 4, id: 7}.append(nil), "hi"...), head{kind: cancel, id: 7}.append(nil)...))
	f.Add(head{kind: request, total: 1 << 31, id: 9}.append(nil))
	f.Add(head{kind: ping, id: 1}.append(nil))
	f.Add(head{kind: fault}.append(nil))
	f.Add(head{kind: 77, flags: more, size: 0, id: 3}.append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		memory := newBudget(1<<21, nil)
		l := newLane(&script{Reader: bytes.NewReader(b)}, echoing(memory))
		l.wait()
		if left := memory.left.Load(); left != 1<<21 {
			t.Fatal("memory is lost", left)
		}
	})
}

// FuzzTransfer: whatever comes, reading ends, with no more bytes than came.
func FuzzTransfer(f *testing.F) {
	f.Add(append(openHead(rpc.Bulk, 3, []byte("head")), chunk(nil, chunkEnd, 0)...))
	f.Add(append(openHead(rpc.Bulk, 3, nil), append(chunk(nil, chunkData, 2), "hi"...)...))
	f.Add(append(openHead(rpc.Bulk, 3, nil), append(chunk(nil, chunkFail, 3), "\x01no"...)...))
	f.Add(openHead(rpc.Bulk, 3, make([]byte, 100))[:50])
	f.Fuzz(func(t *testing.T, b []byte) {
		r := bytes.NewReader(b)
		_, _, head, err := readOpen(r, 1<<20)
		if err != nil {
			return
		}
		tr := &transfer{raw: &script{Reader: r}, first: make(chan struct{}), heard: func() {}, moved: func(time.Duration) {}, gone: func() {}, apart: func(f func()) { f() },
			await: func() func() { return func() {} }}
		tr.ctx, tr.end = context.WithCancel(context.Background())
		tr.readAhead()
		got, _ := io.ReadAll(tr)
		if len(got)+len(head) > len(b) {
			t.Fatal("bytes out of nothing")
		}
		_ = tr.Close()
	})
}

// TestShortOvertakesLong: a short answer does not wait for a long one of the same lane.
// The pipe takes a little at a time, so that what is written first arrives first.
func TestShortOvertakesLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, y := net.Pipe()
		cfg := config(nil)
		asks, serves := newLane(piped{x}, cfg), cfg
		serves.serve = func(_ context.Context, m rpc.Method, _ []byte) ([]byte, error) { return make([]byte, int(m)<<10), nil }
		serves.pace = func(context.Context, int) error { // each write takes its time
			<-time.After(time.Second)
			return nil
		}
		answers := newLane(piped{y}, serves)
		var mu sync.Mutex
		var order []rpc.Method
		var wg sync.WaitGroup
		for _, m := range []rpc.Method{900, 1} {
			wg.Go(func() {
				if got, err := asks.call(t.Context(), m, nil, false); err != nil || len(got) != int(m)<<10 {
					t.Error(len(got), err)
				}
				mu.Lock()
				defer mu.Unlock()
				order = append(order, m)
			})
			synctest.Wait()
		}
		wg.Wait()
		if order[0] != 1 {
			t.Fatal(order)
		}
		asks.fail(io.EOF)
		answers.fail(io.EOF)
		asks.wait()
		answers.wait()
		cfg.crew.Close()
	})
}

// TestBackgroundKeepsToItsRate in fake time.
func TestBackgroundKeepsToItsRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &Host{background: limiter(1), coming: limiter(1)}
		h.SetBackground(1 << 20)
		for _, pace := range []func(context.Context, int) error{h.pace, h.paceComing} {
			began := time.Now()
			for range 5 << 4 {
				if err := pace(t.Context(), 64<<10); err != nil {
					t.Fatal(err)
				}
			}
			if took := time.Since(began).Round(time.Second); took != 5*time.Second {
				t.Fatal(took)
			}
		}
		h.SetBackground(0)
		began := time.Now()
		for range 1000 {
			_ = h.pace(t.Context(), 64<<10)
		}
		if took := time.Since(began); took > time.Second {
			t.Fatal(took)
		}
	})
}

// TestBackgroundComesAtItsRate: whoever reads in the background, long answers and transfers, holds up
// who sends, in fake time.
func TestBackgroundComesAtItsRate(t *testing.T) {
	const size, perSecond = 1 << 20, 64 << 10
	took := func(t *testing.T, f func()) {
		t.Helper()
		began := time.Now()
		f()
		if d := time.Since(began).Round(time.Second); d != (size-writeSize)/perSecond*time.Second {
			t.Error(d)
		}
	}
	host := func() *Host {
		h := &Host{background: limiter(1), coming: limiter(1)}
		h.SetBackground(perSecond)
		return h
	}
	synctest.Test(t, func(t *testing.T) {
		x, y := net.Pipe()
		cfg := config(nil)
		serves := cfg
		serves.serve = func(context.Context, rpc.Method, []byte) ([]byte, error) { return make([]byte, size), nil }
		cfg.came = host().paceAnswers
		asks, answers := newLane(piped{x}, cfg), newLane(piped{y}, serves)
		took(t, func() {
			if got, err := asks.call(t.Context(), 1, nil, false); err != nil || len(got) != size {
				t.Error(len(got), err)
			}
		})
		asks.fail(io.EOF)
		answers.fail(io.EOF)
		asks.wait()
		answers.wait()
		cfg.crew.Close()
	})
	synctest.Test(t, func(t *testing.T) {
		var b []byte
		for range size / sendChunk {
			b = append(chunk(b, chunkData, sendChunk), make([]byte, sendChunk)...)
		}
		tr := &transfer{raw: &script{Reader: bytes.NewReader(append(b, chunk(nil, chunkEnd, 0)...))}, first: make(chan struct{}), heard: func() {}, moved: func(time.Duration) {},
			gone: func() {}, apart: func(f func()) { f() }, await: func() func() { return func() {} }, came: host().paceComing}
		tr.ctx, tr.end = context.WithCancel(t.Context())
		tr.readAhead()
		took(t, func() {
			if got, err := io.ReadAll(tr); err != nil || len(got) != size/sendChunk*sendChunk {
				t.Error(len(got), err)
			}
		})
		_ = tr.Close()
	})
}

// TestRelayedKeepsToItsRate in fake time, of all streams together.
func TestRelayedKeepsToItsRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &Host{relayed: limiter(0)}
		h.SetRelayRate(1 << 20)
		began := time.Now()
		var wg sync.WaitGroup
		for range 2 {
			s := &slowStream{written{}, h.relayed}
			wg.Go(func() {
				for range 10 << 20 / maxChunk / 2 {
					if _, err := s.Write(make([]byte, maxChunk)); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if took := time.Since(began).Round(time.Second); took != 10*time.Second {
			t.Error(took)
		}
	})
}

// written takes all.
type written struct{ network.Stream }

func (written) Write(b []byte) (int, error) { return len(b), nil }

// deaf is a stream of requests without end whose other side reads nothing.
type deaf struct {
	ask  []byte
	gone chan struct{}
	once sync.Once
}

func (d *deaf) Read(p []byte) (int, error) {
	select {
	case <-d.gone:
		return 0, io.EOF
	default:
		return copy(p, d.ask), nil
	}
}
func (d *deaf) Write([]byte) (int, error) { <-d.gone; return 0, io.EOF }
func (d *deaf) Close() error              { return d.Reset() }
func (d *deaf) Reset() error              { d.once.Do(func() { close(d.gone) }); return nil }

// TestDeaf: who asks for ever and reads no answer loses the lane before the answers have
// taken much memory.
func TestDeaf(t *testing.T) {
	for name, ask := range map[string]head{
		"refused":  {kind: request, id: 1, total: 1 << 30},
		"answered": {kind: request, id: 1},
	} {
		t.Run(name, func(t *testing.T) {
			frame := ask.append(nil)
			d := &deaf{ask: frame, gone: make(chan struct{})}
			heard, cfg := 0, echoing(newBudget(1<<21, nil))
			cfg.heard = func() {
				if heard++; heard > 100_000 {
					_ = d.Reset()
				}
			}
			newLane(d, cfg).wait()
			if heard > 100_000 {
				t.Fatal("as much is answered as is asked")
			}
		})
	}
}
