package object_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"rhizome/model/object"
)

// TestSweepWaitsForADisk: lifecycle rules are carried out when disks are awake, not before.
func TestSweepWaitsForADisk(t *testing.T) {
	f := newFixture(t)
	ctx, cancel := context.WithCancel(f.ctx)
	asked, awake, ended := make(chan bool), make(chan bool), make(chan error, 1)
	f.Objects.Awake = func(ctx context.Context) error {
		asked <- true
		<-awake
		return ctx.Err()
	}
	go func() { ended <- f.Objects.Sweep(ctx) }()
	<-asked
	if done := f.Objects.Sweeping().Last; !done.IsZero() {
		t.Error("rules are carried out on a disk that sleeps")
	}
	cancel()
	awake <- true
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestRowsOfEventsHaveRoom: events for many webhooks are put into the outbox before a row is
// too long for them.
func TestRowsOfEventsHaveRoom(t *testing.T) {
	f := newFixture(t)
	var rules []object.Notify
	for i := range 60 {
		rules = append(rules, object.Notify{ID: fmt.Sprint(i), Webhook: strings.Repeat("h", 60) + fmt.Sprint(i), Events: []string{"s3:ObjectCreated:*"}})
	}
	f.notify(rules...)
	for i := range 80 {
		f.put("k", random(i))
	}
	f.same("k", random(79))
}

// TestRulesChangedInPlace: rules of events that are changed where they stand fence the bucket
// as new ones do.
func TestRulesChangedInPlace(t *testing.T) {
	f := newFixture(t)
	f.notify(object.Notify{ID: "x", Webhook: "hook", Events: []string{"s3:ObjectCreated:*"}})
	before := f.b
	after, err := f.Objects.ChangeSettings(f.ctx, f.b, func(s *object.Settings) error {
		s.Notify[0].Prefix = "elsewhere/"
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if object.Epoch(after) == object.Epoch(before) {
		t.Error("a change of rules in place fences nobody")
	}
}
