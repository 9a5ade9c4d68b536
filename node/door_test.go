package node

import (
	"context"
	"errors"
	"testing"

	"rhizome/base/errs"
	"rhizome/base/ident"
)

// TestNobodyJoinsThroughAClosedNode: links are closed after what a join works on, so a
// stranger who comes between is refused, and one who is inside is waited for.
func TestNobodyJoinsThroughAClosedNode(t *testing.T) {
	h := newHomes(t, 0)
	a := h.up("lyon")
	inside, leave, err := a.strangers.enter(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	left := make(chan struct{})
	go func() {
		<-inside.Done() // told to hurry
		close(left)
		leave()
	}()
	h.kill("lyon")
	select {
	case <-left:
	default:
		t.Error("the node closed what somebody inside worked on")
	}
	if _, err := a.serveJoin(context.Background(), ident.NodeID{5}, nil); !errors.Is(err, errs.Unavailable) {
		t.Errorf("a closed node answers %v", err)
	}
}
