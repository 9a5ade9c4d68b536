package p2p

import (
	"context"
	"errors"

	"github.com/libp2p/go-libp2p/core/network"

	"rhizome/base/ident"
	"rhizome/net/rpc"
)

// Call implements rpc.Links.
func (h *Host) Call(ctx context.Context, to ident.NodeID, class rpc.Class, m rpc.Method, request []byte) ([]byte, error) {
	if len(request) > rpc.MaxMessage {
		return nil, rpc.TooLong(len(request), rpc.MaxMessage)
	}
	if to == h.self {
		return h.loop.Call(ctx, to, class, m, request)
	}
	p, err := h.peer(to)
	if err != nil {
		return nil, err
	}
	if h.member(to) {
		data, err := h.callOn(ctx, p, int(min(class, rpc.Background)), m, request)
		if refused := (refusal{}); !errors.As(err, &refused) {
			return data, err
		} // we may be a stranger to it, and the method open to strangers
	}
	if len(request) > rpc.MaxStranger {
		return nil, rpc.NotMember()
	}
	data, err := h.callOn(ctx, p, classes, m, request)
	if refused := (refusal{}); errors.As(err, &refused) {
		err = refused.error
	}
	return data, err
}

func (h *Host) callOn(ctx context.Context, p *peer, at int, m rpc.Method, request []byte) ([]byte, error) {
	if ctx.Err() != nil {
		return nil, rpc.Broken("node %v was not asked: %w", p.id, ctx.Err())
	}
	l, err := h.lane(ctx, p, at)
	if err != nil {
		return nil, err
	}
	h.asked.note(rpc.Class(at), h.now())
	defer h.expect(p)()
	return l.call(ctx, m, request, at <= int(rpc.Urgent) && h.timeToMeasure(p))
}

// timeToMeasure reports whether a ping belongs beside the next call.
func (h *Host) timeToMeasure(p *peer) bool {
	last, now := p.sampled.Load(), h.now()
	return (last == 0 || now-last > int64(measureEach)) && p.sampled.CompareAndSwap(last, now)
}

// expect notes that something is asked of a peer, until the function that it returns is
// called. The watch looks after it meanwhile.
func (h *Host) expect(p *peer) func() {
	if p.waiting.Add(1) == 1 {
		p.heard(h.now())
		select {
		case h.stir <- struct{}{}:
		default:
		}
	}
	return func() { p.waiting.Add(-1) }
}

// acceptLane serves a lane that another node opened.
func (h *Host) acceptLane(raw network.Stream, member bool) {
	p, class, ok := h.welcome(raw, member)
	if !ok {
		return
	}
	cfg := laneConfig{limit: messageLimit(member), works: peerWorks, serve: func(ctx context.Context, m rpc.Method, request []byte) ([]byte, error) {
		if member && !h.member(p.id) {
			return nil, rpc.NotMember()
		}
		if !member && !h.strange.Allow() {
			return nil, rpc.Broken("too many strangers ask at once; try again in a minute")
		}
		h.asked.note(class, h.now())
		f, err := h.Table.Call(m, member, len(request))
		if err != nil {
			return nil, err
		}
		if class == rpc.Background {
			ctx = rpc.Behind(ctx)
		}
		return f(ctx, p.id, request)
	}}
	if !member {
		cfg.works, cfg.memory = strangerWorks, h.guest
	}
	h.start(raw, p, class, cfg)
}
