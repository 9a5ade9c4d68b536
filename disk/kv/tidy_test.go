package kv

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"rhizome/base/vfs"
)

// TestTablesAreMergedAtRest: what was written at random lies on the last level a while after.
func TestTablesAreMergedAtRest(t *testing.T) {
	fs := vfs.NewCrashable()
	s, err := Open(fs, "rows", Options{ReclaimAfter: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	chance := rand.New(rand.NewPCG(1, 2))
	value := make([]byte, 500)
	for i := range 30_000 {
		for k := range value {
			value[k] = byte(chance.Uint32())
		}
		lazily(t, s, func(b *Batch) { b.Set(fmt.Appendf(nil, "h%08x", uint32(i)*2654435761), append([]byte(nil), value...)) })
		if i%5000 == 4999 {
			if err := s.Flush(); err != nil {
				t.Fatal(err)
			}
		}
	}
	above := func() (n int64) {
		levels := s.db.Metrics().Levels
		for _, l := range levels[:len(levels)-1] {
			n += l.TablesSize
		}
		return n
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = Open(fs, "rows", Options{ReclaimAfter: time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	end, tick := time.NewTimer(time.Minute), time.NewTicker(5*time.Millisecond)
	defer end.Stop()
	defer tick.Stop()
	for above() > 0 {
		select {
		case <-tick.C:
		case <-end.C:
			t.Fatalf("%d bytes of tables lie above the last level", above())
		}
	}
	for i := range 30_000 {
		if _, err := s.Get(fmt.Appendf(nil, "h%08x", uint32(i)*2654435761)); err != nil {
			t.Fatal(err)
		}
	}
}
