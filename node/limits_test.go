package node

import (
	"context"
	"testing"
	"time"

	"rhizome/base/clock"
	"rhizome/base/ident"
	"rhizome/gateway/admin/api"
	"rhizome/net/rpc"
)

// rated are links that tell of their limits.
type rated struct {
	memoryLinks
	background, relay chan int
}

func (r rated) SetBackground(n int) { r.background <- n }
func (r rated) SetRelay(n int)      { r.relay <- n }

// TestLimitsHoldByTheHour: the links are told another limit in the minute in which it begins.
func TestLimitsHoldByTheHour(t *testing.T) {
	h := newHomes(t, 0)
	c := h.config("lyon")
	now := clock.NewManual(time.Date(2026, 11, 22, 7, 59, 59, 0, time.Local))
	c.Clock = now
	links := rated{background: make(chan int), relay: make(chan int)}
	c.Links = func(seed ident.Secret, g rpc.Guard) (Transport, error) {
		links.memoryLinks = memoryLinks{h.net.Node(NodeOf(seed), g)}
		return links, nil
	}
	n, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	if err := n.SetLimits(t.Context(), api.Limits{Default: 9, Relay: 3, Background: []api.LimitHours{{From: "08:00", To: "22:00", Rate: 1}}}); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- n.keepLimits(ctx) }()
	told := func(want int) {
		t.Helper()
		for { // SetLimits may have it told twice
			got, relay := <-links.background, <-links.relay
			if relay != 3 || got != want && got != 9 {
				t.Fatalf("the limits are %d, %d; want %d, 3", got, relay, want)
			}
			if got == want {
				return
			}
		}
	}
	told(9)
	now.Advance(time.Second)
	told(1)
	stop()
	go func() {
		for range links.background { // what was being told
			<-links.relay
		}
	}()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	close(links.background)
}
