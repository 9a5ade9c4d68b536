package web

import (
	"net/http"
	"time"
)

// Limits of a connection.
const (
	headerTime = 10 * time.Second
	readTime   = 20 * time.Second
	keepAlive  = time.Minute
	maxHeader  = 16 << 10
	maxStreams = 100
	// idleWrite and slowestWrite (bytes per second) are how long an answer may take.
	idleWrite    = 30 * time.Second
	slowestWrite = 4 << 10
)

// NewServer returns an HTTP server for h: HTTP/1.1, and HTTP/2 in clear for who knows that it
// is spoken here. The caller listens, and shuts it down.
func NewServer(h http.Handler) *http.Server {
	p := new(http.Protocols)
	p.SetHTTP1(true)
	p.SetUnencryptedHTTP2(true)
	return &http.Server{
		Handler: h, Protocols: p, HTTP2: &http.HTTP2Config{MaxConcurrentStreams: maxStreams},
		ReadHeaderTimeout: headerTime, ReadTimeout: readTime, IdleTimeout: keepAlive, MaxHeaderBytes: maxHeader,
		DisableGeneralOptionsHandler: true,
	}
}
