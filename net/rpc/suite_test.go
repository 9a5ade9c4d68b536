package rpc_test

import (
	"testing"

	"rhizome/net/rpc"
	"rhizome/net/rpc/rpctest"
)

func TestMemorySuite(t *testing.T) {
	nets := map[*testing.T]*rpc.Memory{}
	rpctest.Run(t, func(t *testing.T, i int, guard rpc.Guard, register func(rpctest.Node)) rpctest.Node {
		if nets[t] == nil {
			nets[t] = rpc.NewMemory(rpc.MemoryOptions{})
			t.Cleanup(nets[t].Close)
		}
		n := nets[t].Node(rpctest.ID(i), guard)
		register(n)
		return n
	})
}
