package node

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rhizome/gateway/admin/api"
)

// TestWindowsFindDamagedRows: the daily windows find what is damaged in files of the row store,
// and name the objects; both are told after a restart too, until the rows are whole.
func TestWindowsFindDamagedRows(t *testing.T) {
	t.Parallel()
	c := config(t)
	c.Scrub = 24 * time.Hour // one window reads all
	n := small(t, c)
	const count = 200
	for i := range count {
		putObject(t, n, fmt.Sprintf("small%03d", i), 12_000+i)
	}
	ok(t, n.rows.Flush())
	files, err := filepath.Glob(filepath.Join(c.Data, rowsDir, "*.blob"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%v, %v", files, err)
	}
	var restore []func()
	for _, f := range files {
		whole, err := os.ReadFile(f)
		ok(t, err)
		bad := append([]byte(nil), whole...)
		bad[len(bad)/2] ^= 1
		ok(t, os.WriteFile(f, bad, 0o600))
		restore = append(restore, func() { ok(t, os.WriteFile(f, whole, 0o600)) })
	}
	if lost := lostNow(t, n); len(lost) > 0 {
		t.Fatalf("damaged before the check: %+v", lost)
	}
	ok(t, n.scrubber.Window(t.Context()))
	ok(t, n.review(t.Context()))
	named(t, n, count)
	ok(t, n.Close())
	n = open(t, c)
	named(t, n, count)
	for _, f := range restore {
		f()
	}
	ok(t, n.review(t.Context()))
	if lost := lostNow(t, n); len(lost) > 0 {
		t.Errorf("nothing is damaged any more: %+v", lost)
	}
}

// small is a node with a bucket.
func small(t *testing.T, c Config) *Node {
	t.Helper()
	n := open(t, c)
	_, err := n.objects.CreateBucket(t.Context(), "photos", n.first, false)
	ok(t, err)
	return n
}

func lostNow(t *testing.T, n *Node) []api.Damage {
	t.Helper()
	r, err := n.Repair(t.Context())
	ok(t, err)
	return r.Lost
}

// named checks that just those objects are named that cannot be read.
func named(t *testing.T, n *Node, count int) {
	t.Helper()
	names := map[string]bool{}
	general := 0
	for _, d := range lostNow(t, n) {
		if d.Err != nil {
			general++
		} else if d.Bucket == "photos" && strings.HasPrefix(d.Key, "small") {
			names[d.Key] = true
		}
	}
	unread := 0
	for i := range count {
		key := fmt.Sprintf("small%03d", i)
		if bad := getObject(n, key) != nil; bad != names[key] {
			t.Errorf("%s: cannot be read: %v, named: %v", key, bad, names[key])
		} else if bad {
			unread++
		}
	}
	if unread == 0 || general != 1 {
		t.Errorf("%d objects cannot be read, %d lines about all rows", unread, general)
	}
}
