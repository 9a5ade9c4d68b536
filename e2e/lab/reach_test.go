package lab

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"rhizome/e2e/harness"
)

// relayed returns the homes that n reaches through another one only.
func (n *Node) relayed() (homes []string, err error) {
	members, err := n.Members()
	for _, m := range members {
		if m.Relayed {
			homes = append(homes, m.Home)
		}
	}
	return homes, err
}

// between writes an object at one node and reads it at another.
func between(t *testing.T, at, there *Node, key string) {
	t.Helper()
	body := harness.Random(uint64(len(key)), 3<<20)
	harness.Eventually(t, 2*time.Minute, "writing at "+at.Name+" and reading at "+there.Name, func() bool {
		ctx, end := context.WithTimeout(t.Context(), 30*time.Second)
		defer end()
		_, err := usual(t, at).PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("family"), Key: &key, Body: bytes.NewReader(body)})
		if err != nil {
			t.Log(err)
			return false
		}
		out, err := usual(t, there).GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("family"), Key: &key})
		if err != nil {
			t.Log(err)
			return false
		}
		defer out.Body.Close()
		got, err := io.ReadAll(out.Body)
		if err == nil && !bytes.Equal(got, body) {
			t.Fatalf("%d other bytes", len(got))
		}
		return err == nil
	})
}

// TestHomesBehindCarriersTakePart: two homes of three are behind carriers' routers, which
// no hole goes through. They hold their share and serve it through the one that can be
// reached, also after that one was away.
func TestHomesBehindCarriersTakePart(t *testing.T) {
	t.Parallel()
	l := New(t, Options{})
	l.SetAll(Path{Delay: 5 * time.Millisecond})
	r := l.Rhizome(l.Home("lyon"), l.Router("carrier1", Symmetric).Attach("paris"), l.Router("carrier2", Symmetric).Attach("lille"))
	members, err := r.Nodes[1].Members()
	must(t, err)
	for _, m := range members {
		if m.Partitions == 0 {
			t.Errorf("%s has no share: %+v", m.Home, members)
		}
	}
	if homes, err := r.Nodes[1].relayed(); err != nil || !slices.Equal(homes, []string{"lille"}) {
		t.Errorf("paris reaches %v through another: %v", homes, err)
	}
	makeBucket(t, r.Nodes[1], "family")
	between(t, r.Nodes[1], r.Nodes[2], "a")
	r.Nodes[0].Kill()
	must(t, r.Nodes[0].Up())
	must(t, r.Settled(2*time.Minute))
	between(t, r.Nodes[2], r.Nodes[1], "b")
}

// TestHolesArePunched: two homes behind usual boxes, which keep out what they did not ask
// for, met through a third. They go on when that one is gone.
func TestHolesArePunched(t *testing.T) {
	t.Parallel()
	l := New(t, Options{})
	l.SetAll(Path{Delay: 5 * time.Millisecond})
	r := l.Rhizome(l.Home("lyon"), l.Router("box1", Masquerade).Attach("paris"), l.Router("box2", Masquerade).Attach("lille"))
	makeBucket(t, r.Nodes[1], "family")
	between(t, r.Nodes[1], r.Nodes[2], "a")
	must(t, await(2*time.Minute, "links that need no other", func() error {
		for _, n := range r.Nodes[1:] {
			if relayed, err := n.relayed(); err != nil || len(relayed) > 0 {
				return fmt.Errorf("%s reaches %v through another: %v", n.Name, relayed, err)
			}
		}
		return nil
	}))
	r.Nodes[0].Kill()
	between(t, r.Nodes[1], r.Nodes[2], "b")
}

// TestNodesOfOneLANFindEachOther: everyone's power went, and two nodes of one network came
// back with other addresses, the third not yet. Then that one finds them.
func TestNodesOfOneLANFindEachOther(t *testing.T) {
	t.Parallel()
	l := New(t, Options{})
	box := l.Router("box", Masquerade)
	r := l.Rhizome(l.Home("lyon"), box.Attach("attic"), box.Attach("cellar"))
	makeBucket(t, r.Nodes[1], "family")
	between(t, r.Nodes[1], r.Nodes[2], "a")
	for _, n := range r.Nodes {
		n.Kill()
	}
	for _, n := range r.Nodes[1:] {
		n.Flags = append(n.Flags, "--peer", "0.0.0.0:4901")
		must(t, n.Up())
	}
	between(t, r.Nodes[1], r.Nodes[2], "b")
	must(t, r.Nodes[0].Up())
	must(t, r.Settled(2*time.Minute))
	between(t, r.Nodes[0], r.Nodes[2], "c")
}
