package harm

import (
	"encoding/json"
	"testing"
	"time"

	"rhizome/e2e/harness"
)

// patience is how long the node may take to tidy up: "within minutes".
const patience = 5 * time.Minute

// lost is one line of what `repair status` calls damaged.
type lost struct {
	Bucket, Key, Extent, Disk, Reason string
}

type repairStatus struct {
	Scrub struct {
		Running  bool
		Done     float64
		Finished *time.Time
	}
	Pending, Orphans int64
	Lost             []lost
}

func repair(t *testing.T, n *harness.Node) repairStatus {
	t.Helper()
	var s repairStatus
	out := n.MustCLI("repair", "status", "--json")
	if err := json.Unmarshal([]byte(out), &s); err != nil {
		t.Fatalf("repair status --json wrote %q: %v", out, err)
	}
	return s
}

// soon is less than the time between two rounds of clean-up: a node that is alone does at
// its start what a crash left.
const soon = time.Minute

// noOrphans waits until nothing is left to tidy up.
func noOrphans(t *testing.T, n *harness.Node, patience time.Duration) {
	t.Helper()
	harness.Eventually(t, patience, "repair status shows no orphan and no row with work left", func() bool {
		s := repair(t, n)
		return s.Orphans == 0 && s.Pending == 0
	})
}
