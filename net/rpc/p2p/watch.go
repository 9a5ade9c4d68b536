package p2p

import (
	"context"
	"time"

	"rhizome/net/rpc"
)

// watch looks after the links on which something is asked for, until the host closes.
// When nothing is, it sleeps.
func (h *Host) watch() {
	for {
		select {
		case <-h.ctx.Done():
			return
		case <-h.stir:
		}
		h.watchOn()
	}
}

// watchOn looks every now and then, until nothing is asked for.
func (h *Host) watchOn() {
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		select {
		case <-h.ctx.Done():
			return
		case <-tick.C:
		}
		any := false
		for _, p := range h.everyone() {
			if p.waiting.Load() > 0 {
				any = true
				h.see(p, h.now())
			}
		}
		if !any {
			return
		}
	}
}

func (h *Host) everyone() []*peer {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := make([]*peer, 0, len(h.peers))
	for _, p := range h.peers {
		all = append(all, p)
	}
	return all
}

// see pings a peer of which nothing was heard, and drops the link if it does not answer.
func (h *Host) see(p *peer, now int64) {
	probed := p.probedAt.Load()
	switch {
	case probed == 0 && now-p.heardAt.Load() > int64(quiet):
		p.probedAt.Store(now)
		h.probe(p)
	case probed != 0 && now-probed > int64(silent):
		h.log.Info("a node does not answer: its link is dropped", "node", p.id)
		h.drop(p)
	}
}

// probe pings on a lane that stands, or opens one, which is as good. That of Background may
// be waiting for its limit.
func (h *Host) probe(p *peer) {
	for i := range p.lanes {
		if l := p.lanes[i].lane.Load(); l != nil && l.alive() && i != int(rpc.Background) {
			l.probe()
			return
		}
	}
	h.spawn(func() {
		ctx, end := context.WithTimeout(h.ctx, silent)
		defer end()
		if l, err := h.lane(ctx, p, int(rpc.Control)); err == nil {
			l.probe()
		}
	})
}

// drop ends the links to a peer. What is under way fails at once.
func (h *Host) drop(p *peer) {
	p.heard(h.now())
	p.rtt.Store(0)
	h.spawn(func() { _ = h.net.Network().ClosePeer(p.pid) })
	for i := range p.lanes {
		if l := p.lanes[i].lane.Load(); l != nil {
			h.spawn(func() { l.fail(rpc.Broken("node %v does not answer", p.id)) })
		}
	}
}
