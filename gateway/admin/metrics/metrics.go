// Package metrics tells programs how a node and its rhizome are, in the text format of
// Prometheus. It owns the metrics' names, which begin with rhizome_ and are described in
// docs/metrics.md; a test holds that page and the example rules against what is written here.
//
// Everything but the counters of requests is asked for when somebody reads, so a node
// that nobody watches does nothing. What a node says of the others is what it last heard
// from them. No label holds a name of a bucket, an object, a key or a client; nodes,
// homes, disks, S3 operations and kinds of risk are what labels tell apart. Sizes are
// bytes, times seconds.
package metrics

import (
	"bytes"
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"rhizome/base/errs"
	"rhizome/gateway/admin/api"
)

// Facts is what a node tells of itself beside what the admin API has.
type Facts struct {
	Version   string
	Started   time.Time
	RowsBytes int64 // what the row store occupies
	// Skew is how far the clock is ahead of the time that most nodes agree on; Agreed is
	// false if there is no such time.
	Skew   time.Duration
	Agreed bool
	// Fetched bytes came from other nodes since the start, Mended extents were made whole.
	Fetched, Mended int64
	// EventsWaiting are on this node's list, EventsTold and EventsFailed are since the start.
	EventsWaiting, EventsTold, EventsFailed int64
	// DuesWaiting are keys that other stores are to be sent, on this node's list; the others are
	// since the start.
	DuesWaiting, DuesSent, DuesBytes, DuesFailed int64
	// LogsWritten and LogsDropped are lines since the start, LogsWaiting bytes of them,
	// LogsFailing the buckets whose log cannot be written.
	LogsWritten, LogsDropped, LogsWaiting int64
	LogsFailing                           int
}

// Source answers for the node. Its methods answer at once.
type Source interface {
	MetricFacts() Facts
	Nodes(ctx context.Context) ([]api.Node, error)
	Layout(ctx context.Context) (api.Layout, error)
	Disks(ctx context.Context) ([]api.Disk, error)
}

// Config is what a Metrics is made of. All fields are needed.
type Config struct {
	Source   Source
	Requests *Requests
	// Reasons says what is at risk at present.
	Reasons func(ctx context.Context) ([]api.Reason, error)
}

// Metrics reads everything when it is asked. It is safe for concurrent use.
type Metrics struct {
	config   Config
	counters *prometheus.Registry
	turn     chan struct{}
}

// New returns a Metrics.
func New(c Config) *Metrics {
	m := &Metrics{config: c, counters: prometheus.NewPedanticRegistry(), turn: make(chan struct{}, 1)}
	m.counters.MustRegister(c.Requests.collectors()...) // the names are constants, each once
	return m
}

// Text returns all metrics as text. One caller is served at a time.
func (m *Metrics) Text(ctx context.Context) ([]byte, error) {
	select {
	case m.turn <- struct{}{}:
		defer func() { <-m.turn }()
	case <-ctx.Done():
		return nil, errs.Newf(errs.Unavailable, "the metrics were not read in time: %w", ctx.Err())
	}
	now := newGauges()
	if err := m.look(ctx, now); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	encoder := expfmt.NewEncoder(&out, expfmt.NewFormat(expfmt.TypeTextPlain))
	for _, r := range []prometheus.Gatherer{now.registry, m.counters} {
		families, err := r.Gather()
		if err != nil {
			return nil, errs.Newf(errs.Internal, "the metrics cannot be gathered: %w", err)
		}
		for _, f := range families {
			if err := encoder.Encode(f); err != nil {
				return nil, errs.Newf(errs.Internal, "the metrics cannot be written: %w", err)
			}
		}
	}
	return out.Bytes(), nil
}

// gauges are the values of one reading.
type gauges struct {
	registry *prometheus.Registry
	known    map[string]*prometheus.GaugeVec
}

func newGauges() *gauges {
	return &gauges{prometheus.NewPedanticRegistry(), map[string]*prometheus.GaugeVec{}}
}

// label is a label's name and value.
type label struct{ name, value string }

// set sets a metric, whose labels are named alike each time.
func (g *gauges) set(name, help string, value float64, labels ...label) {
	vec := g.known[name]
	names, values := make([]string, len(labels)), make([]string, len(labels))
	for i, l := range labels {
		names[i], values[i] = l.name, l.value
	}
	if vec == nil {
		vec = prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "rhizome_" + name, Help: help}, names)
		g.registry.MustRegister(vec) // a name is registered once
		g.known[name] = vec
	}
	vec.WithLabelValues(values...).Set(value)
}

// yes is 1 for true.
func yes(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
