package p2p_test

import (
	"fmt"
	"io"
	"testing"

	"rhizome/net/rpc"
	"rhizome/net/rpc/p2p"
	"rhizome/net/rpc/rpctest"
)

func benchPair(b *testing.B) (x, y *p2p.Host) {
	g := rpctest.NewGuard(1, 2)
	o := p2p.Options{Listen: []string{"127.0.0.1:0"}}
	x, y = startWith(b, 1, g, rpctest.NewService().Register, o), startWith(b, 2, g, rpctest.NewService().Register, o)
	if err := x.SetAddresses(y.Self(), y.Addresses()); err != nil {
		b.Fatal(err)
	}
	return x, y
}

// BenchmarkCall measures calls one after another and side by side.
func BenchmarkCall(b *testing.B) {
	for _, size := range []int{100, 10 << 10, 1 << 20} {
		b.Run(fmt.Sprintf("%d bytes", size), func(b *testing.B) {
			x, y := benchPair(b)
			in := make([]byte, size)
			b.SetBytes(int64(2 * size))
			for b.Loop() {
				if _, err := x.Call(b.Context(), y.Self(), rpc.Urgent, echo, in); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("%d bytes, 64 at once", size), func(b *testing.B) {
			x, y := benchPair(b)
			in := make([]byte, size)
			b.SetBytes(int64(2 * size))
			b.SetParallelism(32)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := x.Call(b.Context(), y.Self(), rpc.Urgent, echo, in); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}

// BenchmarkStream measures bytes one way, a MiB at a time.
func BenchmarkStream(b *testing.B) {
	const source rpc.Method = 0x0507
	x, y := benchPair(b)
	s, err := x.Open(b.Context(), y.Self(), rpc.Bulk, source, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	buf := make([]byte, 1<<20)
	b.SetBytes(1 << 20)
	for b.Loop() {
		if _, err := io.ReadFull(s, buf); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOpen measures short streams, each opened and closed.
func BenchmarkOpen(b *testing.B) {
	x, y := benchPair(b)
	for b.Loop() {
		s, err := x.Open(b.Context(), y.Self(), rpc.Urgent, mirror, []byte("head"))
		if err != nil {
			b.Fatal(err)
		}
		_ = s.CloseWrite()
		if _, err := io.ReadAll(s); err != nil {
			b.Fatal(err)
		}
		_ = s.Close()
	}
}
