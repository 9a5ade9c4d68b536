package p2p

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
)

// reach says how likely it is that others can use an address, the likeliest first.
type reach int

const (
	told     reach = iota // a person says so, or it is a name
	wide4                 // of the Internet
	wide6                 // of the Internet
	local                 // of a local network
	byOthers              // through another node
	inner                 // of a carrier's or this machine's inner networks, of which there may be any number
)

var (
	carriers = netip.MustParsePrefix("100.64.0.0/10")
	bridges  = []netip.Prefix{netip.MustParsePrefix("172.16.0.0/12"), netip.MustParsePrefix("192.168.122.0/24")}
)

// reachOf returns how an address reaches, and the host in it.
func reachOf(a string) (reach, string) {
	parts := strings.SplitN(a, "/", 4)
	if strings.HasSuffix(a, "/p2p-circuit") || len(parts) < 4 {
		return byOthers, a
	}
	host := parts[2]
	ip, err := netip.ParseAddr(host)
	isBridge := func(p netip.Prefix) bool { return p.Contains(ip) }
	switch {
	case err != nil:
		return told, host
	case !ip.IsGlobalUnicast(), carriers.Contains(ip), slices.ContainsFunc(bridges, isBridge):
		return inner, host
	case ip.IsPrivate():
		return local, host
	case ip.Is4():
		return wide4, host
	}
	return wide6, host
}

// Wide reports whether an address is one of the Internet, or a name.
func Wide(a string) bool {
	r, _ := reachOf(a)
	return r < local
}

// Choose returns at most so many of a node's addresses, those that a person said and those that were
// found, the likeliest to serve others first: one that was said, one of the Internet of each family
// and one of the local network, then the next of each, then the other transports of these hosts; last
// what leads through others, and inner networks.
func Choose(said, found []string, most int) []string {
	type place struct {
		text                  string
		last, transport, turn int
		reach                 reach
	}
	var places []place
	transports, turns, hosts := map[string]int{}, map[string]int{}, map[reach]int{}
	for i, a := range slices.Concat(said, found) {
		r, host := reachOf(a)
		if i < len(said) {
			r = told
		}
		if transports[host] == 0 {
			turns[host] = hosts[r]
			hosts[r]++
		}
		p := place{text: a, transport: transports[host], turn: turns[host], reach: r}
		transports[host]++
		if r >= byOthers {
			p.last = int(r)
		}
		if !slices.ContainsFunc(places, func(q place) bool { return q.text == a }) {
			places = append(places, p)
		}
	}
	slices.SortStableFunc(places, func(a, b place) int {
		return cmp.Or(a.last-b.last, a.transport-b.transport, a.turn-b.turn, int(a.reach-b.reach))
	})
	out := []string{}
	for _, p := range places[:min(len(places), most)] {
		out = append(out, p.text)
	}
	return out
}
