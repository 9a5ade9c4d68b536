package p2p_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rhizome/base/errs"
	"rhizome/net/rpc"
	"rhizome/net/rpc/rpctest"
)

// hole is a way to an address that swallows everything once it is told to.
type hole struct {
	net.Listener
	swallow atomic.Bool
	plug    atomic.Bool   // it takes nothing any more
	gone    chan struct{} // closed in the end
	wg      sync.WaitGroup
}

func newHole(t *testing.T, to string) *hole {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &hole{Listener: l, gone: make(chan struct{})}
	var mu sync.Mutex
	var open []net.Conn
	carry := func(dst, src net.Conn) {
		b := make([]byte, 32<<10)
		for {
			n, err := src.Read(b)
			if err != nil {
				_ = dst.Close()
				return
			}
			if h.plug.Load() {
				<-h.gone
				return
			}
			if !h.swallow.Load() {
				_, _ = dst.Write(b[:n])
			}
		}
	}
	h.wg.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to)
			if err != nil {
				_ = in.Close()
				continue
			}
			mu.Lock()
			open = append(open, in, out)
			mu.Unlock()
			h.wg.Go(func() { carry(out, in) })
			h.wg.Go(func() { carry(in, out) })
		}
	})
	t.Cleanup(func() {
		close(h.gone)
		_ = l.Close()
		mu.Lock()
		for _, c := range open {
			_ = c.Close()
		}
		mu.Unlock()
		h.wg.Wait()
	})
	return h
}

// TestSilence: a link through which nothing comes any more is dropped, and what was asked
// fails long before the caller would give up.
func TestSilence(t *testing.T) {
	g, atB := rpctest.NewGuard(1, 2), rpctest.NewService()
	a := start(t, 1, g, rpctest.NewService().Register)
	b := start(t, 2, g, atB.Register)
	h := throughHole(t, a, b)
	if _, err := a.Call(rpctest.Patient(t), b.Self(), rpc.Urgent, echo, nil); err != nil {
		t.Fatal(err)
	}
	rpctest.Await(t, "a measured distance", func() bool {
		rtt, up := a.Distance(b.Self())
		return rtt > 0 && up
	})
	s, err := a.Open(rpctest.Patient(t), b.Self(), rpc.Bulk, mirror, []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := io.ReadFull(s, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	h.swallow.Store(true)
	ctx := rpctest.Patient(t)
	if _, err := a.Call(ctx, b.Self(), rpc.Urgent, echo, nil); !errors.Is(err, errs.Unavailable) || ctx.Err() != nil {
		t.Fatal(err, ctx.Err())
	}
	if _, err := s.Read(make([]byte, 1)); !errors.Is(err, errs.Unavailable) {
		t.Fatal(err)
	}
	rpctest.Await(t, "the link to be down", func() bool {
		_, up := a.Distance(b.Self())
		return !up
	})
	h.swallow.Store(false)
	rpctest.Await(t, "the link to be up again", func() bool {
		_, err := a.Call(rpctest.Patient(t), b.Self(), rpc.Urgent, echo, nil)
		return err == nil
	})
}

// throughHole has a reach b through a hole.
func throughHole(t *testing.T, a, b rpctest.Node) *hole {
	t.Helper()
	var at string
	for _, s := range b.Addresses() {
		if rest, ok := strings.CutPrefix(s, "/ip4/127.0.0.1/tcp/"); ok {
			at = "127.0.0.1:" + rest
		}
	}
	h := newHole(t, at)
	_, port, _ := net.SplitHostPort(h.Addr().String())
	if err := a.SetAddresses(b.Self(), []string{fmt.Sprintf("/ip4/127.0.0.1/tcp/%s", port)}); err != nil {
		t.Fatal(err)
	}
	return h
}

// TestMuteLink: who closes a stream, or gives up opening one, does not wait for a link
// that takes nothing any more.
func TestMuteLink(t *testing.T) {
	g := rpctest.NewGuard(1, 2)
	a, b := start(t, 1, g, rpctest.NewService().Register), start(t, 2, g, rpctest.NewService().Register)
	h := throughHole(t, a, b)
	var open []rpc.Stream
	for range 32 { // more than the transport holds back
		s, err := a.Open(rpctest.Patient(t), b.Self(), rpc.Bulk, sink, nil)
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, s)
	}
	h.plug.Store(true)
	var wrote sync.WaitGroup
	for _, s := range open {
		wrote.Go(func() {
			for b := make([]byte, 64<<10); ; {
				if _, err := s.Write(b); err != nil {
					return
				}
			}
		})
	}
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	for ctx.Err() == nil {
		s, err := a.Open(ctx, b.Self(), rpc.Bulk, sink, make([]byte, 64<<10))
		if err != nil {
			break
		}
		open = append(open, s)
	}
	for _, s := range open {
		_ = s.Close()
	}
	wrote.Wait()
	if _, up := a.Distance(b.Self()); !up {
		t.Error("it took until the link was dropped")
	}
}
