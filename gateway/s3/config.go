package s3

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"rhizome/base/clock"
	"rhizome/base/ident"
	"rhizome/gateway/s3/checksum"
	"rhizome/gateway/s3/sigv4"
	"rhizome/model/account"
	"rhizome/model/object"
)

// Config is what a gateway is made of. Objects, Keys and Clock are needed.
type Config struct {
	Objects object.Service
	// Keys returns the key with an access key ID; errs.NotFound if there is none.
	Keys func(ctx context.Context, accessKeyID string) (*account.Key, error)
	// People finds those whom a policy names; nil: only access key IDs that Keys knows.
	People People
	// Webhook fails with errs.NotFound if there is no webhook of that name that buckets of the key's
	// member may be told to; nil: there are none.
	Webhook func(ctx context.Context, name string, k *account.Key) error
	// Remotes fails with errs.NotFound if there is no remote of that name, and with errs.Denied
	// if it is not the member's; nil: there are none. Replicated is told that rules of
	// replication were changed; nil: nobody is.
	Remotes    func(ctx context.Context, name string, member ident.ID) error
	Replicated func()
	// Clock tells the time that signatures and policies are held against.
	Clock clock.Clock
	// Domains are the names under which buckets are addressed as BUCKET.DOMAIN.
	Domains []string
	// Region, if set, is the only one accepted in signatures and bucket creation;
	// with "" any is, and us-east-1 is reported.
	Region string
	// Logger gets refusals of kind internal, unavailable and corrupt, and every
	// request at debug level. Nil discards.
	Logger *slog.Logger
	// Sums works out several bodies' MD5s at once; nil does each on its own. Its owner
	// closes it when no request is under way.
	Sums *checksum.Pool
	// Meter is told of every request; nil: nobody is.
	Meter Meter
	// Logs takes lines about requests of buckets that want it; nil: nobody does.
	Logs Logs
	// Sites is told of buckets that become web sites, or cease to be; nil: nobody is.
	Sites Sites
	// Closed fails while the node is no member of its rhizome: everything is refused then,
	// at once. Nil: it always is one.
	Closed func() error
	// MaxConcurrent is how many requests run at once before others get SlowDown;
	// 0 is 1024.
	MaxConcurrent int
}

// Meter counts requests. It is safe for concurrent use and answers at once.
type Meter interface {
	Begun()
	// Ended is told S3's name of the operation, "" if the request never got that far, the
	// status of the answer, 0 if none began, and how long it took.
	Ended(operation string, status int, took time.Duration)
}

const (
	defaultRegion     = "us-east-1"
	defaultConcurrent = 1024
	formShare         = 16 // one in so many may be a form from nobody known
)

// gateway is the handler. It is safe for concurrent use and never changes.
type gateway struct {
	objects  object.Service
	ahead    object.Foreseer // nil: the service cannot
	keys     func(context.Context, string) (*account.Key, error)
	people   People
	webhook  func(context.Context, string, *account.Key) error
	remotes  func(context.Context, string, ident.ID) error
	started  func()
	clock    clock.Clock
	policies policies
	domains  []string
	strict   bool   // only region is accepted
	region   string // the one reported
	verifier *sigv4.Verifier
	log      *slog.Logger
	sums     *checksum.Pool
	meter    Meter
	sites    Sites
	shut     func() error // nil: never
	logs     Logs
	last     lastKnown     // nil: nothing is
	slots    chan struct{} // requests under way
	forms    chan struct{} // forms of which it is not known yet who sends them
	routes   index
	rates    rates
}

// New returns the S3 gateway.
func New(c Config) http.Handler {
	g := &gateway{
		objects: c.Objects, keys: c.Keys, people: c.People, webhook: c.Webhook, remotes: c.Remotes, started: c.Replicated, clock: c.Clock, log: c.Logger, sums: c.Sums, meter: c.Meter, sites: c.Sites, logs: c.Logs, shut: c.Closed,
		strict: c.Region != "", region: c.Region,
		verifier: sigv4.New(c.Region), routes: newIndex(table()),
	}
	g.ahead, _ = c.Objects.(object.Foreseer)
	g.last, _ = c.Objects.(lastKnown)
	for _, d := range c.Domains {
		g.domains = append(g.domains, strings.ToLower(strings.Trim(d, ".")))
	}
	if g.region == "" {
		g.region = defaultRegion
	}
	if g.log == nil {
		g.log = slog.New(slog.DiscardHandler)
	}
	if c.MaxConcurrent == 0 {
		c.MaxConcurrent = defaultConcurrent
	}
	g.slots = make(chan struct{}, c.MaxConcurrent)
	g.forms = make(chan struct{}, max(1, c.MaxConcurrent/formShare))
	return g
}
