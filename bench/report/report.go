package report

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"rhizome/bench/limits"
	"rhizome/bench/load"
)

// Head begins every report: when and where, and the machine's limits then.
type Head struct {
	When    string        `json:"when"`
	Machine string        `json:"machine"`
	Before  limits.Limits `json:"limits_before"`
	After   limits.Limits `json:"limits_after"`
}

// Report is everything that one run showed. Runs[0] is the program.
type Report struct {
	Head
	Runs []*load.Run `json:"runs"`
}

// JSON writes a report for programs.
func JSON(w io.Writer, report any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(report)
}

// best are the limits that hold for the run: the better of before and after.
func (r *Head) best() limits.Limits {
	a, b := r.Before, r.After
	return limits.Limits{WriteFsync: max(a.WriteFsync, b.WriteFsync), Fsyncs1: max(a.Fsyncs1, b.Fsyncs1), Fsyncs16: max(a.Fsyncs16, b.Fsyncs16),
		MD5: max(a.MD5, b.MD5), SHA256: max(a.SHA256, b.SHA256), BLAKE3: max(a.BLAKE3, b.BLAKE3), AESGCM: max(a.AESGCM, b.AESGCM), Loopback: max(a.Loopback, b.Loopback),
		HTTP: max(a.HTTP, b.HTTP)}
}

// Text writes the report for people, in Markdown.
func (r *Report) Text(w io.Writer) error {
	var b strings.Builder
	r.head(&b)
	r.table(&b)
	r.beside(&b)
	for _, run := range r.Runs {
		phases(&b, run)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *Head) head(b *strings.Builder) {
	fmt.Fprintf(b, "%s; %s\n\n", r.When, r.Machine)
	b.WriteString("| limit of the machine | before | after | |\n| --- | --- | --- | --- |\n")
	x, y := r.Before, r.After
	for _, l := range []struct {
		name          string
		before, after float64
		unit          string
	}{
		{"sequential write + fsync", x.WriteFsync, y.WriteFsync, "MB/s"},
		{"fsyncs of 4 KiB, one at a time", x.Fsyncs1, y.Fsyncs1, "/s"},
		{"fsyncs of 4 KiB, 16 at once", x.Fsyncs16, y.Fsyncs16, "/s"},
		{"reads of 4 KiB from anywhere, 16 at once", x.Cold, y.Cold, "/s"},
		{"MD5, one core", x.MD5, y.MD5, "MB/s"},
		{"SHA-256, one core", x.SHA256, y.SHA256, "MB/s"},
		{"BLAKE3, one core", x.BLAKE3, y.BLAKE3, "MB/s"},
		{"AES-256-GCM, one core", x.AESGCM, y.AESGCM, "MB/s"},
		{"loopback TCP", x.Loopback, y.Loopback, "MB/s"},
		{"bare HTTP answers of 1 KiB, 16 conn", x.HTTP, y.HTTP, "/s"},
	} {
		fmt.Fprintf(b, "| %s | %s | %s | %s |\n", l.name, number(l.before), number(l.after), l.unit)
	}
	b.WriteString("\n")
}

func (r *Report) table(b *strings.Builder) {
	b.WriteString("| |")
	for _, run := range r.Runs {
		fmt.Fprintf(b, " %s |", run.Store)
	}
	b.WriteString(" of the limit | to reach | reached | MinIO | versitygw | SeaweedFS |\n|" + strings.Repeat(" --- |", len(r.Runs)+7) + "\n")
	best := r.best()
	for _, row := range rows() {
		fmt.Fprintf(b, "| %s, %s |", row.name, row.unit)
		for _, run := range r.Runs {
			v, ok := row.value(run)
			fmt.Fprintf(b, " %s |", numberIf(v, ok))
		}
		v, ok := row.value(r.Runs[0])
		share, goal := row.ratio(v, best), row.toReach(best)
		fmt.Fprintf(b, " %s | %s | %s | %s | %s | %s |\n", share, goal, row.reached(v, ok, best),
			numberIf(row.minio, row.minio > 0), numberIf(row.versitygw, row.versitygw > 0), numberIf(row.seaweedfs, row.seaweedfs > 0))
	}
	b.WriteString("\nThe three columns on the right are peers on a machine of 2 cores in November 2026; versitygw and SeaweedFS never fsync.\n\n")
}

// beside compares with a peer of the same run, for what both measured and a figure is to
// be reached for: machines differ, and the same machine from hour to hour.
func (r *Report) beside(b *strings.Builder) {
	if len(r.Runs) < 2 {
		return
	}
	ours, peer := r.Runs[0], r.Runs[1]
	fmt.Fprintf(b, "| | times as good as %s | to reach | reached |\n| --- | --- | --- | --- |\n", peer.Store)
	for _, row := range rows() {
		v, ok := row.value(ours)
		p, both := row.value(peer)
		if !ok || !both || row.goal == 0 || row.versitygw == 0 {
			continue
		}
		times, goal := v/p, row.goal/row.versitygw
		if row.smaller {
			times, goal = 1/times, 1/goal
		}
		reached := "no"
		if times >= goal {
			reached = "yes"
		}
		fmt.Fprintf(b, "| %s | %.2f | %.2f | %s |\n", row.name, times, goal, reached)
	}
	b.WriteString("\nWhat is to be reached is the figure to reach above over the peer's figure of November 2026.\n\n")
}

func (row row) ratio(v float64, l limits.Limits) string {
	if row.bound == nil {
		return ""
	}
	return fmt.Sprintf("%.0f%% of %s", 100*v/row.bound(l), row.of)
}

func (row row) toReach(l limits.Limits) string {
	goal := numberIf(row.goal, row.goal > 0)
	if row.goalShare == 0 {
		return goal
	}
	share := number(row.goalShare * row.bound(l))
	if goal == "" {
		return share
	}
	return goal + " or " + share
}

func (row row) reached(v float64, ok bool, l limits.Limits) string {
	switch {
	case !ok:
		return ""
	case row.smaller && v <= row.goal,
		!row.smaller && row.goal > 0 && v >= row.goal,
		row.goalShare > 0 && v >= row.goalShare*row.bound(l):
		return "yes"
	}
	return "no"
}

// phases writes every phase of a run.
func phases(b *strings.Builder, run *load.Run) {
	fmt.Fprintf(b, "## %s\n\n| phase | conn | ops | /s | MB/s | p50 ms | p99 ms | server CPU s/GiB | server CPU ms/op | peak MiB |\n|%s\n", run.Store, strings.Repeat(" --- |", 10))
	for _, p := range run.Results {
		fmt.Fprintf(b, "| %s | %d | %d | %s | %s | %s | %s | %s | %.2f | %d |\n", p.Name, p.Conns, p.Ops, number(p.Rate), numberIf(p.MBs, p.Bytes > 0),
			number(p.P50), number(p.P99), numberIf(p.CPUGiB, p.Bytes > mib), perOp(p), p.Peak/mib)
	}
	fmt.Fprintf(b, "\nMemory: %d MiB idle after the start, %d at most, %d after all phases. Disk: %d bytes for a 1 KiB object, %.3f per byte of large ones. Start to first answer: %.2f s in a new folder, %.2f s again.\n",
		run.Idle/mib, run.Peak/mib, run.Settled/mib, run.PerSmall, run.PerByte, run.FirstRun, run.Restart)
	if l := run.Result("LIST 1000"); l != nil {
		fmt.Fprintf(b, "LIST: first page %.1f ms, last page %.1f ms.\n", l.First, l.Last)
	}
	b.WriteString("\n")
}

// number writes a figure with three digits that say something.
func number(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

func numberIf(v float64, ok bool) string {
	if !ok {
		return ""
	}
	return number(v)
}
