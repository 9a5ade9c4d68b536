package gather

import (
	"bytes"
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

const (
	// patience is how long a read of one byte waits before it looks at the connection: most
	// requests are answered by then.
	patience = 50 * time.Millisecond
	// slack is how much later than asked for a read or a write may be given up.
	slack = time.Second
)

// reads are those of a connection: one reader at a time, deadlines by anybody.
type reads struct {
	tcp *net.TCPConn

	mu      sync.Mutex
	until   time.Time // the deadline that was asked for
	set     time.Time // the one that the connection has
	under   bool      // a read of the connection is under way
	waits   bool      // a read of one byte waits
	begun   bool      // something was read
	two     bool      // HTTP/2 is spoken, which reads such bytes of its frames
	closed  bool
	changed chan struct{} // of one: tells who waits to look again
	timer   *time.Timer
}

// Read implements net.Conn.
func (c *conn) Read(b []byte) (int, error) { return c.reads.read(b) }

// SetReadDeadline implements net.Conn. A read may end up to slack later.
func (c *conn) SetReadDeadline(t time.Time) error { return c.reads.deadline(t) }

// SetDeadline implements net.Conn, as SetReadDeadline does for reads.
func (c *conn) SetDeadline(t time.Time) error {
	return errors.Join(c.reads.deadline(t), c.SetWriteDeadline(t))
}

// SetWriteDeadline implements net.Conn. A write may end up to slack later.
func (c *conn) SetWriteDeadline(t time.Time) error {
	c.writes.Lock()
	defer c.writes.Unlock()
	if near(c.writeBy, t) {
		return nil
	}
	c.writeBy = later(t)
	return c.tcp.SetWriteDeadline(c.writeBy)
}

// near reports whether a deadline that is set is as good as one that is wanted.
func near(set, want time.Time) bool {
	if set.IsZero() || want.IsZero() || past(want) {
		return set.Equal(want)
	}
	late := set.Sub(want)
	return late >= 0 && late <= slack
}

// later is the deadline that is set for one that is wanted: it does for those soon after it too.
func later(t time.Time) time.Time {
	if t.IsZero() || past(t) {
		return t
	}
	return t.Add(slack)
}

// Close implements net.Conn.
func (c *conn) Close() error {
	c.reads.close()
	return c.tcp.Close()
}

func (r *reads) read(b []byte) (int, error) {
	if err := r.begin(len(b) == 1); err != nil {
		return 0, err
	}
	n, err := r.tcp.Read(b)
	r.mu.Lock()
	r.under = false
	if n > 0 && !r.begun {
		r.begun, r.two = true, bytes.HasPrefix(b[:n], []byte("PRI"))
	}
	r.mu.Unlock()
	return n, err
}

// begin waits if it may, and passes the deadline on if the connection has none that is as good.
func (r *reads) begin(patient bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if patient && !r.two && !past(r.until) {
		r.linger()
	}
	if past(r.until) {
		return os.ErrDeadlineExceeded
	}
	r.under = true
	return r.pass()
}

// pass has the connection end reads by the deadline, if it would not do so already. mu is held.
func (r *reads) pass() error {
	if near(r.set, r.until) {
		return nil
	}
	r.set = later(r.until)
	return r.tcp.SetReadDeadline(r.set)
}

// past reports whether a deadline is over.
func past(t time.Time) bool { return !t.IsZero() && time.Until(t) <= 0 } // stopwatch

// linger waits until patience or the deadline is over, or the connection closed. mu is held, but
// not meanwhile.
func (r *reads) linger() {
	if r.timer == nil {
		r.timer, r.changed = time.NewTimer(patience), make(chan struct{}, 1)
	} else {
		r.timer.Reset(patience)
	}
	defer r.timer.Stop()
	for over := false; !over && !r.closed && !past(r.until); {
		r.waits = true
		r.mu.Unlock()
		select {
		case <-r.timer.C:
			over = true
		case <-r.changed: // perhaps one that the wait before did not need
		}
		r.mu.Lock()
		r.waits = false
	}
}

func (r *reads) deadline(t time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.until = t
	r.tell()
	if !r.under {
		return nil
	}
	return r.pass()
}

func (r *reads) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	r.tell()
}

// tell wakes who waits. mu is held.
func (r *reads) tell() {
	if r.waits {
		select {
		case r.changed <- struct{}{}:
		default:
		}
	}
}
