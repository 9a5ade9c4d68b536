package lab

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"rhizome/e2e/harness"
	"rhizome/simtest/history"
)

// TestDownloadFromSeveralHomes: a large object is read in a home that keeps nothing. It comes
// over the lines of all homes that have it at once, each byte over one of them.
func TestDownloadFromSeveralHomes(t *testing.T) {
	t.Parallel()
	l := New(t, Options{})
	l.SetAll(Path{Delay: 5 * time.Millisecond})
	r := l.Rhizome(l.Home("lyon"), l.Home("paris"), l.Home("lille"))
	reader, err := r.Join(l.Home("metz"), "--gateway")
	must(t, err)
	must(t, r.Settled(time.Minute))
	makeBucket(t, r.Nodes[0], "family")
	const size = 24 << 20
	body := harness.Random(1, size)
	_, err = r.Nodes[0].S3(r.Nodes[0].Host, "family").Put(t.Context(), "film", body, history.Condition{})
	must(t, err)
	givers := r.Nodes[:3]
	for _, n := range givers { // one that was slow is left out of a write, and mended
		must(t, await(2*time.Minute, n.Name+" has all of it", func() error { return n.keeps("family/film") }))
	}
	must(t, r.Settled(time.Minute))
	var before []Stats
	for _, n := range givers {
		l.SetLine(n.Host, 2<<20, 0)
		before = append(before, l.Way(n.Host, reader.Host).Stats())
	}
	began := time.Now()
	got, _, err := reader.S3(reader.Host, "family").Get(t.Context(), "film")
	took := time.Since(began)
	must(t, err)
	if !bytes.Equal(got, body) {
		t.Errorf("%d bytes came back, others than were sent", len(got))
	}
	var all int64
	for i, n := range givers {
		came := l.Way(n.Host, reader.Host).Stats().Since(before[i]).Sent.Bytes
		t.Logf("%s gave %d bytes in %v, on a line of 2 MiB/s", n.Name, came, took.Round(time.Millisecond))
		if came < size/8 {
			t.Errorf("%s gave %d bytes of %d: its line was hardly used", n.Name, came, size)
		}
		all += came
	}
	if most := int64(size*115/100 + 2<<20); all > most {
		t.Errorf("%d bytes came for an object of %d; want at most %d", all, size, most)
	}
}

// keeps fails unless the node has all bytes of an object itself.
func (n *Node) keeps(object string) error {
	out, err := n.CLI("object", "stat", object, "--json")
	if err != nil {
		return err
	}
	var stat struct {
		Whole  bool
		Pieces []struct{ Node string }
	}
	if err := json.Unmarshal([]byte(out), &stat); err != nil {
		return err
	}
	if i := slices.IndexFunc(stat.Pieces, func(p struct{ Node string }) bool { return p.Node == "" }); i >= 0 || !stat.Whole {
		return fmt.Errorf("of %d pieces it lacks number %d", len(stat.Pieces), i)
	}
	return nil
}
