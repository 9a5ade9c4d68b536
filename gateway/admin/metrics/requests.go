package metrics

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Requests counts S3 requests. It is safe for concurrent use.
type Requests struct {
	total   *prometheus.CounterVec
	seconds *prometheus.HistogramVec
	under   prometheus.Gauge
}

// bounds are those of the histogram of times, in seconds.
var bounds = []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 15, 60}

// NewRequests returns a Requests that has counted nothing.
func NewRequests() *Requests {
	return &Requests{
		total: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "rhizome_s3_requests_total", Help: "S3 requests that ended, by operation and class of the status: 2xx, 3xx, 4xx, 5xx, or none if no answer began.",
		}, []string{"operation", "class"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "rhizome_s3_request_seconds", Help: "Time from an S3 request's head to the end of its answer, bodies included.", Buckets: bounds,
		}, []string{"operation"}),
		under: prometheus.NewGauge(prometheus.GaugeOpts{Name: "rhizome_s3_requests_in_flight", Help: "S3 requests under way."}),
	}
}

// Begun notes that a request began.
func (r *Requests) Begun() { r.under.Inc() }

// Ended notes that it ended: operation is S3's name for it, of which there are few, ""
// if it never got that far; status is 0 if no answer began.
func (r *Requests) Ended(operation string, status int, took time.Duration) {
	r.under.Dec()
	if operation == "" {
		operation = "none"
	}
	r.total.WithLabelValues(operation, class(status)).Inc()
	r.seconds.WithLabelValues(operation).Observe(took.Seconds())
}

func class(status int) string {
	if status < 100 || status > 599 {
		return "none"
	}
	return strconv.Itoa(status/100) + "xx"
}

func (r *Requests) collectors() []prometheus.Collector {
	return []prometheus.Collector{r.total, r.seconds, r.under}
}
