package kv

import (
	"errors"
	"fmt"
	"log/slog"
	"syscall"
	"testing"

	"rhizome/base/errs"
	"rhizome/base/vfs"
)

// TestOpenErrors: only a hold is a hold, whatever words stand in an error.
func TestOpenErrors(t *testing.T) {
	for _, c := range []struct {
		err  error
		kind errs.Kind
	}{
		{errors.New("pebble: invalid block handle"), errs.Corrupt},
		{fmt.Errorf("open block/rows: %w", errors.New("no such thing")), errs.Corrupt},
		{syscall.EAGAIN, errs.Conflict},
		{syscall.ENOSPC, errs.Full},
		{syscall.EMFILE, errs.Internal},
	} {
		if err := openError(c.err); errs.KindOf(err) != c.kind {
			t.Errorf("%v: %v, want %v", c.err, err, c.kind)
		}
	}
}

func TestAStoreThatIsHeldIsRefused(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(vfs.Default, dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := Open(vfs.Default, dir, Options{}); !errors.Is(err, errs.Conflict) {
		t.Errorf("%v", err)
	}
}

// TestFatalTellsTheCause: what Pebble cannot go on after keeps the kind of its cause.
func TestFatalTellsTheCause(t *testing.T) {
	told := make(chan error, 2)
	l := logger{slog.New(slog.DiscardHandler), func(err error) { told <- err }}
	go l.Fatalf("fatal commit error: %v", fmt.Errorf("write: %w", syscall.ENOSPC)) // never returns
	if err := <-told; !errors.Is(err, errs.Full) {
		t.Errorf("%v", err)
	}
	go l.Fatalf("%s is broken", "something")
	if err := <-told; !errors.Is(err, errs.Internal) {
		t.Errorf("%v", err)
	}
}
