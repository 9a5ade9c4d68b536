package membership

import (
	"testing"
	"time"

	"rhizome/base/clock"
	"rhizome/base/ident"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func met(c *Clock, node byte, ahead time.Duration) {
	now := c.own.Now()
	c.Compare(ident.NodeID{node}, now.Add(ahead), now, now)
}

func TestClockFollowsMost(t *testing.T) {
	cases := []struct {
		name  string
		ahead []time.Duration
		want  time.Duration
		agree bool
		torn  bool // though a time was agreed before
	}{
		{"alone", nil, 0, false, false},
		{"one other that agrees", []time.Duration{time.Second}, 0, true, false},
		{"one other that does not", []time.Duration{time.Hour}, 0, false, false},
		{"two others agree and we are wrong", []time.Duration{time.Hour, time.Hour + time.Second}, time.Hour + time.Second, true, false},
		{"one of two others is wrong", []time.Duration{-time.Hour, 100 * time.Millisecond}, 0, true, false},
		{"all differ", []time.Duration{-time.Hour, time.Hour}, 0, false, false},
		{"a tie keeps what was agreed", []time.Duration{0, time.Hour, time.Hour}, 0, true, true},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			c := NewClock(clock.NewManual(noon))
			for i, a := range tc.ahead {
				met(c, byte(i+1), a)
			}
			if got := c.Now().Sub(noon); got != tc.want {
				t.Errorf("the time is off by %v, want %v", got, tc.want)
			}
			if _, agreed := c.Skew(); agreed != tc.agree {
				t.Errorf("agreed is %v", agreed)
			}
			torn := c.Torn()
			if wantTorn := tc.torn || !tc.agree && len(tc.ahead) > 0; wantTorn != (torn != nil) {
				t.Errorf("the clocks differ by %v", torn)
			}
			for i, a := range tc.ahead {
				if torn != nil && torn[ident.NodeID{byte(i + 1)}] != a {
					t.Errorf("the clocks differ by %v", torn)
				}
			}
		})
	}
}

func TestClockSaysThatItIsWrong(t *testing.T) {
	c := NewClock(clock.NewManual(noon))
	met(c, 1, -3*time.Hour)
	met(c, 2, -3*time.Hour)
	if ahead, ok := c.Skew(); !ok || ahead != 3*time.Hour {
		t.Errorf("Skew says %v, %v", ahead, ok)
	}
}

func TestComparisonsGrowStale(t *testing.T) {
	own := clock.NewManual(noon)
	c := NewClock(own)
	met(c, 1, time.Hour)
	own.Advance(stale + time.Second)
	met(c, 2, time.Hour)
	if _, agreed := c.Skew(); agreed {
		t.Error("a comparison counts that is too old")
	}
}

// TestSleepIsNoticed: the monotonic clock stands still while the machine sleeps. When it
// wakes its own clock counts, until others are heard again.
func TestSleepIsNoticed(t *testing.T) {
	own := clock.NewManual(noon)
	c := NewClock(own)
	var slept time.Duration
	woke := time.Time{}
	c.since = func(from, to time.Time) time.Duration {
		d := to.Sub(from)
		if !woke.IsZero() && from.Before(woke) && !to.Before(woke) {
			d -= slept
		}
		return d
	}
	met(c, 1, 0)
	met(c, 2, 0)
	if _, agreed := c.Skew(); !agreed {
		t.Fatal("nobody agrees")
	}
	slept = 8 * time.Hour
	own.Advance(slept)
	woke = own.Now()
	if got := c.Now(); !got.Equal(noon.Add(slept)) {
		t.Errorf("after eight hours of sleep it is %v", got)
	}
	met(c, 1, 0)
	if got, agreed := c.Skew(); got != 0 || !agreed {
		t.Errorf("it takes its clock for wrong by %v, %v", got, agreed)
	}
}
