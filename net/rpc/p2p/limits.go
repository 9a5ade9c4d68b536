package p2p

import (
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/protocol"
	rcmgr "github.com/libp2p/go-libp2p/p2p/host/resource-manager"

	"rhizome/net/rpc"
)

// Protocols. A number changes only when a release could not speak with its neighbour.
const (
	laneProto           = "/rhizome/lane/1"
	transferProto       = "/rhizome/transfer/1"
	anyoneLaneProto     = "/rhizome/anyone/1"
	anyoneTransferProto = "/rhizome/anyone-transfer/1"
)

// Limits of all.
const (
	peerMemory    = 64 << 20  // of requests of one peer, in bytes
	totalMemory   = 192 << 20 // of requests of all
	peerWorks     = 1024      // calls of a peer and a class that are answered at once
	peerTransfers = 64        // transfers that a peer has open here, and we there
	maxAddresses  = 64        // of a node
)

// Limits of strangers.
const (
	strangers         = 16 // connected at once
	strangerStay      = time.Minute
	strangerWorks     = 4
	strangerRate      = 20 // calls and transfers per second, of all strangers
	strangerTransfers = 2
	strangerBytes     = 16 << 20 // of a transfer, each way
	strangerMemory    = 1 << 20
)

// Times.
const (
	dialTime    = 5 * time.Second
	openTime    = 10 * time.Second // to get a stream on a link that stands
	quiet       = 1500 * time.Millisecond
	silent      = 3 * time.Second // after the ping
	look        = 250 * time.Millisecond
	measureEach = 5 * time.Second
	firstDelay  = 100 * time.Millisecond
	lastDelay   = 5 * time.Second
)

func messageLimit(member bool) int {
	if member {
		return rpc.MaxMessage
	}
	return rpc.MaxStranger
}

// resources bounds what the transport takes. Memory is what windows could grow to.
func resources() (network.ResourceManager, error) {
	l := rcmgr.PartialLimitConfig{
		System: rcmgr.ResourceLimits{Streams: 16384, StreamsInbound: 8192, StreamsOutbound: 8192,
			Conns: 1024, ConnsInbound: 768, ConnsOutbound: 768, FD: 1024, Memory: 2 << 30},
		Transient: rcmgr.ResourceLimits{Streams: 512, StreamsInbound: 256, StreamsOutbound: 512,
			Conns: 128, ConnsInbound: 64, ConnsOutbound: 128, FD: 128, Memory: 64 << 20},
		PeerDefault: rcmgr.ResourceLimits{Streams: 512, StreamsInbound: 256, StreamsOutbound: 256,
			Conns: 8, ConnsInbound: 8, ConnsOutbound: 8, FD: 8, Memory: 192 << 20},
		ProtocolPeer: map[protocol.ID]rcmgr.ResourceLimits{
			anyoneLaneProto:     {StreamsInbound: strangerWorks},
			anyoneTransferProto: {StreamsInbound: strangerWorks},
		},
	}
	return rcmgr.NewResourceManager(rcmgr.NewFixedLimiter(l.Build(rcmgr.InfiniteLimits)), rcmgr.WithMetricsDisabled())
}
