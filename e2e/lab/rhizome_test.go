package lab

import (
	"context"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"rhizome/e2e/harness"
	"rhizome/simtest/history"
)

// TestThreeHomesAreOneStore: what clients at three homes see of one bucket is
// linearizable while homes are killed and cut off one after the other.
func TestThreeHomesAreOneStore(t *testing.T) {
	l := New(t, Options{})
	l.SetAll(Path{Delay: 10 * time.Millisecond, Jitter: 3 * time.Millisecond})
	r := l.Rhizome(l.Home("lyon"), l.Home("paris"), l.Home("lille"))
	makeBucket(t, r.Nodes[0], "race")
	c := history.Clients{Seed: l.Seed(), Ops: 1 << 20, Timeout: 10 * time.Second, Pause: 20 * time.Millisecond}
	for _, n := range r.Nodes {
		c.Stores = append(c.Stores, n.S3(n.Host, "race"), n.S3(n.Host, "race"))
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	seen := make(chan *history.History, 1)
	go func() { seen <- c.Run(ctx) }()
	for _, n := range r.Nodes {
		pause(t, 2*time.Second)
		n.Kill()
		pause(t, 2*time.Second)
		must(t, n.Up())
		must(t, r.Settled(time.Minute))
		l.Isolate(n.Host)
		pause(t, 2*time.Second)
		l.Heal()
	}
	pause(t, time.Second)
	stop()
	h := <-seen
	must(t, r.Settled(time.Minute))
	must(t, h.ReadAll(t.Context(), r.Nodes[0].S3(r.Nodes[0].Host, "race")))
	t.Log("\n" + h.Summary())
	if n := h.Count(history.Put, history.Done); n < 30 {
		t.Errorf("%d PUTs were done: too few to show anything", n)
	}
	if err := h.Check(time.Minute); err != nil {
		t.Error(err)
	}
}

// pause lets the clients work for a while; nothing is waited for.
func pause(t *testing.T, d time.Duration) {
	select {
	case <-time.After(d):
	case <-t.Context().Done():
	}
}

func makeBucket(t *testing.T, n *Node, name string) {
	t.Helper()
	harness.Eventually(t, time.Minute, "the bucket is made", func() bool {
		_, err := n.S3(n.Host, name).Client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name})
		if err != nil {
			t.Log(err)
		}
		return err == nil
	})
}
