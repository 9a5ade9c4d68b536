package object

import (
	"context"
	"sync"
	"time"
)

const (
	// fillingTime is how long a body waits for a place before its client is told to come
	// back later.
	fillingTime = 30 * time.Second
	// patience is how long a client may be silent while another waits for its place, and
	// leastPatience if so many wait that it has to be divided among them.
	patience      = fillingTime / 4
	leastPatience = patience / 16
	// looks is how often one who waits looks for silent clients.
	looks = leastPatience / 2
)

// tier is the places for filling chunks of one size, lent in the order of asking. Whose
// client is silent loses its place to those who wait: a body that is sent on finds one,
// however many are not. It is safe for concurrent use.
type tier struct {
	budget // in places
	places int
	hmu    sync.Mutex
	held   map[*chunk]*feed // those that wait for their clients
	looked time.Time        // by endSilent
}

func (t *tier) open(places int) {
	t.free, t.places, t.held = int64(places), places, map[*chunk]*feed{}
}

func (t *tier) take(ctx context.Context) error {
	if t.takeNow(1) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, fillingTime)
	defer cancel()
	tick := time.NewTicker(looks)
	defer tick.Stop()
	return t.takeAnd(ctx, 1, tick.C, t.endSilent)
}

func (t *tier) hold(c *chunk, f *feed) {
	t.hmu.Lock()
	defer t.hmu.Unlock()
	t.held[c] = f
}

func (t *tier) letGo(c *chunk) {
	t.hmu.Lock()
	defer t.hmu.Unlock()
	delete(t.held, c)
}

// endSilent ends as many silent clients as others wait, those that were silent longest
// first. So all who wait get their turn in about patience even if all before them are
// silent too.
func (t *tier) endSilent() {
	waiting := t.waiting()
	limit := max(leastPatience, patience/time.Duration(1+waiting/t.places))
	t.hmu.Lock()
	defer t.hmu.Unlock()
	if time.Since(t.looked) < looks/2 { // a stopwatch
		return // another who waits has looked
	}
	t.looked = time.Now() // a stopwatch
	for _, f := range t.held {
		if f.over() {
			waiting-- // it gives its place back soon
		}
	}
	for ; waiting > 0; waiting-- {
		f := t.mostSilent()
		if f == nil || !f.end(limit) {
			return
		}
	}
}

func (t *tier) mostSilent() (found *feed) {
	most := time.Duration(0)
	for _, f := range t.held {
		if d := f.silence(); d > most {
			found, most = f, d
		}
	}
	return found
}
