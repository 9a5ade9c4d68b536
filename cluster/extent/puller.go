package extent

import (
	"context"
	"errors"
	"time"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/net/rpc"
)

// puller fetches frames from one holder for a swarm, whose mu guards what is below it
// but for st, order, frames and heard.
type puller struct {
	w      *swarm
	node   ident.NodeID
	frames int // that the extent has
	mute   time.Duration
	wake   chan struct{}
	heard  stamp // when bytes came last
	st     rpc.Stream
	order  []int // asked for and not come yet

	ctx     context.Context
	stop    context.CancelFunc
	began   time.Duration
	met     bool // it said that it has the extent
	started bool
	dead    error                 // it is given up, and why
	refused map[int]error         // what it cannot give
	asked   map[int]time.Duration // when it was asked
	given   int
	pace    time.Duration // one frame takes about so long
}

func (p *puller) poke() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// run fetches what pick says until the swarm closes or the holder fails. A stream that
// broke after it had given frames is opened once more: it may have been idle too long.
func (p *puller) run() {
	defer p.stop()
	for {
		before := p.count()
		err := p.session()
		if p.ctx.Err() != nil {
			return
		}
		p.w.mu.Lock()
		p.w.lost(p)
		p.order = nil
		if p.given > before && errors.Is(err, errs.Unavailable) {
			p.w.mu.Unlock()
			continue
		}
		p.dead = err
		p.w.poke()
		p.w.mu.Unlock()
		return
	}
}

func (p *puller) count() int {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	return p.given
}

// session is one stream's life.
func (p *puller) session() (err error) {
	w := p.w
	if p.st, err = w.s.getFrom(p.ctx, p.node, rpc.Urgent, w.id, false); err != nil {
		return err
	}
	st := p.st
	defer st.Close()
	defer context.AfterFunc(p.ctx, func() { _ = st.Close() })()
	greeted := false
	for {
		if err := p.request(); err != nil {
			return p.reason(greeted, err)
		}
		if !greeted {
			h, err := readGotHead(pulse{p})
			if err != nil {
				return err
			}
			if h.Frames != p.frames {
				w.s.accuse(p.node, w.id)
				return errs.Newf(errs.Corrupt, "extent %s has %d frames on node %s, not %d", w.id, h.Frames, p.node, p.frames)
			}
			greeted = true
			p.greeted()
		}
		if len(p.order) == 0 {
			select {
			case <-p.wake:
				continue
			case <-p.ctx.Done():
				return p.ctx.Err()
			}
		}
		if err := p.one(); err != nil {
			return err
		}
	}
}

// reason is why a stream broke: the holder's word, if it has not been read yet.
func (p *puller) reason(greeted bool, err error) error {
	if !greeted {
		if _, said := readGotHead(pulse{p}); said != nil {
			return said
		}
	}
	return err
}

// greeted tells who waits for no frame that the holder has the extent.
func (p *puller) greeted() {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	p.w.seen, p.met = true, true
	p.w.poke()
}

// request asks for as many frames as may be under way.
func (p *puller) request() error {
	w := p.w
	w.mu.Lock()
	var ask []int
	for len(p.order)+len(ask) < depth {
		i := w.pick(p)
		if i < 0 {
			break
		}
		p.asked[i] = w.now()
		ask = append(ask, i)
	}
	w.mu.Unlock()
	for _, i := range ask {
		if err := askFrame(p.st, i); err != nil {
			return err
		}
		p.order = append(p.order, i)
	}
	return nil
}

// one reads the next frame.
func (p *puller) one() error {
	w, i := p.w, p.order[0]
	began := w.now()
	var buf []byte
	data, err := readFrame(pulse{p}, func(n int) []byte {
		buf = w.s.pool.get(n - overhead)
		return buf
	})
	var refusal errFrame
	if err != nil && !errors.As(err, &refusal) {
		w.s.pool.put(buf)
		return err
	}
	p.order = p.order[1:]
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(p.asked, i)
	if err != nil {
		p.refused[i] = err
		w.again[i] = true
		w.wakeAll()
		w.poke()
		return nil
	}
	took := w.now() - began
	if p.given++; p.given == 1 {
		p.pace = took
	}
	p.pace += (took - p.pace) / 4
	w.deliver(p, i, gotten{data, buf, p})
	return nil
}
