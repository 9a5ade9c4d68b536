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

// How often passwords may be guessed, per site and node.
const (
	guessEvery = 500 * time.Millisecond
	guessBurst = 10
	maxPassed  = 4096
)

// gate lets visitors with a password in. It remembers those that were right, under a key
// that only this process has, so that the next request costs no argon2.
type gate struct {
	key  [32]byte
	one  chan struct{} // one password is worked on at a time
	mu   sync.Mutex
	pass map[[32]byte]struct{}
	rate map[ident.ID]*rate.Limiter
}

func newGate() *gate {
	g := &gate{one: make(chan struct{}, 1), pass: map[[32]byte]struct{}{}, rate: map[ident.ID]*rate.Limiter{}}
	_, _ = rand.Read(g.key[:]) // it never fails
	return g
}

// enter returns 0 if the visitor may come in, else the status of the answer.
func (g *gate) enter(r *http.Request, b *object.Bucket) int {
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
	if !g.mayGuess(b.ID) {
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

func (g *gate) mayGuess(id ident.ID) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	l := g.rate[id]
	if l == nil {
		if len(g.rate) >= maxPassed {
			clear(g.rate)
		}
		l = rate.NewLimiter(rate.Every(guessEvery), guessBurst)
		g.rate[id] = l
	}
	return l.Allow()
}
