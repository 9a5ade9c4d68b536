package metrics

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"

	"rhizome/base/errs"
	"rhizome/gateway/admin/api"
)

// town is a Source of two homes.
type town struct{ fail error }

func (town) MetricFacts() Facts {
	return Facts{Version: "test", Started: time.Unix(1e9, 0), RowsBytes: 12345, Skew: 1500 * time.Millisecond, Agreed: true}
}

func (town) Nodes(context.Context) ([]api.Node, error) {
	return []api.Node{
		{ID: strings.Repeat("a", 64), Home: "garden", This: true, Up: true, Used: 5},
		{ID: strings.Repeat("b", 64), Home: "at \"tic\"\n", Up: true, RTT: 250, Health: api.NodeHealth{BytesLeft: 77, Damaged: 2}},
		{ID: strings.Repeat("c", 64), Home: "barn"},
	}, nil
}

func (town) Layout(context.Context) (api.Layout, error) {
	return api.Layout{Version: 9, Partitions: 1024, Stand: api.Standing{Fragile: 3}, Moving: &api.LayoutMoves{BytesLeft: 77}}, nil
}

func (t town) Disks(context.Context) ([]api.Disk, error) {
	return []api.Disk{{Path: "/mnt/usb", State: api.DiskLost}, {Path: "/srv", State: api.DiskOK, Free: 7}}, t.fail
}

func metricsOf(t town) (*Metrics, *Requests) {
	r := NewRequests()
	return New(Config{Source: t, Requests: r, Reasons: func(context.Context) ([]api.Reason, error) {
		return []api.Reason{{Kind: api.RiskAway}, {Kind: api.RiskAway}}, nil
	}}), r
}

func text(t *testing.T, m *Metrics) string {
	t.Helper()
	raw, err := m.Text(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// TestText: values are what the node says, and the text is what Prometheus reads.
func TestText(t *testing.T) {
	m, r := metricsOf(town{})
	r.Begun()
	r.Ended("GetObject", 206, 20*time.Millisecond)
	r.Begun()
	r.Ended("", 0, time.Hour)
	r.Begun()
	said := text(t, m)
	for _, want := range []string{
		`rhizome_node_up{home="barn",node="cccccccc"} 0`, `rhizome_node_up{home="garden",node="aaaaaaaa"} 1`,
		`rhizome_node_bytes_left{home="at \"tic\"\n",node="bbbbbbbb"} 77`, `rhizome_node_round_trip_seconds{home="at \"tic\"\n",node="bbbbbbbb"} 0.25`,
		`rhizome_partitions{state="fragile"} 3`, `rhizome_disk_usable{disk="/mnt/usb"} 0`, `rhizome_rows_bytes 12345`,
		`rhizome_clock_skew_seconds 1.5`, `rhizome_risk{kind="away"} 2`, `rhizome_risk{kind="full"} 0`, `rhizome_layout_version 9`,
		`rhizome_s3_requests_total{class="2xx",operation="GetObject"} 1`, `rhizome_s3_requests_total{class="none",operation="none"} 1`,
		`rhizome_s3_request_seconds_bucket{operation="GetObject",le="0.025"} 1`, `rhizome_s3_requests_in_flight 1`,
	} {
		if !strings.Contains(said, want+"\n") {
			t.Errorf("there is no %s in\n%s", want, said)
		}
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	if _, err := parser.TextToMetricFamilies(strings.NewReader(said)); err != nil {
		t.Error(err)
	}
	if again := text(t, m); again != said {
		t.Error("reading twice gives something else")
	}
}

// TestHTTP: only GET /metrics is answered, and what fails says nothing of why.
func TestHTTP(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	m, _ := metricsOf(town{})
	bad, _ := metricsOf(town{fail: errs.New(errs.Internal, "a secret path")})
	for _, c := range []struct {
		of           *Metrics
		method, path string
		status       int
	}{{m, "GET", "/metrics", 200}, {m, "POST", "/metrics", 405}, {m, "GET", "/", 404}, {bad, "GET", "/metrics", 503}} {
		w := httptest.NewRecorder()
		c.of.HTTP(log).Handler.ServeHTTP(w, httptest.NewRequest(c.method, c.path, nil))
		body, _ := io.ReadAll(w.Result().Body)
		if w.Code != c.status || strings.Contains(string(body), "secret") {
			t.Errorf("%s %s: %d %s", c.method, c.path, w.Code, body)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	m.turn <- struct{}{}
	if _, err := m.Text(ctx); !errors.Is(err, errs.Unavailable) {
		t.Errorf("a second reader whose time is over: %v", err)
	}
	<-m.turn
}

// names are the metrics that a text has, or speaks of.
func names(text string) []string {
	out := regexp.MustCompile(`\brhizome_[a-z0-9_]+`).FindAllString(text, -1)
	for i, n := range out {
		for _, part := range []string{"_bucket", "_sum", "_count"} {
			if strings.HasPrefix(n, "rhizome_s3_request_seconds") {
				n = strings.TrimSuffix(n, part)
			}
		}
		out[i] = n
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// TestDocuments: the page describes each metric and no other, and the rules are YAML that
// speaks of metrics that are there.
func TestDocuments(t *testing.T) {
	m, r := metricsOf(town{})
	r.Begun()
	r.Ended("PutObject", 200, time.Second)
	real := names(text(t, m))
	page, err := os.ReadFile("../../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	if told := names(string(page)); !slices.Equal(told, real) {
		t.Errorf("docs/metrics.md speaks of\n%v\nbut there are\n%v", told, real)
	}
	raw, err := os.ReadFile("../../../docs/metrics.rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	var rules struct {
		Groups []struct {
			Name  string
			Rules []struct {
				Alert, Expr, For    string
				Labels, Annotations map[string]string
			}
		}
	}
	d := yaml.NewDecoder(strings.NewReader(string(raw)))
	d.KnownFields(true)
	if err := d.Decode(&rules); err != nil || len(rules.Groups) == 0 {
		t.Fatalf("%v: %+v", err, rules)
	}
	for _, g := range rules.Groups {
		for _, rule := range g.Rules {
			if rule.Alert == "" || rule.For == "" || rule.Labels["severity"] == "" || rule.Annotations["summary"] == "" {
				t.Errorf("a rule lacks something: %+v", rule)
			}
			for _, n := range names(rule.Expr) {
				if !slices.Contains(real, n) {
					t.Errorf("%s: there is no metric %s", rule.Alert, n)
				}
			}
			for _, kind := range regexp.MustCompile(`kind="([a-z]+)"`).FindAllStringSubmatch(rule.Expr, -1) {
				if !slices.Contains(api.RiskKinds(), kind[1]) {
					t.Errorf("%s: there is no risk %s", rule.Alert, kind[1])
				}
			}
		}
	}
}
