package extent

import (
	"time"

	"rhizome/base/errs"
	"rhizome/base/ident"
)

// lane is one holder's share in a fan. What is below is guarded by the fan's mu.
type lane struct {
	f    *fan
	node ident.NodeID
	wake chan struct{}

	to      sink
	steps   []step // to be done
	busy    bool   // one more is being done
	err     error  // given up, and why
	durable bool
	blocked time.Duration // how long the writer waited for it
	silent  time.Duration // the same, since it got on last
}

// step is one thing to do: a frame, a rest or the end.
type step struct {
	frame *shared
	rest  bool
	end   bool
	desc  []byte
}

// behind is how many steps are to be done.
func (l *lane) behind() int {
	if l.busy {
		return len(l.steps) + 1
	}
	return len(l.steps)
}

func (l *lane) push(s step) {
	l.steps = append(l.steps, s)
	l.poke()
}

func (l *lane) poke() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// openHere begins the extent on this node's disks.
func (l *lane) openHere() error {
	if l.f.s.disks == nil {
		return errNoDisks
	}
	w, err := l.f.s.disks.Create(l.f.ctx, l.f.id, l.f.size)
	if err == nil {
		l.to = w
	}
	return err
}

// open begins it on another node.
func (l *lane) open() error {
	if l.to != nil {
		return nil
	}
	if l.f.s.links == nil {
		return errs.New(errs.Unavailable, "this node has no links to others")
	}
	r, err := l.f.s.putTo(l.f.ctx, l.node, l.f.id, l.f.size, l.alive)
	if err != nil {
		return err
	}
	l.f.mu.Lock()
	defer l.f.mu.Unlock()
	l.to = r
	return l.err
}

// run does a lane's steps until the end or until it is given up.
func (l *lane) run() {
	f := l.f
	defer f.done.Done()
	var last *shared // the sink may still read it
	err := l.open()
	for err == nil {
		var st step
		if st, err = l.next(); err != nil {
			break
		}
		switch {
		case st.end:
			err = l.to.Commit(st.desc)
		case st.rest:
			err = l.to.Rest()
		default:
			err = l.to.AppendSummed(st.frame.data, st.frame.sum)
		}
		f.s.release(last)
		last = st.frame
		l.did(st, err)
		if st.end {
			break
		}
	}
	if err != nil {
		f.mu.Lock()
		f.drop(l, err)
		f.mu.Unlock()
	}
	if l.to != nil {
		l.to.Abort()
	}
	f.s.release(last)
}

// next waits for a step.
func (l *lane) next() (step, error) {
	f := l.f
	for {
		f.mu.Lock()
		err := l.err
		if err == nil && len(l.steps) > 0 {
			st := l.steps[0]
			l.steps = l.steps[1:]
			l.busy = true
			f.mu.Unlock()
			return st, nil
		}
		f.mu.Unlock()
		if err != nil {
			return step{}, err
		}
		select {
		case <-l.wake:
		case <-f.ctx.Done():
			return step{}, errs.New(errs.Unavailable, "the extent was given up")
		}
	}
}

// did notes that a step is done.
func (l *lane) did(st step, err error) {
	f := l.f
	f.mu.Lock()
	l.busy = false
	l.silent = 0
	if st.end && err == nil {
		l.durable = true
		if l.node == f.s.self {
			f.s.arrived(f.id)
		}
	}
	f.mu.Unlock()
	f.poke()
}

// alive notes that the holder takes bytes.
func (l *lane) alive() {
	l.f.mu.Lock()
	defer l.f.mu.Unlock()
	l.silent = 0
	l.f.s.mute.forget(l.node)
}
