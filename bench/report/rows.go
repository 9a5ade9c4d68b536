package report

import (
	"rhizome/bench/limits"
	"rhizome/bench/load"
)

// row is one line of the table.
type row struct {
	name  string
	unit  string
	value func(*load.Run) (float64, bool)
	// smaller says that less is better.
	smaller bool
	// bound is the machine's limit for this figure, 0 if none is meant.
	bound func(limits.Limits) float64
	// of names the bound.
	of string
	// minio, versitygw, seaweedfs are figures of a machine of 2 cores, November 2026.
	minio, versitygw, seaweedfs float64
	// goal is the figure to reach; goalShare, if not 0, is the share of the bound that
	// is as good.
	goal, goalShare float64
}

func rate(phase string) func(*load.Run) (float64, bool) {
	return func(r *load.Run) (float64, bool) {
		if res := r.Result(phase); res != nil {
			return res.Rate, true
		}
		return 0, false
	}
}

func mbs(phase string) func(*load.Run) (float64, bool) {
	return func(r *load.Run) (float64, bool) {
		if res := r.Result(phase); res != nil {
			return res.MBs, true
		}
		return 0, false
	}
}

func p50(phase string) func(*load.Run) (float64, bool) {
	return func(r *load.Run) (float64, bool) {
		if res := r.Result(phase); res != nil {
			return res.P50, true
		}
		return 0, false
	}
}

func whole(get func(*load.Run) float64) func(*load.Run) (float64, bool) {
	return func(r *load.Run) (float64, bool) { v := get(r); return v, v > 0 }
}

func fsync16(l limits.Limits) float64  { return l.Fsyncs16 }
func write(l limits.Limits) float64    { return l.WriteFsync }
func bareHTTP(l limits.Limits) float64 { return l.HTTP }
func loopback(l limits.Limits) float64 { return l.Loopback }
func writeOrMD5(l limits.Limits) float64 {
	return min(l.WriteFsync, l.MD5)
}

const mib = 1 << 20

// rows are the figures that count, in the order in which they are shown.
func rows() []row {
	return []row{
		{name: "PUT 1 KiB, 16 conn", unit: "/s", value: rate("PUT 1 KiB"), bound: fsync16, of: "16 fsyncs", minio: 726, versitygw: 3311, seaweedfs: 1623, goal: 4500},
		{name: "GET 1 KiB, 16 conn", unit: "/s", value: rate("GET 1 KiB"), bound: bareHTTP, of: "bare HTTP", minio: 2382, versitygw: 4720, seaweedfs: 3009, goal: 8000},
		{name: "PUT 64 KiB, 16 conn", unit: "/s", value: rate("PUT 64 KiB"), bound: fsync16, of: "16 fsyncs", minio: 618, versitygw: 2198, seaweedfs: 1039, goal: 3000},
		{name: "PUT 1 MiB, 16 conn", unit: "MB/s", value: mbs("PUT 1 MiB"), bound: writeOrMD5, of: "min(write+fsync, MD5)", minio: 155, versitygw: 231, seaweedfs: 123, goal: 400, goalShare: 0.8},
		{name: "GET 1 MiB, 16 conn", unit: "MB/s", value: mbs("GET 1 MiB"), bound: loopback, of: "loopback", minio: 781, versitygw: 1419, seaweedfs: 1077, goal: 1500},
		{name: "PUT 64 MiB, 1 conn", unit: "MB/s", value: mbs("PUT 64 MiB"), bound: writeOrMD5, of: "min(write+fsync, MD5)", minio: 189, versitygw: 171, seaweedfs: 84, goal: 350, goalShare: 0.8},
		{name: "GET 64 MiB, 1 conn", unit: "MB/s", value: mbs("GET 64 MiB"), bound: loopback, of: "loopback", minio: 838, versitygw: 1436, seaweedfs: 693, goal: 1400},
		{name: "512 MiB multipart, 4 at once", unit: "MB/s", value: mbs("multipart 512 MiB"), bound: write, of: "write+fsync", minio: 247, versitygw: 168, seaweedfs: 98, goal: 450, goalShare: 0.8},
		{name: "1 GiB multipart, 4 at once", unit: "MB/s", value: mbs("multipart 1024 MiB"), bound: write, of: "write+fsync", goalShare: 0.8},
		{name: "LIST page of 1,000", unit: "ms", value: p50("LIST 1000"), smaller: true, minio: 49, versitygw: 73, seaweedfs: 27, goal: 8},
		{name: "multi-delete of 1,000", unit: "ms", value: p50("multi-delete 1000"), smaller: true, minio: 398, versitygw: 239, seaweedfs: 593, goal: 60},
		{name: "memory, idle", unit: "MiB", value: whole(func(r *load.Run) float64 { return float64(r.Idle) / mib }), smaller: true, minio: 105, versitygw: 28, seaweedfs: 107, goal: 50},
		{name: "memory, peak", unit: "MiB", value: whole(func(r *load.Run) float64 { return float64(r.Peak) / mib }), smaller: true, minio: 577, versitygw: 68, seaweedfs: 4800, goal: 200},
		{name: "disk bytes for a 1 KiB object", unit: "B", value: whole(func(r *load.Run) float64 { return float64(r.PerSmall) }), smaller: true, minio: 8218, versitygw: 8217, seaweedfs: 1386, goal: 1600},
		{name: "start to first answer", unit: "s", value: whole(func(r *load.Run) float64 { return r.Restart }), smaller: true, minio: 0.91, versitygw: 0.12, seaweedfs: 3.0, goal: 0.3},
	}
}
