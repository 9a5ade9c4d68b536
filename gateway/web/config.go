package web

import (
	"context"
	"log/slog"
	"net/http"

	"rhizome/base/clock"
	"rhizome/base/ident"
	"rhizome/model/object"
	"rhizome/model/site"
)

// Sites is what the server needs of the sites; *site.Store is one.
type Sites interface {
	Find(ctx context.Context, host string) (*site.Found, error)
	Foresee(a *object.Ahead, host string) *object.Bucket
	Manifest(ctx context.Context, b *object.Bucket, d *object.SiteDeployment) (*site.Manifest, error)
	Before(t *object.Site) *object.SiteDeployment
	Visited(bucket ident.ID, v site.Visit)
}

// Objects is what it needs of the objects. One that is an object.Foreseer is asked ahead.
type Objects interface {
	Get(ctx context.Context, b *object.Bucket, g object.Get) (*object.Object, error)
	Stat(ctx context.Context, b *object.Bucket, g object.Get) (*object.Object, error)
	List(ctx context.Context, b *object.Bucket, l object.List) (*object.Listed, error)
}

// Source is where answers come from.
type Source struct {
	Sites   Sites
	Objects Objects
}

// Config is what a Server is made of. Live and Clock are needed.
type Config struct {
	Live Source
	// Stale, if its Sites is set, answers for sites that want it when Live is errs.Unavailable.
	Stale Source
	// May reports whether a bucket's policy lets anybody read a key, for the request; nil: it
	// always does. It is asked for buckets with a policy alone.
	May func(r *http.Request, b *object.Bucket, key string) bool
	// Logs takes lines about visits of buckets that want it; nil: nobody does.
	Logs   Logs
	Clock  clock.Clock
	Logger *slog.Logger
	// Memory is how many bytes are remembered; 0 is 32 MiB.
	Memory int
	// MaxConcurrent is how many requests run at once before others get 503; 0 is 1,024.
	MaxConcurrent int
	// MaxPerGuest is how many requests of one address (IPv6: of one /64) run at once; 0 is 64.
	MaxPerGuest int
}

// Limits; those of the connection are in server.go.
const (
	defaultMemory     = 32 << 20
	defaultConcurrent = 1024
	defaultPerGuest   = 64
	// maxKept is the longest body that is remembered or compressed, minSmall the shortest
	// that is compressed.
	maxKept  = 1 << 20
	minSmall = 512
	maxKey   = object.MaxKey
	maxParts = 16 // ranges of one request
)

// Server answers visitors. It is safe for concurrent use.
type Server struct {
	c      Config
	memory *memory
	slots  chan struct{}
	guests guests
	gate   *gate
	cut    cut
	press  chan struct{} // who compresses
}

// New returns a Server.
func New(c Config) *Server {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Memory == 0 {
		c.Memory = defaultMemory
	}
	if c.MaxConcurrent == 0 {
		c.MaxConcurrent = defaultConcurrent
	}
	if c.MaxPerGuest == 0 {
		c.MaxPerGuest = defaultPerGuest
	}
	return &Server{c: c, guests: guests{most: c.MaxPerGuest, here: map[guest]int{}}, memory: newMemory(c.Memory), slots: make(chan struct{}, c.MaxConcurrent), gate: newGate(),
		press: make(chan struct{}, 2)}
}

// Rest gives back the memory of what is remembered.
func (s *Server) Rest() { s.memory.clear() }
