package s3

import (
	"net/http"
	"time"
)

// Limits on what comes before a request's body.
const (
	headerTime = 20 * time.Second
	keepAlive  = 2 * time.Minute
	maxHeader  = 32 << 10
	maxFields  = 8 << 10 // names and values of the header, as AWS has it
)

// NewServer returns an HTTP server for a gateway: slow or endless headers and idle
// connections are cut; bodies and answers are watched by the gateway itself, which
// ends those that stall and leaves slow lines alone. The caller listens, and shuts
// it down.
func NewServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler:                      h,
		ReadHeaderTimeout:            headerTime,
		IdleTimeout:                  keepAlive,
		MaxHeaderBytes:               maxHeader,
		DisableGeneralOptionsHandler: true,
	}
}
