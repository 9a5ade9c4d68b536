package p2p

import (
	"context"
	"net"
	"slices"
	"sync"

	"github.com/libp2p/go-libp2p/core/crypto"
	libpeer "github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/core/sec"
	tptu "github.com/libp2p/go-libp2p/p2p/net/upgrader"
	libp2ptls "github.com/libp2p/go-libp2p/p2p/security/tls"
)

// secure is TLS over sockets that are written to once for each message of the multiplexer.
// By itself TLS writes each of its records, at most 16 KiB, with a system call of its own.
type secure struct{ *libp2ptls.Transport }

func newSecure(id protocol.ID, key crypto.PrivKey, muxers []tptu.StreamMuxer) (*secure, error) {
	t, err := libp2ptls.New(id, key, muxers)
	return &secure{t}, err
}

func (s *secure) SecureInbound(ctx context.Context, insecure net.Conn, p libpeer.ID) (sec.SecureConn, error) {
	return s.Transport.SecureInbound(ctx, &socket{Conn: insecure}, p)
}

func (s *secure) SecureOutbound(ctx context.Context, insecure net.Conn, p libpeer.ID) (sec.SecureConn, error) {
	return s.Transport.SecureOutbound(ctx, &socket{Conn: insecure}, p)
}

// socket is what TLS writes its records to. While it is corked it keeps them.
type socket struct {
	net.Conn
	mu     sync.Mutex
	corked bool
	kept   []byte
	small  int // short messages in a row
}

// A socket keeps its buffer until so many messages in a row were short: an idle link
// holds little.
const shortInRow = 64

// NetConn is for who looks for the connection below.
func (s *socket) NetConn() net.Conn { return s.Conn }

func (s *socket) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.corked {
		if len(p) > readBuffer && cap(s.kept)-len(s.kept) < len(p) {
			s.kept = slices.Grow(s.kept, writeSize+readBuffer) // the whole message is likely to be long
		}
		s.kept = append(s.kept, p...)
		return len(p), nil
	}
	return s.Conn.Write(p)
}

func (s *socket) cork() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.corked = true
}

// uncork writes what was kept.
func (s *socket) uncork() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.corked = false
	if len(s.kept) == 0 {
		return nil
	}
	_, err := s.Conn.Write(s.kept)
	if s.small++; len(s.kept) > readBuffer {
		s.small = 0
	}
	s.kept = s.kept[:0]
	if s.small > shortInRow {
		s.kept = nil
	}
	return err
}

// bottled is a secure connection that uses its socket's cork.
type bottled struct {
	net.Conn
	below *socket
}

func (b *bottled) Write(p []byte) (int, error) {
	b.below.cork()
	n, err := b.Conn.Write(p)
	if uerr := b.below.uncork(); err == nil && uerr != nil {
		n, err = 0, uerr
	}
	return n, err
}

// bottle returns c with its socket's cork in use, if it has one.
func bottle(c net.Conn) net.Conn {
	if in, ok := c.(interface{ NetConn() net.Conn }); ok {
		if s, ok := in.NetConn().(*socket); ok {
			return &bottled{c, s}
		}
	}
	return c
}
