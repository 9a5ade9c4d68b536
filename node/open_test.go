package node

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"rhizome/base/errs"
)

// stuck is a step that hangs in a row store that never answers.
func stuck(t *testing.T, before func()) step {
	end := make(chan struct{})
	t.Cleanup(func() { close(end) })
	return func(context.Context) error {
		before()
		<-end
		return nil
	}
}

func TestAStartDoesNotHangInARowStoreThatGaveUp(t *testing.T) {
	n := &Node{config: config(t), fatal: make(chan error, 1)}
	err := n.start(t.Context(), stuck(t, func() {
		n.fail(errs.Newf(errs.Full, "the disk of the row store is full: %w", syscall.ENOSPC))
	}))
	if !errors.Is(err, errs.Full) || !strings.Contains(err.Error(), "remove other files") {
		t.Errorf("%v", err)
	}
}

func TestAStartThatHangsCanBeStopped(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c := config(t)
	c.Closing = time.Millisecond
	n := &Node{config: c, fatal: make(chan error, 1)}
	if err := n.start(ctx, stuck(t, cancel)); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// TestAStartThatIsStoppedGivesEverythingBack between two steps.
func TestAStartThatIsStoppedGivesEverythingBack(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	n := &Node{config: config(t), fatal: make(chan error, 1)}
	closed := false
	err := n.start(ctx, func(context.Context) error {
		n.onClose(func() error { closed = true; return nil })
		cancel()
		return nil
	}, func(context.Context) error { t.Error("the next step was taken"); return nil })
	if !errors.Is(err, context.Canceled) || !closed {
		t.Errorf("%v, closed: %t", err, closed)
	}
}

func TestAFullDiskIsNamedWithAWayOut(t *testing.T) {
	for _, err := range []error{errs.New(errs.Full, "no room"), fmt.Errorf("write: %w", syscall.ENOSPC)} {
		if got := advice(err); !errors.Is(got, errs.Full) || !strings.Contains(got.Error(), "start it again") {
			t.Errorf("%v", got)
		}
	}
}

// TestTheFirstStartIsRepeatedUntilTheKeyWasTold, wherever it was cut short.
func TestTheFirstStartIsRepeatedUntilTheKeyWasTold(t *testing.T) {
	c := config(t)
	open := func() *Node {
		t.Helper()
		n, err := Open(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	shut := func(n *Node) {
		t.Helper()
		if err := n.Close(); err != nil {
			t.Fatal(err)
		}
	}
	n := open()
	id := n.FirstKey().ID
	shut(n)
	n = open() // a kill before anybody was told
	if k := n.FirstKey(); k == nil || k.ID != id || k.Secret == "" {
		t.Fatalf("the key that nobody was told of: %v", k)
	}
	if err := n.accounts.DeleteKey(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	shut(n)
	n = open() // a kill between member and key
	if n.FirstKey() == nil {
		t.Fatal("there is a member and never a key")
	}
	if _, err := n.KeepFirstKey("text"); err != nil {
		t.Fatal(err)
	}
	shut(n)
	n = open()
	if n.FirstKey() != nil {
		t.Error("the key is told twice")
	}
	if err := n.accounts.DeleteKey(t.Context(), mustKeys(t, n)); err != nil {
		t.Fatal(err)
	}
	shut(n)
	n = open()
	if n.FirstKey() != nil {
		t.Error("a person deleted the first key, and another was made")
	}
	shut(n)
}

func mustKeys(t *testing.T, n *Node) string {
	t.Helper()
	keys, err := n.accounts.Keys(t.Context())
	if err != nil || len(keys) != 1 {
		t.Fatalf("%v %v", keys, err)
	}
	return keys[0].ID
}
