package node

import (
	"context"
	"strings"
	"testing"
	"time"

	"rhizome/base/clock"
	"rhizome/base/lang"
	"rhizome/model/object"
)

// off is the machine's clock, set wrong.
type off time.Duration

func (o off) Now() time.Time { return clock.System{}.Now().Add(time.Duration(o)) }

// until waits for what comes to be.
func (h *homes) until(what string, is func() bool) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), patience)
	defer cancel()
	for tick := time.NewTicker(20 * time.Millisecond); !is(); {
		select {
		case <-tick.C:
		case <-ctx.Done():
			tick.Stop()
			h.t.Fatalf("it does not come to be that %s", what)
		}
	}
}

// TestAWrongClockAbortsNoUploads: a node that starts with its clock far ahead deletes nothing for its
// age, before it compared clocks or after.
func TestAWrongClockAbortsNoUploads(t *testing.T) {
	h := newHomes(t, 0)
	a, _, _ := h.three()
	b := a.bucket(t, "photos")
	var uploads []*object.Upload
	for _, key := range []string{"one", "two", "three"} {
		u, err := a.objects.CreateUpload(t.Context(), b, object.NewUpload{Key: key})
		if err != nil {
			t.Fatal(err)
		}
		uploads = append(uploads, u)
	}
	h.kill("lille")
	c := h.up("lille", func(c *Config) { c.Clock = off(30 * day) })
	h.until("most clocks agree", func() bool { ahead, ok := c.members.Clock().Skew(); return ok && ahead > 29*day })
	if err := c.objects.AbortAbandoned(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, u := range uploads {
		if _, err := a.objects.Upload(t.Context(), b, u.Key, u.ID); err != nil {
			t.Errorf("the upload of %s: %v", u.Key, err)
		}
	}
}

// TestAWrongClockCountsRight: since when others are there or away is said in the time that all agree on.
func TestAWrongClockCountsRight(t *testing.T) {
	h := newHomes(t, 0)
	a, b, _ := h.three()
	h.kill("lille")
	c := h.up("lille", func(c *Config) { c.Clock = off(-3 * time.Hour) })
	h.until("most clocks agree", func() bool { ahead, ok := c.members.Clock().Skew(); return ok && ahead < -2*time.Hour })
	h.kill("brest")
	h.until("brest is away", func() bool { return !c.members.Up(b.keys.id()) })
	if left := c.skew(); left != -10_800_000 {
		t.Errorf("the clock is said to be off by %d ms", left)
	}
	all, err := c.Nodes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range all {
		if n.Since == nil || n.Since.Before(a.started.Add(-time.Minute)) || n.Since.After(time.Now().Add(time.Minute)) { // a stopwatch
			t.Errorf("%s is so since %v", n.Home, n.Since)
		}
	}
}

// TestTwoClocksThatDiffer: of two homes either may be wrong, so both are told of it.
func TestTwoClocksThatDiffer(t *testing.T) {
	t.Parallel()
	h := newHomes(t, 0)
	a := h.up("lyon")
	h.join(a, "brest")
	h.settled(2)
	if said := a.says(t, lang.English); strings.Contains(said, "clock") {
		t.Error(said)
	}
	h.kill("brest")
	b := h.up("brest", func(c *Config) { c.Clock = off(3 * time.Hour) })
	for _, x := range []*home{a, b} {
		h.until("it is said", func() bool {
			x.members.Changed()
			return strings.Contains(x.says(t, lang.English), "The clock of the node brest is ahead of that of lyon by 3 hours")
		})
	}
}
