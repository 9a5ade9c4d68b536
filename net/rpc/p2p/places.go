package p2p

import (
	"net"
	"net/netip"
	"strconv"
	"strings"

	ma "github.com/multiformats/go-multiaddr"

	"rhizome/base/errs"
)

// maxPlace bounds what a person may say of a place.
const maxPlace = 256

// PlacesOf returns the addresses that a person means: HOST:PORT, where HOST is an IP address
// or a name, or an address as Addresses writes it. errs.Invalid for anything else.
func PlacesOf(text string) ([]string, error) {
	wrong := errs.Newf(errs.Invalid, "%q is no address of a node: HOST:PORT is one", text)
	if len(text) > maxPlace {
		return nil, errs.New(errs.Invalid, "the address of a node is too long")
	}
	if strings.HasPrefix(text, "/") {
		if _, err := ma.NewMultiaddr(text); err != nil {
			return nil, wrong
		}
		return []string{text}, nil
	}
	host, port, err := net.SplitHostPort(text)
	n, nerr := strconv.ParseUint(port, 10, 16)
	if err != nil || nerr != nil || n == 0 {
		return nil, wrong
	}
	kind := "/dns/"
	if ip, err := netip.ParseAddr(host); err == nil {
		if kind = "/ip6/"; ip.Is4() {
			kind = "/ip4/"
		}
	}
	out := []string{kind + host + "/tcp/" + port, kind + host + "/udp/" + port + "/quic-v1"}
	for _, a := range out {
		if _, err := ma.NewMultiaddr(a); err != nil {
			return nil, wrong
		}
	}
	return out, nil
}
