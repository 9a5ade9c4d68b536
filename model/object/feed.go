package object

import (
	"io"
	"sync"
	"time"

	"rhizome/base/errs"
)

// noticed is how many bytes a client must send to count as not silent.
const noticed = 4 << 10

// feed is a body as its client sends it, and knows for how long it was waited for in
// vain. One goroutine reads; the rest is safe for concurrent use.
type feed struct {
	r      io.Reader
	mu     sync.Mutex
	stop   func()        // ends a Read; nil: it cannot be ended, or not any more
	start  time.Time     // of the present Read; zero: none
	silent time.Duration // in the Reads before
	unseen int           // bytes that came in them
	ended  bool
}

// Read implements io.Reader.
func (f *feed) Read(p []byte) (int, error) {
	f.mu.Lock()
	f.start = time.Now() // a stopwatch
	f.mu.Unlock()
	n, err := f.r.Read(p)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.silent += time.Since(f.start) // a stopwatch
	f.start = time.Time{}
	if f.unseen += n; f.unseen >= noticed {
		f.silent, f.unseen = 0, 0
	}
	if f.ended && err != nil && err != io.EOF {
		err = errs.Newf(errs.Unavailable, "the client sent too slowly while others waited: %w", err)
	}
	return n, err
}

// silence is for how long the client has been waited for, 0 if it is not or cannot be
// ended.
func (f *feed) silence() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.waited()
}

// waited is called with the mutex held.
func (f *feed) waited() time.Duration {
	if f.stop == nil || f.ended || f.start.IsZero() {
		return 0
	}
	return f.silent + time.Since(f.start) // a stopwatch
}

// end ends the body if its client has been silent for so long.
func (f *feed) end(limit time.Duration) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.waited() < limit {
		return false
	}
	f.ended = true
	f.stop()
	return true
}

func (f *feed) over() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ended
}

// close sees to it that stop is not called any more.
func (f *feed) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stop = nil
}
