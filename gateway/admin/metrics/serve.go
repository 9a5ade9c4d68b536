package metrics

import (
	"log/slog"
	"net/http"
	"time"
)

// Limits of the server.
const (
	headTime   = 5 * time.Second
	answerTime = 30 * time.Second
	maxHeaders = 8 << 10
)

// HTTP returns the server that answers GET /metrics. Whoever reaches it may read: it is
// meant for an address that only a Prometheus of one's own reaches.
func (m *Metrics) HTTP(log *slog.Logger) *http.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) {
		text, err := m.Text(r.Context())
		if err != nil {
			log.Warn("the metrics could not be read", "error", err)
			http.Error(w, "the metrics could not be read; the node's log says why", http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		_, _ = w.Write(text) // who went away needs no answer
	})
	return &http.Server{Handler: mux, ReadTimeout: headTime, WriteTimeout: answerTime, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: maxHeaders, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}
}
