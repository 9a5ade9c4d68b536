package p2p

import (
	"context"
	"time"

	"github.com/libp2p/go-libp2p/core/network"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/net/rpc"
)

// Open implements rpc.Links. The context is that of opening alone. It returns before the
// other side knows; that it refuses is what the first Read fails with.
func (h *Host) Open(ctx context.Context, to ident.NodeID, class rpc.Class, m rpc.Method, head []byte) (rpc.Stream, error) {
	if len(head) > rpc.MaxMessage {
		return nil, rpc.TooLong(len(head), rpc.MaxMessage)
	}
	if to == h.self {
		return h.loop.Open(ctx, to, class, m, head)
	}
	p, err := h.peer(to)
	if err != nil {
		return nil, err
	}
	select {
	case p.opens <- struct{}{}:
	case <-ctx.Done():
		return nil, rpc.Broken("too many streams to node %v are open: %w", to, ctx.Err())
	}
	t, err := h.openOn(ctx, p, class, openHead(class, m, head))
	if err != nil {
		<-p.opens
		return nil, err
	}
	return t, nil
}

func (h *Host) openOn(ctx context.Context, p *peer, class rpc.Class, first []byte) (*transfer, error) {
	proto, limit := transferProto, int64(0)
	if !h.member(p.id) {
		proto, limit = anyoneTransferProto, strangerBytes
	}
	raw, err := h.stream(ctx, p, proto)
	if err != nil {
		return nil, err
	}
	t := h.transfer(raw, p, class, limit)
	t.gone = func() { <-p.opens }
	stop := context.AfterFunc(ctx, func() { _ = raw.SetWriteDeadline(time.Unix(1, 0)) })
	err = t.push(first)
	if !stop() && err == nil {
		err = rpc.Broken("node %v was not asked: %w", p.id, ctx.Err())
	}
	if err != nil {
		h.apart(func() { _ = raw.Reset() })
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		_ = raw.Reset()
		return nil, closed()
	}
	h.wg.Go(t.readAhead)
	return t, nil
}

func (h *Host) transfer(raw network.Stream, p *peer, class rpc.Class, limit int64) *transfer {
	t := &transfer{raw: raw, limit: limit, moved: h.moved(p), heard: func() { p.heard(h.now()) }, first: make(chan struct{}), apart: h.apart}
	t.await = func() func() { return func() {} }
	if limit == 0 { // a stranger's link ends soon anyway
		t.await = func() func() { return h.expect(p) }
	}
	t.ctx, t.end = context.WithCancel(h.ctx)
	if class >= rpc.Background {
		t.pace, t.came = h.pace, h.paceComing
	}
	return t
}

// acceptTransfer serves a transfer that another node opened.
func (h *Host) acceptTransfer(raw network.Stream, member bool) {
	p, ok := h.admit(raw, member)
	if !ok {
		h.refuseTransfer(raw, rpc.NotMember())
		return
	}
	most, limit := int64(2*peerTransfers), int64(0) // who closed one may open another before we are through
	if !member {
		most, limit = strangerTransfers, strangerBytes
	}
	defer p.serving.Add(-1)
	if p.serving.Add(1) > most || !member && !h.strange.Allow() {
		h.refuseTransfer(raw, errs.New(errs.Unavailable, "the node has too much to do: too many streams at once"))
		return
	}
	_ = raw.SetReadDeadline(time.Now().Add(openTime)) // stopwatch
	class, m, head, err := readOpen(raw, messageLimit(member))
	if err != nil {
		h.refuseTransfer(raw, err)
		return
	}
	_ = raw.SetReadDeadline(time.Time{})
	t := h.transfer(raw, p, class, limit)
	close(t.first)
	t.gone = func() {}
	h.serve(t, p, m, head, member)
}

// serve runs a transfer's handler.
func (h *Host) serve(t *transfer, p *peer, m rpc.Method, head []byte, member bool) {
	f, err := h.Table.Stream(m, member, len(head))
	if err == nil {
		ctx := h.linkOf(t.raw.(network.Stream).Conn())
		err = f(ctx, p.id, head, t)
	}
	t.settle(err)
}

// refuseTransfer says why, to whoever reads it.
func (h *Host) refuseTransfer(raw network.Stream, why error) {
	f := rpc.EncodeFault(why)
	_ = raw.SetWriteDeadline(time.Now().Add(openTime)) // stopwatch
	if _, err := raw.Write(append(chunk(nil, chunkFail, len(f)), f...)); err != nil {
		_ = raw.Reset()
		return
	}
	_ = raw.Close()
}
