package web

import (
	"context"
	"testing"
	"time"
)

// TestSoon: a visit for which nobody waits has the visitor's context and no timer; who waits is
// told when the visit is over, and none begins to once the answer has begun.
func TestSoon(t *testing.T) {
	visitor, gone := context.WithCancel(t.Context())
	made := func() *soon { return &soon{Context: visitor, v: &visit{began: time.Now()}} } // a stopwatch
	s := made()
	if s.Err() != nil || s.timer != nil {
		t.Error("it looks at the time although nobody waits")
	}
	s.begins()
	if s.Done() != visitor.Done() || s.timer != nil || s.late {
		t.Error("it looks at the time although the answer has begun")
	}
	s.end()
	if s.Err() != nil {
		t.Error("it ended the visitor's own context")
	}
	s = made()
	below, cancel := context.WithCancel(s)
	defer cancel()
	if s.timer == nil || below.Err() != nil {
		t.Error("it does not look at the time although somebody waits")
	}
	s.end()
	if <-below.Done(); s.Err() == nil || s.gaveUp() == false {
		t.Error("who waits was not told of the end")
	}
	s = made()
	done := s.Done()
	gone()
	if <-done; s.Err() == nil || s.gaveUp() {
		t.Error("a visitor who went away was given up")
	}
	s.end()
}
