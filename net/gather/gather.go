// Package gather has net/http ask the kernel for less: an answer is sent in one system call
// instead of two, and who is answered at once is not asked meanwhile whether he is still there.
//
// The server of net/http writes through a buffer of 4 KiB: of a longer body, what fits beside the
// header goes out in a write of exactly that size, and the rest in another. Each write to a
// socket costs as much as all that a small page needs otherwise, and wakes the client once more.
// A Listener's connections hold such a write back until the next one comes, and send both
// together. Only the beginning of an answer is held whose header says that more must come, and
// no longer than a moment: nothing that is whole ever waits.
//
// While a handler runs, the server reads one byte in a goroutine, to see whether the client goes
// away, and sets six deadlines for each request. A read of one byte looks at the connection only
// when it has lasted for a while, and a deadline is passed on only when somebody waits for it, and
// once for many that are nearly the same.
package gather

import (
	"bytes"
	"net"
	"strconv"
	"sync"
	"time"
)

const (
	// full is the size of net/http's buffer.
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
		return &conn{Conn: tcp, tcp: tcp, reads: reads{tcp: tcp}}, nil
	}
	return c, err
}

// conn hides all but net.Conn of its TCP connection, so that nothing is written past it. What
// fails in a write that was held back is told by the next. What is still held back when it is
// closed is lost: the beginning of an answer whose end never came.
type conn struct {
	net.Conn
	tcp *net.TCPConn

	reads reads

	writes  sync.Mutex
	writeBy time.Time // the deadline of writes

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
	case goesOn(b):
		c.hold(b)
		return len(b), nil
	}
	return c.tcp.Write(b)
}

// goesOn reports whether b fills the buffer, is the beginning of an answer of HTTP/1, and more of
// its body must follow.
func goesOn(b []byte) bool {
	if len(b) != full || !bytes.HasPrefix(b, []byte("HTTP/1.")) {
		return false
	}
	header, body, ok := bytes.Cut(b, []byte("\r\n\r\n"))
	_, length, said := bytes.Cut(header, []byte("\r\nContent-Length: "))
	length, _, _ = bytes.Cut(length, []byte("\r\n"))
	n, err := strconv.Atoi(string(length))
	return ok && said && err == nil && len(body) > 0 && len(body) < n
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
	n, err := bufs.WriteTo(c.tcp)
	return max(int(n)-full, 0), err
}

// release sends what is held back.
func (c *conn) release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.holds {
		c.holds = false
		_, c.failed = c.tcp.Write(c.held)
	}
}

// CloseWrite says to the other side that nothing more comes; net/http does so before it closes a
// connection whose client still sends.
func (c *conn) CloseWrite() error { return c.tcp.CloseWrite() }
