package p2p_test

import (
	"io"
	"net"
	"runtime"
	"testing"

	"rhizome/base/errs"
	"rhizome/net/rpc"
	"rhizome/net/rpc/p2p"
	"rhizome/net/rpc/rpctest"
)

// TestTaken: a port that another program has is an error, and not half a node.
func TestTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, at := range []string{l.Addr().String(), "nowhere", "example.org:1"} {
		h, err := p2p.New(p2p.Options{Key: rpctest.Key(1), Listen: []string{at}})
		if err != nil {
			t.Fatal(err)
		}
		if h.Start() == nil {
			t.Error("started at " + at)
		}
		if err := h.Start(); errs.KindOf(err) != errs.Conflict {
			t.Errorf("started after it failed: %v", err)
		}
		_ = h.Close()
	}
}

// TestMemory: links that stand idle hold little.
func TestMemory(t *testing.T) {
	g := rpctest.NewGuard(1, 2, 3)
	before := heap()
	o := p2p.Options{Listen: []string{"127.0.0.1:0"}}
	var all []*p2p.Host
	for i := 1; i <= 3; i++ {
		all = append(all, startWith(t, i, g, rpctest.NewService().Register, o))
	}
	for _, a := range all {
		for _, b := range all {
			if a == b {
				continue
			}
			rpctest.Meet(t, a, b)
			for class := rpc.Control; class <= rpc.Background; class++ {
				if _, err := a.Call(rpctest.Patient(t), b.Self(), class, echo, make([]byte, 1<<20)); err != nil {
					t.Fatal(err)
				}
			}
			s, err := a.Open(rpctest.Patient(t), b.Self(), rpc.Bulk, mirror, nil)
			if err != nil {
				t.Fatal(err)
			}
			_ = s.CloseWrite()
			if _, err := io.ReadAll(s); err != nil {
				t.Fatal(err)
			}
			_ = s.Close()
		}
	}
	rise := int64(heap() - before)
	t.Logf("three nodes hold %d KiB", rise>>10)
	if rise > 3*4<<20 {
		t.Fatal("three idle nodes hold too much", rise)
	}
}

func heap() uint64 {
	runtime.GC()
	runtime.GC() // what pools keep goes with the second
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}
