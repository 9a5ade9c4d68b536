package p2p

import (
	"sync/atomic"
	"time"

	"rhizome/net/rpc"
)

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

func (g *gauge) rate(now int64) int {
	g.turn(now / int64(time.Second))
	return int(max(g.count.Load(), g.so.Load()))
}

// Load returns how many calls a second that people wait for were asked of this node and by
// it lately, right to a second. One request of a client costs about ten.
func (h *Host) Load() int { return h.asked.rate(h.now()) }
