package report

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"rhizome/bench/limits"
	"rhizome/bench/load"
)

func example() *Report {
	run := &load.Run{Store: "rhizome", Idle: 30 << 20, Peak: 300 << 20, PerSmall: 1500, Restart: 0.2,
		Results: []load.Result{{Name: "PUT 1 KiB", Ops: 10, Rate: 5000, P50: 1}, {Name: "PUT 1 MiB", Ops: 10, MBs: 300, Bytes: 1 << 30, CPUGiB: 2}}}
	l := limits.Limits{WriteFsync: 1000, MD5: 350, Fsyncs16: 20000, Loopback: 2000, HTTP: 20000}
	return &Report{Head{"today", "this", l, l}, []*load.Run{run}}
}

func TestTableJudges(t *testing.T) {
	var b bytes.Buffer
	if err := example().Text(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| PUT 1 KiB, 16 conn, /s | 5000 | 25% of 16 fsyncs | 4500 | yes |",                    // over the goal
		"| PUT 1 MiB, 16 conn, MB/s | 300 | 86% of min(write+fsync, MD5) | 400 or 280 | yes |", // under it, near the limit
		"| memory, peak, MiB | 300 |  | 200 | no |",                                            // smaller is better
		"| GET 1 KiB, 16 conn, /s |  | 0% of bare HTTP | 8000 |  |",                            // not measured
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no line %q in\n%s", want, b.String())
		}
	}
}

func TestPeerOfTheSameRun(t *testing.T) {
	r := example()
	peer := *r.Runs[0]
	peer.Store, peer.Peak, peer.Results = "peer", 150<<20, []load.Result{{Name: "PUT 1 KiB", Ops: 10, Rate: 2500}}
	r.Runs = append(r.Runs, &peer)
	var b bytes.Buffer
	if err := r.Text(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| PUT 1 KiB, 16 conn | 2.00 | 1.36 | yes |",
		"| memory, peak | 0.50 | 0.34 | yes |",
		"| memory, idle | 1.00 | 0.56 | yes |",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no line %q in\n%s", want, b.String())
		}
	}
	if strings.Contains(b.String(), "| PUT 1 MiB, 16 conn | ") {
		t.Error("what the peer did not measure is compared")
	}
}

func TestJSONComesBack(t *testing.T) {
	var b bytes.Buffer
	if err := JSON(&b, example()); err != nil {
		t.Fatal(err)
	}
	var r Report
	if err := json.Unmarshal(b.Bytes(), &r); err != nil || r.Runs[0].Result("PUT 1 KiB").Rate != 5000 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestGrownIsCompared(t *testing.T) {
	g := &Grown{Bucket: &load.Grown{Few: 100, Many: 1000, Fill: load.Result{Rate: 70},
		WithFew: []load.Result{{Name: "GET, few", Conns: 16, Rate: 80}}, WithMany: []load.Result{{Name: "GET, many", Conns: 16, Rate: 60}}}}
	var b bytes.Buffer
	if err := g.Text(&b); err != nil {
		t.Fatal(err)
	}
	if want := "| GET, 16 conn, /s | 80.0 | 60.0 | 0.75 |"; !strings.Contains(b.String(), want) {
		t.Errorf("no line %q in\n%s", want, b.String())
	}
}

func TestExpiringIsCompared(t *testing.T) {
	e := &Expiring{Store: &load.Expiring{Expired: 1000, Gone: []float64{20}, Idle: 300,
		Quiet: []load.Result{{Name: "GET 1 KiB, quiet", Conns: 16, Rate: 80}}, Sweep: []load.Result{{Name: "GET 1 KiB, sweeping", Conns: 16, Rate: 60}}}}
	var b bytes.Buffer
	if err := e.Text(&b); err != nil {
		t.Fatal(err)
	}
	if want := "| GET 1 KiB, 16 conn, /s | 80.0 | 60.0 | 0.75 | 20.0 |"; !strings.Contains(b.String(), want) {
		t.Errorf("no line %q in\n%s", want, b.String())
	}
}
