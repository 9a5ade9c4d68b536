package web

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"net/http"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"rhizome/base/ident"
	"rhizome/model/object"
	"rhizome/model/site"
)

// How often passwords of a site may be guessed, on each node: by one guest, and, much more
// often, by all together. A password takes about 30 milliseconds, one at a time.
const (
	guessEvery = 500 * time.Millisecond
	guessBurst = 10
	siteEvery  = 100 * time.Millisecond
	siteBurst  = 100
	maxPassed  = 4096
)

// gate lets visitors with a password in. It remembers those that were right, under a key
// that only this process has, so that the next request costs no argon2.
type gate struct {
	key  [32]byte
	one  chan struct{} // one password is worked on at a time
	mu   sync.Mutex
	pass map[[32]byte]struct{}
	of   map[guesser]*rate.Limiter
	all  map[ident.ID]*rate.Limiter
}

// guesser is somebody at the gate of a site.
type guesser struct {
	site ident.ID
	who  guest
}

func newGate() *gate {
	g := &gate{one: make(chan struct{}, 1), pass: map[[32]byte]struct{}{}, of: map[guesser]*rate.Limiter{}, all: map[ident.ID]*rate.Limiter{}}
	_, _ = rand.Read(g.key[:]) // it never fails
	return g
}

// enter returns 0 if the visitor may come in, else the status of the answer.
func (g *gate) enter(r *http.Request, b *object.Bucket, who guest) int {
	hash := b.Settings.Site.Password
	_, password, ok := r.BasicAuth()
	if !ok {
		return http.StatusUnauthorized
	}
	m := hmac.New(sha256.New, g.key[:])
	_, _ = m.Write([]byte(hash + "\x00" + password))
	mark := [32]byte(m.Sum(nil))
	if g.passed(mark) {
		return 0
	}
	if !g.mayGuess(b.ID, who) {
		return http.StatusTooManyRequests
	}
	select {
	case g.one <- struct{}{}:
		defer func() { <-g.one }()
	case <-r.Context().Done():
		return http.StatusServiceUnavailable
	}
	if !site.CheckPassword(hash, password) {
		return http.StatusUnauthorized
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.pass) >= maxPassed {
		clear(g.pass)
	}
	g.pass[mark] = struct{}{}
	return 0
}

func (g *gate) passed(mark [32]byte) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	_, ok := g.pass[mark]
	return ok
}

// mayGuess asks the guest's own limit first: who guesses all the time takes nothing from others. A
// guest who is nobody in particular may be many, and has the site's limit alone.
func (g *gate) mayGuess(id ident.ID, who guest) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if who.IsValid() && !limiter(g.of, guesser{id, who}, guessEvery, guessBurst).Allow() {
		return false
	}
	return limiter(g.all, id, siteEvery, siteBurst).Allow()
}

// limiter returns that of a key. Too many of them are forgotten together.
func limiter[K comparable](in map[K]*rate.Limiter, k K, every time.Duration, burst int) *rate.Limiter {
	l := in[k]
	if l == nil {
		if len(in) >= maxPassed {
			clear(in)
		}
		l = rate.NewLimiter(rate.Every(every), burst)
		in[k] = l
	}
	return l
}
