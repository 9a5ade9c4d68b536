package lab

import (
	"fmt"
	"strings"
)

// NAT is how a router treats what passes it.
type NAT int

const (
	// Routed hosts have addresses of the backbone, and everybody reaches them.
	Routed NAT = iota
	// Masquerade is a usual box: hosts speak under its address and keep their port number
	// where it is free, so that hole punching works; nothing comes in that was not asked for.
	Masquerade
	// Symmetric takes another port for each peer, as carriers do: no hole can be punched.
	Symmetric
)

// Router joins the hosts behind it, which share an Ethernet bridge with broadcast and
// multicast, to the backbone or to another router.
type Router struct {
	*Host // the router itself, with the address it has outside

	nat     NAT
	outside string // the device
	subnet  string // of the bridge, the first three parts of its addresses
	next    int    // the last part of the next host's address
}

// bridgeName and outsideName are devices of hosts and routers.
const (
	bridgeName  = "lan"
	outsideName = "eth0" // of whatever is behind a router
)

// Router returns a new router on the backbone.
func (l *Lab) Router(name string, nat NAT) *Router {
	l.t.Helper()
	h, err := l.home(name)
	if err != nil {
		l.t.Fatalf("%s: %v", name, err)
	}
	n := h.port.number
	subnet := fmt.Sprintf("192.168.%d", n)
	switch nat {
	case Routed:
		subnet = fmt.Sprintf("51.77.%d", n)
	case Symmetric:
		subnet = fmt.Sprintf("100.64.%d", n)
	}
	return l.open(h, nat, subnet, tunName)
}

// Router returns a new router behind this one, as a box behind a carrier's NAT.
func (r *Router) Router(name string, nat NAT) *Router {
	r.lab.t.Helper()
	h := r.Attach(name)
	if nat == Routed {
		r.lab.t.Fatalf("%s: a router behind another translates addresses", name)
	}
	// Boxes behind boxes need different networks inside each.
	r.lab.mu.Lock()
	number := len(r.lab.hosts) % 256
	r.lab.mu.Unlock()
	return r.lab.open(h, nat, fmt.Sprintf("172.16.%d", number), outsideName)
}

// open makes a router of a host.
func (l *Lab) open(h *Host, nat NAT, subnet, outside string) *Router {
	l.t.Helper()
	r := &Router{Host: h, nat: nat, outside: outside, subnet: subnet, next: 2}
	err := h.ip(
		fmt.Sprintf("link add %s mtu %d type bridge forward_delay 0", bridgeName, l.mtu),
		fmt.Sprintf("link set %s up", bridgeName),
		fmt.Sprintf("addr add %s.1/24 dev %s", subnet, bridgeName),
	)
	if err == nil {
		err = h.sysctl("ipv4/ip_forward", "1")
	}
	if err == nil && nat != Routed {
		err = h.feed(rules(nat, outside), "nft", "-f", "-")
	}
	if err != nil {
		l.t.Fatalf("%s: %v", h.Name, err)
	}
	return r
}

// rules is what a box does: translate outwards, and let in what answers or is forwarded.
func rules(nat NAT, outside string) string {
	masquerade := "masquerade"
	if nat == Symmetric {
		masquerade = "masquerade fully-random"
	}
	return strings.NewReplacer("OUTSIDE", outside, "MASQUERADE", masquerade).Replace(`
table ip box {
	chain forwarded {
		type nat hook prerouting priority dstnat
	}
	chain out {
		type nat hook postrouting priority srcnat
		oifname OUTSIDE MASQUERADE
	}
	chain in {
		type filter hook forward priority filter
		iifname OUTSIDE ct state established,related accept
		iifname OUTSIDE ct status dnat accept
		iifname OUTSIDE drop
	}
	chain self {
		type filter hook input priority filter
		iifname OUTSIDE ct state established,related accept
		iifname OUTSIDE drop
	}
}
`)
}

// Attach returns a new host behind the router.
func (r *Router) Attach(name string) *Host {
	r.lab.t.Helper()
	h, err := r.attach(name)
	if err != nil {
		r.lab.t.Fatalf("%s: %v", name, err)
	}
	return h
}

func (r *Router) attach(name string) (*Host, error) {
	h, err := r.lab.host(name)
	if err != nil {
		return nil, err
	}
	h.port = r.port
	h.IP = fmt.Sprintf("%s.%d", r.subnet, r.next)
	plug := fmt.Sprintf("to%d", r.next)
	r.next++
	if err := r.ip(
		fmt.Sprintf("link add %s mtu %d type veth peer name %s mtu %d netns %s", plug, r.lab.mtu, outsideName, r.lab.mtu, h.space.path()),
		fmt.Sprintf("link set %s master %s up", plug, bridgeName),
	); err != nil {
		return nil, err
	}
	return h, h.ip(
		fmt.Sprintf("link set %s up", outsideName),
		fmt.Sprintf("addr add %s/24 broadcast + dev %s", h.IP, outsideName),
		fmt.Sprintf("route add default via %s.1", r.subnet),
	)
}

// Forward lets what comes to the router's port through to a host behind it, as people
// and port mapping protocols do. The protocol is tcp or udp.
func (r *Router) Forward(protocol string, port int, to *Host, toPort int) error {
	return r.feed(fmt.Sprintf("add rule ip box forwarded iifname %s %s dport %d dnat to %s:%d\n", r.outside, protocol, port, to.IP, toPort), "nft", "-f", "-")
}
