// Package gather sends an answer of net/http in one system call instead of two.
//
// The server of net/http writes through a buffer of 4 KiB: of a longer body, what fits beside the
// header goes out in a write of exactly that size, and the rest in another. Each write to a
// socket costs as much as all that a small page needs otherwise, and wakes the client once more.
// A Listener's connections hold back a write of exactly that size until the next one comes, and
// send both together. If none comes (the buffer happened to be full at the end), it is sent
// after a moment.
package gather

import (
	"net"
	"sync"
	"time"
)

const (
	// full is the size of net/http's buffer, which says that more may follow.
	full = 4 << 10
	// moment is how long a write is held back at most.
	moment = 2 * time.Millisecond
)

// Listener returns a listener whose connections gather what is written to them, if they are TCP.
func Listener(l net.Listener) net.Listener { return listener{l} }

type listener struct{ net.Listener }

func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if tcp, ok := c.(*net.TCPConn); ok {
		return &conn{Conn: tcp}, nil
	}
	return c, err
}

// conn hides all but net.Conn of its TCP connection, so that nothing is written past it. What
// fails in a write that was held back is told by the next.
type conn struct {
	net.Conn // a *net.TCPConn

	mu     sync.Mutex
	held   []byte // of full bytes once there was a write to hold back
	holds  bool
	failed error
	late   *time.Timer
}

// Write implements net.Conn.
func (c *conn) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.failed != nil:
		return 0, c.failed
	case c.holds:
		return c.both(b)
	case len(b) == full:
		c.hold(b)
		return full, nil
	}
	return c.Conn.Write(b)
}

func (c *conn) hold(b []byte) {
	c.held = append(c.held[:0], b...)
	c.holds = true
	if c.late == nil {
		c.late = time.AfterFunc(moment, c.release)
		return
	}
	c.late.Reset(moment)
}

// both sends what is held back and b.
func (c *conn) both(b []byte) (int, error) {
	c.late.Stop()
	c.holds = false
	bufs := net.Buffers{c.held, b}
	n, err := bufs.WriteTo(c.Conn)
	return max(int(n)-full, 0), err
}

// release sends what is held back.
func (c *conn) release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.holds && c.failed == nil {
		c.holds = false
		_, c.failed = c.Conn.Write(c.held)
	}
}

// CloseWrite says to the other side that nothing more comes; net/http does so before it closes a
// connection whose client still sends.
func (c *conn) CloseWrite() error {
	c.release()
	return c.Conn.(*net.TCPConn).CloseWrite()
}

// Close implements net.Conn. What is held back is sent first, but nobody is waited for: if a
// write is under way, it fails.
func (c *conn) Close() error {
	if c.mu.TryLock() {
		if c.holds {
			c.holds = false
			c.late.Stop()
			_ = c.Conn.SetWriteDeadline(time.Now().Add(moment)) // a stopwatch
			_, _ = c.Conn.Write(c.held)
		}
		c.mu.Unlock()
	}
	return c.Conn.Close()
}
