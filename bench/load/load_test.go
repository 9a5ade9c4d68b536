package load

import (
	"bytes"
	"testing"
)

func TestBodiesDiffer(t *testing.T) {
	p := newPool()
	if bytes.Equal(p.body(1, 1024), p.body(2, 1024)) || len(p.body(7, 64<<20)) != 64<<20 {
		t.Error("bodies repeat, or have the wrong size")
	}
}

func TestBytesOnTheDisk(t *testing.T) {
	if x, err := perByte(100, 1110, 1000); err != nil || x != 1.01 {
		t.Error(x, err)
	}
	if x, err := perByte(900, 1119, 1000); err == nil {
		t.Errorf("a byte takes %v bytes", x)
	}
}

func TestSumOfConnections(t *testing.T) {
	res := Result{Name: "x", Seconds: 2, CPU: 1}
	if err := res.sum([]tally{{times: []float64{3, 1}, bytes: 1 << 29}, {times: []float64{2, 4}, bytes: 1 << 29}}); err != nil {
		t.Fatal(err)
	}
	if res.Ops != 4 || res.Rate != 2 || res.P50 != 3 || res.P99 != 4 || res.CPUGiB != 1 || res.First != 3 || res.Last != 4 {
		t.Errorf("%+v", res)
	}
	if err := (&Result{}).sum(nil); err == nil {
		t.Error("a phase in which nothing was done counts")
	}
}

func TestCounterStopsForGood(t *testing.T) {
	stop := true
	next := counter(func(int) bool { stop = !stop; return stop })
	if n, ok := next(); n != 0 || !ok {
		t.Errorf("first: %d, %v", n, ok)
	}
	for range 3 {
		if _, ok := next(); ok {
			t.Error("a number after the end")
		}
	}
}
