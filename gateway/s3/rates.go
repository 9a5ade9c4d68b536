package s3

import (
	"sync"
	"time"
)

// maxRated is how many keys are counted at once; beyond it, some are forgotten, which
// lets them have a second's worth at once.
const maxRated = 4096

// rates counts the requests of keys that are held to a rate, on this node. A key may have
// a second's worth at once. The zero value counts; it is safe for concurrent use.
type rates struct {
	mu   sync.Mutex
	keys map[string]*allowance
}

// allowance is what a key may still ask at a time.
type allowance struct {
	left float64
	at   time.Time
}

// take reports whether a key that may ask so often a second may ask now, and counts it. A
// clock that goes back gives nothing.
func (r *rates) take(key string, perSecond int, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	a := r.keys[key]
	if a == nil {
		a = &allowance{left: float64(perSecond), at: now}
		r.keep(key, a)
	}
	if passed := now.Sub(a.at); passed > 0 {
		a.left += passed.Seconds() * float64(perSecond)
	}
	a.left, a.at = min(a.left, float64(perSecond)), now
	if a.left < 1 {
		return false
	}
	a.left--
	return true
}

func (r *rates) keep(key string, a *allowance) {
	if r.keys == nil {
		r.keys = map[string]*allowance{}
	}
	if len(r.keys) >= maxRated {
		for other := range r.keys { // in random order
			delete(r.keys, other)
			break
		}
	}
	r.keys[key] = a
}
