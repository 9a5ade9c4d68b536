package extentstore

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"rhizome/base/vfs"
)

// TestCopiesGiveWay: copying rests four times as long as it works while people wait for
// the disks, and not at all when they do not, or when they wait for room.
func TestCopiesGiveWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		busy := true
		s := &Store{opt: Options{Busy: func() bool { return busy }}}
		d := &disk{}
		rested := func(worked time.Duration) time.Duration {
			p := s.pace(d)
			<-time.NewTimer(worked).C
			began := time.Now()
			p.rest(t.Context())
			return time.Since(began)
		}
		if got := rested(time.Second); got != 4*time.Second {
			t.Errorf("it rests %v after a second of work", got)
		}
		if got := rested(time.Hour); got != longestRest {
			t.Errorf("it rests %v after an hour", got)
		}
		d.tight = true
		if got := rested(time.Second); got != 0 {
			t.Errorf("it rests %v when the disk is tight", got)
		}
		d.tight, busy = false, false
		if got := rested(time.Second); got != 0 {
			t.Errorf("it rests %v when nobody waits", got)
		}
	})
}

// TestDrainEndsUnderEndlessLoad: giving way is not standing still.
func TestDrainEndsUnderEndlessLoad(t *testing.T) {
	var asked atomic.Int64
	o := crashOptions
	o.Busy = func() bool { asked.Add(1); return true }
	b := newBench(t, vfs.NewCrashable(), o, crashDisks...)
	want := several(t, b.s, 100)
	must(t, b.s.DrainDisk(diskID(1), true))
	b.s.keeper.wait()
	if st := b.status(diskID(1)); st.Live != 0 || asked.Load() == 0 {
		t.Errorf("after draining: %+v, asked %d times", st, asked.Load())
	}
	checkAll(t, b.s, want)
}
