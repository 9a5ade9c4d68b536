package node

import (
	"net/http"
	"sync"
)

// flights counts requests under way. It is safe for concurrent use.
type flights struct {
	mu    sync.Mutex
	n     int
	all   uint64        // that ever began
	ended chan struct{} // closed when n is 0 again; nil if nobody waits
}

// count counts the requests that h answers.
func (f *flights) count(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.begin()
		defer f.end()
		h.ServeHTTP(w, r)
	})
}

func (f *flights) begin() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.n++
	f.all++
}

// begun returns how many began since the start, and how many are under way.
func (f *flights) begun() (all uint64, under int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.all, f.n
}

func (f *flights) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.n--; f.n == 0 && f.ended != nil {
		close(f.ended)
		f.ended = nil
	}
}

// any reports whether there are any.
func (f *flights) any() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.n > 0
}

// none is closed once there are none. No more may begin.
func (f *flights) none() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended == nil {
		f.ended = make(chan struct{})
	}
	ended := f.ended
	if f.n == 0 {
		close(f.ended)
		f.ended = nil
	}
	return ended
}
