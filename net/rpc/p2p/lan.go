package p2p

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"time"

	libpeer "github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/discovery/mdns"

	"rhizome/base/ident"
)

// Neighbour is a node on the same network that says it is of the same rhizome. Nothing is
// proved before it is connected with.
type Neighbour struct {
	ID        ident.NodeID
	Addresses []string
}

// lanName is the mDNS service of a rhizome. It tells nothing about the lineage to those
// who do not know it (RFC 6763, section 7: a label of 15 letters and digits at most).
func lanName(lineage []byte) string {
	m := hmac.New(sha256.New, lineage)
	_, _ = m.Write([]byte("rhizome lan 1"))
	return "_rz" + hex.EncodeToString(m.Sum(nil)[:6]) + "._udp"
}

// SetLAN replaces Options.LAN. It is called before Start.
func (h *Host) SetLAN(name []byte) { h.opts.LAN = name }

// SetListen replaces Options.Listen. It comes before Start.
func (h *Host) SetListen(at []string) { h.opts.Listen = at }

// announce begins to look for members on the LAN, and to be found there. A machine where
// that fails has links all the same.
func (h *Host) announce() {
	if len(h.opts.LAN) == 0 {
		return
	}
	s := mdns.NewMdnsService(h.net, lanName(h.opts.LAN), found{h})
	if err := s.Start(); err != nil {
		h.log.Warn("nodes on the same network are not found by themselves", "error", err)
		return
	}
	h.closers = append(h.closers, s.Close)
}

type found struct{ h *Host }

// HandlePeerFound takes what mDNS found.
func (f found) HandlePeerFound(info libpeer.AddrInfo) {
	p := f.h.peerByGuest(info.ID)
	if p == (ident.NodeID{}) || p == f.h.self || len(info.Addrs) == 0 {
		return
	}
	n := Neighbour{ID: p}
	for _, a := range info.Addrs[:min(len(info.Addrs), maxAddresses)] {
		n.Addresses = append(n.Addresses, a.String())
	}
	if f.h.member(p) {
		f.h.net.Peerstore().AddAddrs(info.ID, info.Addrs, time.Hour)
		if known := f.h.peerBy(info.ID); known != nil {
			known.hopeful()
		}
	}
	if f.h.opts.Found != nil {
		f.h.opts.Found(n)
	}
}

// peerByGuest returns a node's name without keeping anything about it.
func (h *Host) peerByGuest(pid libpeer.ID) ident.NodeID {
	id, _ := nodeOf(pid)
	return id
}
