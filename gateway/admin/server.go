// Package admin is the HTTP API behind the command line: JSON on a Unix socket in
// the data folder. Whoever can open the socket may do everything, so the folder
// (0700) and the socket (0600) are the access control; nothing here listens on a
// network. The records are those of package api.
//
// Limits: 64 requests at a time, 64 KiB of headers, 1 MiB of JSON, one minute per
// request that moves no object bytes.
package admin

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"rhizome/base/clock"
	"rhizome/base/errs"
	"rhizome/base/lang"
	"rhizome/gateway/admin/api"
	"rhizome/model/account"
	"rhizome/model/hook"
	"rhizome/model/object"
)

// Limits of the server.
const (
	maxRequests = 64
	maxHeaders  = 64 << 10
	maxJSON     = 1 << 20
	maxTime     = time.Minute
)

// Config is what a Server is made of. All fields are needed unless they say otherwise.
type Config struct {
	Keys    Keys
	Buckets Buckets
	Objects Objects
	Locator Locator
	Host    Host
	// Cluster speaks of the other nodes and homes; nil: they are not spoken of.
	Cluster Cluster
	// Sites are the web sites; nil: they are not spoken of. Owns refuses who does not own a
	// bucket; nil: everybody does.
	Sites Sites
	Owns  func(ctx context.Context, b *object.Bucket) error
	// Writes refuses who may not put objects into a bucket; nil: everybody may.
	Writes func(ctx context.Context, b *object.Bucket) error
	// OwnsKey refuses whose key it is not; nil: it is everybody's.
	OwnsKey func(ctx context.Context, k *account.Key) error
	// Follow reports whether S3 lets a link read an object that k signed; nil: it does.
	Follow func(ctx context.Context, b *object.Bucket, k *account.Key, key, link string) bool
	// Documents reads policies and CORS configurations; nil: there are none.
	Documents Documents
	// Webhooks are those that are told of events, and WebhookState how one is, as this node
	// sees it; nil: there are none.
	Webhooks     Webhooks
	WebhookState func(name string) WebhookState
	// OwnsWebhook refuses whose webhook it is not; nil: it is everybody's.
	OwnsWebhook func(ctx context.Context, w *hook.Webhook) error
	// WebhooksSilent returns those that could not be told for so long; nil: none.
	WebhooksSilent func(long time.Duration) []string
	// Replication is about other stores; nil: there are none.
	Replication *Replication
	// Logs are the logs of requests; nil: there are none.
	Logs Logs
	// Inventories are the lists of buckets that are written; nil: there are none.
	Inventories Inventories
	// Metrics returns the node's metrics as text; nil: there are none.
	Metrics func(ctx context.Context) ([]byte, error)
	Clock   clock.Clock
	Logger  *slog.Logger
}

// Server answers the admin API. It is safe for concurrent use.
type Server struct {
	Config
	slots chan struct{}
	part  int64 // partSize, but in tests
	// naming is held while a key gets a name: two do not get the same.
	naming sync.Mutex
	// granting is held while a key is granted something or deleted: a key that is gone
	// has nothing.
	granting sync.Mutex
}

// New returns a Server.
func New(c Config) *Server {
	return &Server{Config: c, slots: make(chan struct{}, maxRequests), part: partSize}
}

// HTTP returns the server to run on the socket.
func (s *Server) HTTP() *http.Server {
	return &http.Server{
		Handler:           s.Handler(),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    maxHeaders,
		ErrorLog:          slog.NewLogLogger(s.Logger.Handler(), slog.LevelDebug),
	}
}

// Handler returns the routes.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	for pattern, h := range s.routes() {
		mux.Handle(pattern, s.serve(h))
	}
	if s.Webhooks != nil {
		for pattern, h := range s.webhookRoutes() {
			mux.Handle(pattern, s.serve(h))
		}
	}
	if s.Replication != nil {
		for pattern, h := range s.remoteRoutes() {
			mux.Handle(pattern, s.serve(h))
		}
	}
	if s.Inventories != nil {
		for pattern, h := range s.inventoryRoutes() {
			mux.Handle(pattern, s.serve(h))
		}
	}
	if s.Cluster != nil {
		for pattern, h := range s.clusterRoutes() {
			mux.Handle(pattern, s.serve(h))
		}
	}
	if s.Sites != nil {
		for pattern, h := range s.siteRoutes() {
			mux.Handle(pattern, s.serve(h))
		}
		for pattern, h := range s.siteStreams() {
			mux.Handle(pattern, s.stream(h))
		}
	}
	mux.Handle("PUT /v1/buckets/{bucket}/object", s.stream(s.putObject))
	mux.Handle("POST /v1/recovery-kit/written", s.stream(s.kitWritten))
	mux.Handle("GET /v1/buckets/{bucket}/object", s.stream(s.statObject))
	mux.Handle("POST /v1/buckets/{bucket}/restore", s.stream(s.restore))
	mux.Handle("/", s.serve(func(*http.Request) (any, error) {
		return nil, errs.New(errs.NotFound, "the node does not know this request: is the program newer than the node?")
	}))
	return mux
}

// request answers one request with a record, nil for none.
type request func(r *http.Request) (any, error)

func (s *Server) routes() map[string]request {
	return map[string]request{
		"GET /v1/status":   s.status,
		"GET /v1/metrics":  s.metrics,
		"GET /v1/settings": func(*http.Request) (any, error) { return s.Host.Facts().Settings, nil },

		"GET /v1/keys":         s.listKeys,
		"POST /v1/keys":        s.createKey,
		"GET /v1/keys/{id}":    s.showKey,
		"PUT /v1/keys/{id}":    s.changeKey,
		"DELETE /v1/keys/{id}": s.deleteKey,

		"GET /v1/buckets":                     s.listBuckets,
		"POST /v1/buckets":                    s.createBucket,
		"GET /v1/buckets/{bucket}":            s.showBucket,
		"DELETE /v1/buckets/{bucket}":         s.deleteBucket,
		"POST /v1/buckets/{bucket}/aliases":   s.addAlias,
		"DELETE /v1/buckets/{bucket}/aliases": s.removeAlias,
		"POST /v1/buckets/{bucket}/access":    s.setAccess,
		"PUT /v1/buckets/{bucket}/quota":      s.setQuota,
		"GET /v1/buckets/{bucket}/objects":    s.listObjects,
		"PUT /v1/buckets/{bucket}/versioning": s.setVersioning,
		"GET /v1/buckets/{bucket}/policy":     s.getPolicy,
		"PUT /v1/buckets/{bucket}/policy":     s.setPolicy,
		"DELETE /v1/buckets/{bucket}/policy":  s.deletePolicy,
		"GET /v1/buckets/{bucket}/cors":       s.getCORS,
		"PUT /v1/buckets/{bucket}/cors":       s.setCORS,
		"DELETE /v1/buckets/{bucket}/cors":    s.deleteCORS,
		"GET /v1/buckets/{bucket}/versions":   s.listVersions,
		"PUT /v1/buckets/{bucket}/lock":       s.setLock,
		"PUT /v1/buckets/{bucket}/retention":  s.setRetention,
		"PUT /v1/buckets/{bucket}/hold":       s.setHold,
		"PUT /v1/buckets/{bucket}/lifecycle":  s.setLifecycle,
		"GET /v1/buckets/{bucket}/lifecycle":  s.getLifecycle,
		"PUT /v1/buckets/{bucket}/logging":    s.setLogging,
		"POST /v1/buckets/{bucket}/logging":   s.writeLog,
		"POST /v1/buckets/{bucket}/undelete":  s.undelete,

		"GET /v1/disks":               s.listDisks,
		"POST /v1/disks":              s.addDisk,
		"POST /v1/disks/{id}/drain":   s.drainDisk,
		"POST /v1/disks/{id}/undrain": s.undrainDisk,
		"DELETE /v1/disks/{id}":       s.removeDisk,

		"GET /v1/repair":              s.repairStatus,
		"POST /v1/repair/scrub":       s.scrub,
		"POST /v1/repair/accept-loss": s.acceptLoss,
		"POST /v1/share":              s.share,
		"GET /v1/recovery-kit":        s.kit,
	}
}

func (s *Server) metrics(r *http.Request) (any, error) {
	if s.Metrics == nil {
		return nil, errs.New(errs.NotFound, "the node keeps no metrics")
	}
	text, err := s.Metrics(r.Context())
	return api.Metrics{Text: string(text)}, err
}

// serve answers within maxTime, stream without that limit.
func (s *Server) serve(h request) http.Handler {
	return s.stream(func(r *http.Request) (any, error) {
		ctx, cancel := context.WithTimeout(r.Context(), maxTime)
		defer cancel()
		r = r.WithContext(ctx)
		return h(r.WithContext(speaking(r)))
	})
}

func (s *Server) stream(h request) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case s.slots <- struct{}{}:
			defer func() { <-s.slots }()
		case <-r.Context().Done():
			return
		}
		answer, err := h(r)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		reply(w, http.StatusOK, answer)
	})
}

func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	kind, p := errs.KindOf(err), printer(r)
	if kind == errs.Unavailable {
		err = s.absence(r, p, err)
	}
	if kind == errs.Internal {
		s.Logger.Error("admin request failed", "method", r.Method, "path", r.URL.Path, "error", err)
	}
	message := p.Error(err)
	if s.Cluster != nil && wholeID.MatchString(message) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), lookFor)
		defer cancel()
		if _, names, err := s.nodes(ctx); err == nil {
			message = names.in(message)
		}
	}
	reply(w, statusOf[kind], api.Error{Kind: kind.Error(), Message: message})
}

// statusOf is the one place where kinds become HTTP.
var statusOf = map[errs.Kind]int{
	errs.Internal:    http.StatusInternalServerError,
	errs.NotFound:    http.StatusNotFound,
	errs.Exists:      http.StatusConflict,
	errs.Conflict:    http.StatusPreconditionFailed,
	errs.Denied:      http.StatusForbidden,
	errs.Invalid:     http.StatusBadRequest,
	errs.TooLarge:    http.StatusRequestEntityTooLarge,
	errs.Unavailable: http.StatusServiceUnavailable,
	errs.Corrupt:     http.StatusUnprocessableEntity,
	errs.Full:        http.StatusInsufficientStorage,
}

func reply(w http.ResponseWriter, status int, answer any) {
	if answer == nil {
		answer = struct{}{}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer) // the client went away: nobody to tell
}

// read decodes a request's JSON; unknown fields are a newer program's and refused.
func read[T any](r *http.Request) (T, error) {
	var v T
	d := json.NewDecoder(http.MaxBytesReader(nil, r.Body, maxJSON))
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		return v, errs.Newf(errs.Invalid, "the request cannot be read: %w", err)
	}
	return v, nil
}

func printer(r *http.Request) lang.Printer { return lang.FromHeader(r.Header.Get("Accept-Language")) }
