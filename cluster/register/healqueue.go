package register

import (
	"maps"
	"sync"
	"time"

	"rhizome/base/ident"
)

// heal is what is yet to be compared. Each node has a pause of its own: one that is away
// does not hold up what others missed.
type heal struct {
	mu      sync.Mutex
	nodes   map[ident.NodeID]*toHeal
	running int
	wake    chan struct{}
}

// toHeal is what is to be compared with one node.
type toHeal struct {
	due        bool
	partitions map[int]struct{} // of what is due; nil: all that are shared
	at         time.Time        // when it is due; a stopwatch
	pause      time.Duration    // the last one
	running    bool
	linked     bool // the link came up while running
}

// add says that a node may have missed something in partitions; none: in all.
func (h *heal) add(n ident.NodeID, partitions ...int) {
	h.mu.Lock()
	h.put(n, setOf(partitions))
	h.mu.Unlock()
	h.poke()
}

// link says that a node can be reached again.
func (h *heal) link(n ident.NodeID) {
	h.mu.Lock()
	e := h.put(n, nil)
	e.pause, e.linked = healSoon, e.running
	if soon := time.Now().Add(healSoon); soon.Before(e.at) { // a stopwatch
		e.at = soon
	}
	h.mu.Unlock()
	h.poke()
}

func (h *heal) poke() {
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

func setOf(partitions []int) map[int]struct{} {
	if len(partitions) == 0 {
		return nil
	}
	set := make(map[int]struct{}, len(partitions))
	for _, p := range partitions {
		set[p] = struct{}{}
	}
	return set
}

// put adds to what is due with a node; nil: all. mu is held.
func (h *heal) put(n ident.NodeID, partitions map[int]struct{}) *toHeal {
	if h.nodes == nil {
		h.nodes = make(map[ident.NodeID]*toHeal)
	}
	e := h.nodes[n]
	if e == nil {
		e = &toHeal{pause: healSoon, at: time.Now().Add(healSoon)} // a stopwatch
		h.nodes[n] = e
	}
	switch {
	case partitions == nil || !e.due:
		e.partitions = partitions
	case e.partitions != nil:
		maps.Copy(e.partitions, partitions)
	}
	e.due = true
	return e
}

// begin calls run, which does not wait, for each node that something is due with, but for
// those it runs for and at most healNodes at once. It returns how long to wait for the next.
func (h *heal) begin(run func(ident.NodeID, map[int]struct{})) (wait time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	wait = healRarely
	for n, e := range h.nodes {
		if !e.due || e.running || h.running >= healNodes {
			continue
		}
		if left := time.Until(e.at); left > 0 { // a stopwatch
			wait = min(wait, left)
			continue
		}
		h.running++
		e.running, e.due = true, false
		run(n, e.partitions)
	}
	return wait
}

// ended notes how a comparison went that begin began. One that failed is made again after
// a pause that grows, together with what was missed meanwhile.
func (h *heal) ended(n ident.NodeID, partitions map[int]struct{}, err error) {
	h.mu.Lock()
	e := h.nodes[n]
	h.running--
	e.running = false
	if err == nil {
		e.pause = healSoon
	} else {
		h.put(n, partitions)
		if !e.linked {
			e.pause = min(2*e.pause, healLate)
		}
	}
	e.linked = false
	e.at = time.Now().Add(e.pause) // a stopwatch
	if !e.due {
		delete(h.nodes, n)
	}
	h.mu.Unlock()
	h.poke()
}
