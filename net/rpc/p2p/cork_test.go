package p2p

import (
	"bytes"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// TestAStalledPeerBlocksNobodyElse: while one writes to a peer that takes nothing, who has
// a word to add goes on; all of it comes, in order.
func TestAStalledPeerBlocksNobodyElse(t *testing.T) {
	here, there := net.Pipe()
	defer here.Close()
	s := newSocket(here)
	s.cork()
	if _, err := s.Write([]byte("first ")); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		if err := s.uncork(); err != nil {
			t.Error(err)
		}
	})
	if _, err := io.ReadFull(there, make([]byte, 1)); err != nil { // the write has begun
		t.Fatal(err)
	}
	added := make(chan error)
	go func() {
		_, err := s.Write([]byte("second "))
		s.cork()
		added <- err
	}()
	select {
	case err := <-added:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("a peer that takes nothing blocks who only adds something")
	}
	if _, err := s.Write([]byte("third")); err != nil {
		t.Fatal(err)
	}
	all.Go(func() {
		if err := s.uncork(); err != nil {
			t.Error(err)
		}
	})
	got := make([]byte, len("irst second third"))
	if _, err := io.ReadFull(there, got); err != nil || string(got) != "irst second third" {
		t.Errorf("%q, %v", got, err)
	}
	all.Wait()
}

// TestWhatWaitsBehindAStalledPeerIsBounded: more than that waits itself, and hears when the
// connection ends.
func TestWhatWaitsBehindAStalledPeerIsBounded(t *testing.T) {
	here, there := net.Pipe()
	s := newSocket(here)
	var all sync.WaitGroup
	all.Go(func() { _, _ = s.Write([]byte("x y")) })
	if _, err := io.ReadFull(there, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	for range maxBehind / 1024 {
		if _, err := s.Write(bytes.Repeat([]byte("b"), 1024)); err != nil {
			t.Fatal(err)
		}
	}
	done := make(chan error, 1)
	go func() { _, err := s.Write([]byte("too much")); done <- err }()
	s.mu.Lock()
	n := len(s.kept)
	s.mu.Unlock()
	if n > maxBehind {
		t.Errorf("%d bytes wait", n)
	}
	if err := here.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("who waited hears %v", err)
	}
	all.Wait()
	if _, err := s.Write([]byte("z")); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("a broken connection takes more: %v", err)
	}
}
