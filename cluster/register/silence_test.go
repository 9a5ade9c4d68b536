package register

import (
	"context"
	"testing"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/net/rpc"
)

const (
	methodBusy rpc.Method = 0x2f00 + iota
	methodHold
	methodEcho
	methodNone
)

// TestWhoIsSilent: only what says that a node cannot be reached makes it count as away,
// and any answer as there.
func TestWhoIsSilent(t *testing.T) {
	w := newTown(t, 2, "12", "p0")
	links := w.homes[1].links
	links.Handle(methodBusy, rpc.Members, func(context.Context, ident.NodeID, []byte) ([]byte, error) {
		return nil, errs.New(errs.Unavailable, "the node has too much to do")
	})
	entered := make(chan struct{}, 8)
	over := make(chan struct{})
	defer close(over)
	links.Handle(methodHold, rpc.Members, func(context.Context, ident.NodeID, []byte) ([]byte, error) {
		entered <- struct{}{}
		<-over
		return nil, nil
	})
	links.Handle(methodEcho, rpc.Members, func(context.Context, ident.NodeID, []byte) ([]byte, error) { return nil, nil })
	c, to := w.homes[0].coord, w.homes[1].id
	ask := func(ctx context.Context, m rpc.Method) error {
		ctx, cancel := c.limited(ctx)
		defer cancel()
		_, err := askOne(ctx, c, to, 1, func(ctx context.Context, _ int, _ Peer) ([]byte, error) {
			return w.homes[0].links.Call(ctx, to, rpc.Urgent, m, nil)
		})
		return err
	}
	want := func(silent bool, after string) {
		t.Helper()
		if got := c.silent.any([]ident.NodeID{to}); got != silent {
			t.Errorf("after %s the node counts as away: %v", after, got)
		}
	}
	ctx := ctxFor(t)
	for _, m := range []rpc.Method{methodBusy, methodNone} {
		if ask(ctx, m) == nil {
			t.Fatal("no refusal")
		}
		want(false, "a refusal")
	}
	given, giveUp := context.WithCancel(ctx)
	go func() { <-entered; giveUp() }()
	if ask(given, methodHold) == nil {
		t.Fatal("an answer to who gave up")
	}
	want(false, "the caller gave up")
	short, late := context.WithCancelCause(ctx)
	go func() { <-entered; late(context.DeadlineExceeded) }()
	if ask(short, methodHold) == nil {
		t.Fatal("an answer to who had no time")
	}
	want(false, "the caller had less time than a call has")
	slow := make(chan error)
	go func() { slow <- ask(ctx, methodHold) }()
	<-entered
	check(t, ask(ctx, methodEcho))
	<-slow
	want(false, "a call that took too long while others were answered")
	if ask(ctx, methodHold) == nil {
		t.Fatal("an answer to what is held")
	}
	want(true, "a call to which nothing came in all its time")
	check(t, ask(ctx, methodEcho))
	want(false, "an answer")
	w.cut(1, true)
	if ask(ctx, methodEcho) == nil {
		t.Fatal("an answer through a cut")
	}
	want(true, "a cut")
	w.cut(1, false)
	_ = ask(ctx, methodBusy)
	want(false, "a refusal by who was away")
}

// TestOwnReplicaIsNeverSilent: that this node's own replica waits for others does not make
// it one that is away.
func TestOwnReplicaIsNeverSilent(t *testing.T) {
	w := newTown(t, 2, "12", "p0")
	c := w.homes[0].coord
	_, _ = askOne(ctxFor(t), c, w.homes[0].id, 0, func(context.Context, int, Peer) (int, error) {
		return 0, rpc.Broken("the source does not answer")
	})
	if c.silent.any([]ident.NodeID{w.homes[0].id}) {
		t.Error("this node counts as away for itself")
	}
}
