package lab

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"rhizome/e2e/harness"
	"rhizome/e2e/wire"
	"rhizome/simtest/history"
)

// TestAHouseOfTwo: one home has two computers, two others one each. Without the house all
// goes on but changes of who is in the rhizome; with a witness these go on too, so that the
// house can be given up.
func TestAHouseOfTwo(t *testing.T) {
	t.Parallel()
	l := New(t, Options{})
	l.SetAll(Path{Delay: 5 * time.Millisecond})
	box := l.Router("box", Masquerade)
	r := l.nobody()
	lyon, err := r.Join(l.Home("lyon"))
	must(t, err)
	lille, err := r.Join(l.Home("lille"))
	must(t, err)
	attic, err := r.JoinHome(box.Attach("attic"), "house")
	must(t, err)
	cellar, err := r.JoinHome(box.Attach("cellar"), "house")
	must(t, err)
	must(t, r.founded())
	makeBucket(t, lyon, "family")
	between(t, cellar, lille, "a")

	// Cut off: the others go on, and the house does not decide alone.
	l.Isolate(attic.Host)
	between(t, lyon, lille, "bb")
	anotherKey(t, lyon, lille)
	l.Heal()
	must(t, r.Settled(2*time.Minute))
	between(t, lille, attic, "ccc")
	had(t, cellar, "bb")

	// Killed: half of the votes are gone, so that nobody can be taken out.
	attic.Kill()
	cellar.Kill()
	between(t, lille, lyon, "dddd")
	if _, err := lyon.CLI("node", "remove", attic.ID, "--lost", "--yes"); err == nil || !strings.Contains(err.Error(), "Of the 4 nodes that decide") {
		t.Errorf("half of the votes take a node out: %v", err)
	}
	must(t, attic.Up())
	must(t, cellar.Up())
	must(t, r.Settled(2*time.Minute))
	had(t, attic, "dddd")
	had(t, cellar, "dddd")

	// With a witness elsewhere the rest is more than half.
	_, err = r.Join(l.Home("metz"), "--witness")
	must(t, err)
	must(t, r.Settled(2*time.Minute))
	attic.Kill()
	cellar.Kill()
	for _, n := range []*Node{attic, cellar} {
		_, err := lyon.CLI("node", "remove", n.ID, "--lost", "--yes")
		must(t, err)
	}
	must(t, r.Settled(2*time.Minute))
	between(t, lyon, lille, "eeeee")
	for _, key := range []string{"a", "bb", "ccc", "dddd"} {
		had(t, lyon, key)
		had(t, lille, key)
	}
}

// anotherKey makes a key at one node and signs with it at another.
func anotherKey(t *testing.T, at, there *Node) {
	t.Helper()
	own := &Rhizome{Nodes: []*Node{at}}
	must(t, own.newKey("made at "+at.Name))
	signed := wire.NewS3(there.Endpoint(), own.KeyID, own.Key, "own", there.HTTPClient())
	_, err := signed.Client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &signed.Bucket})
	if err == nil {
		_, err = signed.Put(t.Context(), "signed", []byte("x"), history.Condition{})
	}
	if err != nil {
		t.Errorf("a key that %s made at %s: %v", at.Name, there.Name, err)
	}
}

// had reads what between wrote.
func had(t *testing.T, at *Node, key string) {
	t.Helper()
	got, _, err := at.S3(at.Host, "family").Get(t.Context(), key)
	if want := harness.Random(uint64(len(key)), 3<<20); err != nil || string(got) != string(want) {
		t.Errorf("%s at %s: %d bytes, %v", key, at.Name, len(got), err)
	}
}
