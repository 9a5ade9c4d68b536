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
	return s.Transport.SecureInbound(ctx, newSocket(insecure), p)
}

func (s *secure) SecureOutbound(ctx context.Context, insecure net.Conn, p libpeer.ID) (sec.SecureConn, error) {
	return s.Transport.SecureOutbound(ctx, newSocket(insecure), p)
}

// socket is what TLS writes its records to. While it is corked it keeps them. One
// goroutine at a time writes to the connection, without the lock: while a peer takes
// nothing, others put what they have behind it, up to maxBehind bytes, and go on.
type socket struct {
	net.Conn
	mu      sync.Mutex
	moved   sync.Cond // of mu: writing ended, or kept was taken
	corked  bool
	writing bool
	kept    []byte
	spare   []byte // to keep in while kept is written
	small   int    // short messages in a row
	err     error  // of the connection; it lasts
}

const (
	// shortInRow: a socket keeps its buffer until so many messages in a row were short: an
	// idle link holds little.
	shortInRow = 64
	// maxBehind is more than TLS has to say beside what it is given to write.
	maxBehind = 64 << 10
)

func newSocket(c net.Conn) *socket {
	s := &socket{Conn: c}
	s.moved.L = &s.mu
	return s
}

// NetConn is for who looks for the connection below.
func (s *socket) NetConn() net.Conn { return s.Conn }

func (s *socket) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.writing && !s.corked && len(s.kept)+len(p) > maxBehind {
		s.moved.Wait()
	}
	if s.err != nil {
		return 0, s.err
	}
	if len(p) > readBuffer && cap(s.kept)-len(s.kept) < len(p) {
		s.kept = slices.Grow(s.kept, writeSize+readBuffer) // the whole message is likely to be long
	}
	s.kept = append(s.kept, p...)
	if s.corked || s.writing {
		return len(p), nil
	}
	return len(p), s.flush()
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
	for s.writing {
		s.moved.Wait()
	}
	return s.flush()
}

// flush writes until nothing is kept; mu is held, but not meanwhile.
func (s *socket) flush() error {
	for len(s.kept) > 0 && s.err == nil {
		out := s.kept
		s.kept, s.spare, s.writing = s.spare[:0], nil, true
		s.mu.Unlock()
		_, err := s.Conn.Write(out)
		s.mu.Lock()
		s.writing, s.err = false, err
		if s.small++; len(out) > readBuffer {
			s.small = 0
		}
		if s.small <= shortInRow {
			s.spare = out[:0]
		}
		s.moved.Broadcast()
	}
	if len(s.kept) == 0 && cap(s.kept) < cap(s.spare) {
		s.kept, s.spare = s.spare, nil // one buffer is enough where nobody comes between
	}
	if s.small > shortInRow {
		s.kept, s.spare = nil, nil
	}
	return s.err
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
