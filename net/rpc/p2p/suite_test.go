package p2p_test

import (
	"log/slog"
	"os"
	"testing"

	"rhizome/net/rpc"
	"rhizome/net/rpc/p2p"
	"rhizome/net/rpc/rpctest"
)

func start(t *testing.T, i int, guard rpc.Guard, register func(rpctest.Node)) rpctest.Node {
	return startWith(t, i, guard, register, p2p.Options{Listen: []string{"127.0.0.1:0"}})
}

func startWith(t testing.TB, i int, guard rpc.Guard, register func(rpctest.Node), o p2p.Options) *p2p.Host {
	t.Helper()
	o.Key, o.Guard = rpctest.Key(i), guard
	if testing.Verbose() {
		o.Log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug})).With("at", i)
	}
	h, err := p2p.New(o)
	if err != nil {
		t.Fatal(err)
	}
	register(h)
	if err := h.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return h
}

func TestSuite(t *testing.T) { rpctest.Run(t, start) }
