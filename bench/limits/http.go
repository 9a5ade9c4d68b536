package limits

import (
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"rhizome/bench/wire"
)

const (
	httpClients = 16
	httpBody    = 1 << 10
)

// bareHTTP returns how many signed requests per second a server answers that does
// nothing but send 1 KiB: what the HTTP library, the system and the load client leave to
// any store that is written in Go.
func bareHTTP(span time.Duration) (float64, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	body := make([]byte, httpBody)
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(body) // a client that is gone says so itself
	})}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	target := wire.Target{Address: l.Addr().String(), Key: wire.Key{ID: "bench", Secret: "bench"}}
	var count atomic.Int64
	var wg sync.WaitGroup
	failed := make([]error, httpClients)
	began := time.Now()
	for i := range httpClients {
		wg.Go(func() {
			c := &wire.Client{Target: target}
			defer c.Close()
			for time.Since(began) < span && failed[i] == nil {
				_, failed[i] = c.Must(&wire.Request{Method: "GET", Path: "/bench/object", Sink: io.Discard})
				count.Add(1)
			}
		})
	}
	wg.Wait()
	rate := float64(count.Load()) / time.Since(began).Seconds()
	err = errors.Join(append(failed, srv.Close())...)
	if s := <-served; !errors.Is(s, http.ErrServerClosed) {
		err = errors.Join(err, s)
	}
	return rate, err
}
