package web

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
)

// guest is who limits count together: an IPv4 address, or the first 64 bits of an IPv6 one,
// which is what one connection to the internet is given. The zero guest is nobody in
// particular: a machine of the own network or a proxy that does not say for whom it asks.
type guest = netip.Prefix

// The bits of an address that say whose it is.
const (
	bits4 = 32
	bits6 = 64
)

// guestOf finds who asks. A proxy is on this machine or in its network, and names who asked it
// last in X-Forwarded-For; from anywhere else that header is not believed.
func guestOf(r *http.Request) guest {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return guest{}
	}
	at, near := addressOf(host)
	if !near {
		return at
	}
	lines := r.Header["X-Forwarded-For"]
	if len(lines) == 0 {
		return guest{}
	}
	last := lines[len(lines)-1]
	at, near = addressOf(strings.TrimSpace(last[strings.LastIndexByte(last, ',')+1:]))
	if near {
		return guest{}
	}
	return at
}

// addressOf reads an address; near says that it is of the own machine or network, or none.
func addressOf(s string) (g guest, near bool) {
	a, err := netip.ParseAddr(s)
	if err != nil {
		return guest{}, true
	}
	a = a.Unmap().WithZone("")
	if a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast() || a.IsUnspecified() {
		return guest{}, true
	}
	n := bits6
	if a.Is4() {
		n = bits4
	}
	g, err = a.Prefix(n)
	return g, err != nil
}

// guests counts the requests that run, by who asked. It is safe for concurrent use, and holds
// no more than run at once.
type guests struct {
	most int // of one guest

	mu   sync.Mutex
	here map[guest]int
}

// enter reports whether one more request of a guest may run; leave says that it ended.
func (g *guests) enter(who guest) bool {
	if !who.IsValid() {
		return true
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.here[who] >= g.most {
		return false
	}
	g.here[who]++
	return true
}

func (g *guests) leave(who guest) {
	if !who.IsValid() {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.here[who]--; g.here[who] <= 0 {
		delete(g.here, who)
	}
}
