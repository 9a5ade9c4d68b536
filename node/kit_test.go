package node

import (
	"context"
	"errors"
	"testing"
)

// TestAKitWaitsForItsSnapshot: once a kit is made the rows have a snapshot; if nobody waits for
// it, it is taken later.
func TestAKitWaitsForItsSnapshot(t *testing.T) {
	n, err := Open(t.Context(), config(t))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = n.Close() }()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := n.KitMade(gone); !errors.Is(err, context.Canceled) || len(n.copies) != 1 {
		t.Errorf("who waits goes away: %v, %d wanted", err, len(n.copies))
	}
	if err := n.KitMade(t.Context()); err != nil || n.lastSnapshot().Last == nil {
		t.Errorf("%v, snapshots: %+v", err, n.lastSnapshot())
	}
}
