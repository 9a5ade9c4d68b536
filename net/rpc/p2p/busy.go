package p2p

import (
	"sync/atomic"
	"time"

	"rhizome/net/rpc"
)

// busyRate is from how many calls a second on, asked and answered, somebody is at work
// whom background work hinders. One request of a client costs about ten.
const busyRate = 20

// gauge counts calls of the classes that people wait for. It is right to a second.
type gauge struct {
	second    atomic.Int64 // since the host's birth
	count, so atomic.Int64 // in that second, and in the one before
}

func (g *gauge) note(class rpc.Class, now int64) {
	if class != rpc.Urgent && class != rpc.Bulk {
		return
	}
	g.turn(now / int64(time.Second))
	g.count.Add(1)
}

// turn begins another second.
func (g *gauge) turn(second int64) {
	last := g.second.Load()
	if last == second || !g.second.CompareAndSwap(last, second) {
		return
	}
	n := g.count.Swap(0)
	if second > last+1 {
		n = 0
	}
	g.so.Store(n)
}

func (g *gauge) busy(now int64) bool {
	g.turn(now / int64(time.Second))
	return max(g.count.Load(), g.so.Load()) >= busyRate
}

// Busy reports whether so much is asked of this node and by it, lately, that background
// work has to give way.
func (h *Host) Busy() bool { return h.asked.busy(h.now()) }
