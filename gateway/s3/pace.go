package s3

import (
	"errors"
	"io"
	"net/http"
	"os"
	"sync"
	"time"

	"rhizome/gateway/s3/s3err"
)

// How slowly a client may go.
const (
	// idleRead is how long a client may send nothing while it is read from.
	idleRead = 30 * time.Second
	// slowest is the least rate of a body, in bytes per second, counted after grace
	// and only while the server waits for the client.
	slowest = 256
	grace   = time.Minute
	// drainTime is how long the rest of a refused body is read for.
	drainTime = 5 * time.Second
	// formTime is how long the fields of a form may take, which come from anybody.
	formTime = 20 * time.Second
	// idleWrite and slowestWrite give one write idleWrite plus its length at that rate.
	idleWrite    = 30 * time.Second
	slowestWrite = 4 << 10
	// rearm is how often a deadline is moved at most.
	rearm = time.Second
)

// paced is a request's body that ends with RequestTimeout when the client stalls.
type paced struct {
	body   io.ReadCloser
	rc     *http.ResponseController
	armed  time.Time
	end    time.Time // of all reading, unless zero
	waited time.Duration
	done   time.Time // when the body ended
	n      int64
	mu     sync.Mutex
	ended  bool // under mu
	cut    bool // likewise: Stop was called
}

// pace puts the request's body under watch: in a copy of the request, because
// net/http looks at its own to tell what is left to read.
func (q *request) pace() {
	q.paced.rc = http.NewResponseController(q.w)
	if q.r.Body == nil || q.r.Body == http.NoBody {
		q.paced.ended = true
		return
	}
	q.paced.body = q.r.Body
	r := *q.r
	r.Body = &q.paced
	q.r = &r
}

// Read implements io.Reader.
func (p *paced) Read(b []byte) (int, error) {
	start := time.Now() // a stopwatch
	if !p.arm(start) {
		return 0, s3err.New(s3err.RequestTimeout)
	}
	n, err := p.body.Read(b)
	p.n += int64(n)
	p.waited += time.Since(start) // a stopwatch
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = s3err.New(s3err.RequestTimeout).Because(err)
	case err != nil:
		p.mu.Lock()
		defer p.mu.Unlock()
		p.ended, p.done = true, time.Now() // a stopwatch
		_ = p.rc.SetReadDeadline(time.Time{})
	case !p.end.IsZero() && time.Since(p.end) > 0: // a stopwatch
		err = s3err.New(s3err.RequestTimeout)
	case p.waited > grace && p.n < int64((p.waited-grace)/time.Second)*slowest:
		err = s3err.New(s3err.RequestTimeout)
	}
	return n, err
}

// arm moves the deadline if that is due, and says whether there may be any more reading.
func (p *paced) arm(start time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.cut && start.Sub(p.armed) >= rearm {
		at := start.Add(idleRead)
		if !p.end.IsZero() && p.end.Before(at) {
			at = p.end
		}
		_ = p.rc.SetReadDeadline(at) // not every ResponseWriter has a connection
		p.armed = start
	}
	return !p.cut
}

// stop ends a Read that waits for the client, and all that follow, with RequestTimeout.
// Unlike the rest it may be called from another goroutine, until the request is answered.
func (p *paced) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return
	}
	p.cut = true
	_ = p.rc.SetReadDeadline(time.Unix(1, 0)) // long ago
}

// within ends all reading that is not done after d; 0 takes that back.
func (p *paced) within(d time.Duration) {
	p.armed, p.end = time.Time{}, time.Time{}
	if d > 0 {
		p.end = time.Now().Add(d) // a stopwatch
	}
}

// Close implements io.Closer.
func (p *paced) Close() error { return p.body.Close() }

// endBody bounds the time that the HTTP server drains what was not read, which it
// may do before it sends the answer.
func (q *request) endBody() {
	if !q.paced.ended {
		_ = q.paced.rc.SetReadDeadline(time.Now().Add(drainTime)) // a stopwatch
	}
}

// armWrite gives the next n bytes of the answer their time.
func (q *request) armWrite(n int) {
	// A stopwatch, not a date.
	_ = q.paced.rc.SetWriteDeadline(time.Now().Add(idleWrite + time.Duration(n/slowestWrite)*time.Second))
}
