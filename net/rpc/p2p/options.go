package p2p

import (
	"crypto/ed25519"
	"log/slog"
	"net"

	"rhizome/base/errs"
	"rhizome/net/rpc"
)

// Options says how a node speaks with others.
type Options struct {
	// Key is the node's key; its public half is the node's name.
	Key ed25519.PrivateKey
	// Listen are the addresses to listen on, HOST:PORT, for TCP and UDP; port 0 takes any.
	// An empty host is every address of the machine. Without any, the node is reached
	// through others alone.
	Listen []string
	// Guard says who is a member; nil lets nobody in but as a stranger.
	Guard rpc.Guard
	// Log hears of what goes wrong; nil is silence.
	Log *slog.Logger
	// Background is the rate of Background traffic, in bytes per second each way; 0 is no
	// limit. SetBackground changes it.
	Background int
	// Relay bounds what this node relays for members.
	Relay Relay
	// LAN is the rhizome's lineage, in bytes that others do not guess; where it is not
	// empty, members on the same network are found by mDNS under a name derived from it.
	LAN []byte
	// Found, if set, hears of nodes found on the LAN.
	Found func(Neighbour)
	// MapPorts asks the router to let others in (UPnP, NAT-PMP).
	MapPorts bool
}

// Relay bounds what a node relays for members that others do not reach.
type Relay struct {
	Off     bool
	Members int // that keep a place here, 128 if zero
	Links   int // relayed at once for one member, 16 if zero
	Rate    int // bytes per second of all, both ways together; 0 is no limit
}

// listen returns Listen as libp2p writes it: TCP and QUIC.
func (o *Options) listen() ([]string, error) {
	var all []string
	for _, at := range o.Listen {
		host, port, err := net.SplitHostPort(at)
		if err != nil {
			return nil, errs.Newf(errs.Invalid, "%q is no address to listen on, HOST:PORT is: %w", at, err)
		}
		hosts := []string{"/ip4/" + host, "/ip6/" + host}
		switch ip := net.ParseIP(host); {
		case host == "":
			hosts = []string{"/ip4/0.0.0.0", "/ip6/::"}
		case ip == nil:
			return nil, errs.Newf(errs.Invalid, "%q is no address to listen on: the host is an IP address or empty", at)
		case ip.To4() != nil:
			hosts = hosts[:1]
		default:
			hosts = hosts[1:]
		}
		for _, h := range hosts {
			all = append(all, h+"/tcp/"+port, h+"/udp/"+port+"/quic-v1")
		}
	}
	return all, nil
}
