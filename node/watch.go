package node

import (
	"context"
	"net"
	"net/http"

	"rhizome/base/errs"
	"rhizome/gateway/admin"
	"rhizome/gateway/admin/alarm"
	"rhizome/gateway/admin/api"
	"rhizome/gateway/admin/metrics"
	"rhizome/net/rpc"
)

// toldKey holds what was told of risks, the record of package alarm.
var toldKey = []byte("nr")

// told keeps what an alarm told.
type told struct{ n *Node }

// Load implements alarm.Memory.
func (t told) Load() ([]byte, error) {
	raw, _, err := t.n.rows.Find(toldKey)
	return raw, err
}

// Save implements alarm.Memory.
func (t told) Save(raw []byte) error {
	return t.n.rows.Set(toldKey, raw)
}

// listenMetrics opens the address of the metrics, if there is to be one.
func (n *Node) listenMetrics() (err error) {
	if n.config.Metrics == "" {
		return nil
	}
	if n.scrapes, err = net.Listen("tcp", n.config.Metrics); err != nil {
		return errs.Newf(errs.Invalid, "the metrics cannot be served on %s: %w; choose another address with --metrics", n.config.Metrics, err)
	}
	n.onClose(func() error { return closeOnce(n.scrapes) })
	return nil
}

// Metrics is where the metrics are served, "" if nowhere.
func (n *Node) Metrics() string {
	if n.scrapes == nil {
		return ""
	}
	return "http://" + n.scrapes.Addr().String() + "/metrics"
}

// watchers are the services that tell others how the node is.
func (n *Node) watchers(server *admin.Server, m *metrics.Metrics) []service {
	c := n.config
	reasons := func(ctx context.Context) ([]api.Reason, error) { return server.Reasons(ctx, c.Say) }
	bell := alarm.New(alarm.Config{
		Webhook: c.RiskWebhook, Command: c.RiskCommand, Reasons: reasons, Memory: told{n},
		Node: n.keys.id().String(), Home: c.Home, Rhizome: n.members.Layout().Lineage.String(),
		Say: c.Say, Clock: c.Clock, Logger: c.Logger,
	})
	out := []service{{"alarm", func(ctx context.Context) error { return bell.Run(rpc.Aside(ctx)) }}}
	if n.scrapes != nil {
		c.Logger.Info("metrics are served", "url", n.Metrics())
		scraped := m.HTTP(c.Logger)
		scraped.Handler = aside(scraped.Handler)
		out = append(out, service{"metrics", serve(scraped, n.scrapes, c.Logger)})
	}
	return out
}

// MetricFacts implements metrics.Source.
func (n *Node) MetricFacts() metrics.Facts {
	f := metrics.Facts{Version: n.config.Version, Started: n.started, RowsBytes: int64(n.rows.DiskBytes())}
	f.Skew, f.Agreed = n.members.Clock().Skew()
	p := n.extents.Progress()
	f.Fetched, f.Mended = p.Fetched, p.Mended
	logs := n.logs.Counts()
	f.LogsWritten, f.LogsDropped, f.LogsWaiting, f.LogsFailing = logs.Written, logs.Dropped, logs.Waiting, logs.Failing
	f.EventsWaiting, f.EventsTold, f.EventsFailed = n.eventCounts()
	waiting, sent := n.replicationCounts()
	f.DuesWaiting, f.DuesSent, f.DuesBytes, f.DuesFailed = waiting, sent.Sent, sent.Bytes, sent.Failed
	return f
}

// aside has questions about the node asked of others without being load to them.
func aside(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			r = r.WithContext(rpc.Aside(r.Context()))
		}
		h.ServeHTTP(w, r)
	})
}
