package p2p_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"rhizome/base/errs"
	"rhizome/net/rpc"
	"rhizome/net/rpc/rpctest"
)

// hole is a way to an address that swallows everything once it is told to.
type hole struct {
	net.Listener
	swallow atomic.Bool
	wg      sync.WaitGroup
}

func newHole(t *testing.T, to string) *hole {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &hole{Listener: l}
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
