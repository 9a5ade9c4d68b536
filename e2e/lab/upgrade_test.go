package lab

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"rhizome/e2e/harness"
)

// tag gives a bucket one tag.
func tag(t *testing.T, n *Node, bucket, key string) error {
	t.Helper()
	_, err := n.S3(n.Host, bucket).Client.PutBucketTagging(t.Context(), &s3.PutBucketTaggingInput{Bucket: &bucket,
		Tagging: &types.Tagging{TagSet: []types.Tag{{Key: &key, Value: new(string)}}}})
	return err
}

// laterRelease: once all nodes are of the later release a setting of it is made, and a node
// that goes back does not lose it.
func laterRelease(t *testing.T, r *Rhizome, later string, joined *Node) {
	t.Helper()
	now := joined.Bin
	for _, n := range []*Node{r.Nodes[0], joined} {
		must(t, n.Stop())
		n.Bin = later
		must(t, n.Up())
	}
	must(t, r.Settled(2*time.Minute))
	makeBucket(t, r.Nodes[1], "newer")
	harness.Eventually(t, time.Minute, "the setting is made", func() bool { return tag(t, r.Nodes[1], "newer", "of-a-later-release") == nil })
	must(t, joined.Stop())
	joined.Bin = now
	must(t, joined.Up())
	if err := tag(t, joined, "newer", "of-this-release"); err == nil {
		t.Error("a node that went back changes what it does not know")
	}
	name := "newer"
	got, err := r.Nodes[1].S3(r.Nodes[1].Host, name).Client.GetBucketTagging(t.Context(), &s3.GetBucketTaggingInput{Bucket: &name})
	if err != nil || len(got.TagSet) != 1 || *got.TagSet[0].Key != "of-a-later-release" {
		t.Errorf("the setting of a later release: %v, %v", got, err)
	}
}

// TestHomesAreUpgradedOneByOne: three homes go over to a later release one after another,
// under load at the other two; a fourth joins while both releases are there; one goes
// back. No request of a client with the usual retries fails, nor does an upload in parts
// that is under way, and what the one release wrote the other reads.
func TestHomesAreUpgradedOneByOne(t *testing.T) {
	later := harness.Later(t)
	l := New(t, Options{})
	r := l.Rhizome(l.Home("lyon"), l.Home("paris"), l.Home("lille"))
	now := r.Nodes[0].Bin
	makeBucket(t, r.Nodes[0], "family")
	l.SetAll(Path{Delay: 5 * time.Millisecond})
	figures := &Figures{Title: "requests at the other homes during an upgrade"}
	change := func(i int, bin, what string) {
		t.Helper()
		n, others := r.Nodes[i], []*Node{r.Nodes[(i+1)%3], r.Nodes[(i+2)%3]}
		load, up := startLoad(t, others, figures, what), newUpload(t, others[0])
		up.part(t, figures, what, 1)
		must(t, n.Stop())
		up.part(t, figures, what, 2)
		n.Bin = bin
		must(t, n.Up())
		must(t, r.Settled(2*time.Minute))
		up.part(t, figures, what, 3)
		up.complete(t)
		load.stop(t)
	}
	change(0, later, "upgrade")
	n, err := r.Join(l.Home("brest"))
	must(t, err)
	must(t, r.Settled(2*time.Minute))
	change(1, later, "upgrade")
	// What only the later release knows waits for everybody, and what this one knows does not.
	err = tag(t, r.Nodes[1], "family", "of-a-later-release")
	if err == nil || !strings.Contains(err.Error(), "upgrade it first") {
		t.Errorf("a setting that this release would lose: %v", err)
	}
	must(t, tag(t, r.Nodes[1], "family", "of-this-release"))
	change(2, later, "upgrade")
	for _, command := range [][]string{{"status"}, {"node", "list"}, {"layout", "history"}, {"invite", "list"}} {
		var v any
		must(t, n.JSON(&v, command...)) // the release of before, of what later ones wrote
	}
	change(0, now, "back")
	if err := tag(t, r.Nodes[1], "family", "of-a-later-release"); err == nil {
		t.Error("a setting is made that the node which went back would lose")
	}
	laterRelease(t, r, later, n)
	t.Log("\n" + figures.String())
}
