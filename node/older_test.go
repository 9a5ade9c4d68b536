package node

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/register"
	"rhizome/net/rpc"
)

// TestAnOldCopyDoesNotTakePart: a folder that is put back as it was an hour before is refused,
// said on both sides, and nothing is lost.
func TestAnOldCopyDoesNotTakePart(t *testing.T) {
	t.Parallel()
	h := newHomes(t, 0)
	a, b, c := h.three()
	name, dir := "lille", c.config.Data
	h.kill(name)
	old := t.TempDir()
	if err := os.CopyFS(old, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	h.up(name)
	h.settled(3)
	now, _ := h.all[name].members.Card(c.keys.id())
	for _, x := range []*home{a, b} {
		h.eventually("each knows it as it is now", func() bool {
			card, _ := x.members.Card(c.keys.id())
			return card.Run == now.Run
		})
	}
	a.put(t, "since", []byte("the copy"))
	h.kill(name)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(dir, os.DirFS(old)); err != nil {
		t.Fatal(err)
	}
	n, err := Open(t.Context(), c.config)
	if err == nil { // nobody answered at once
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- n.Run(ctx) }()
		h.eventually("it is told", n.members.Older)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		_, err = Open(t.Context(), c.config)
	}
	if !errors.Is(err, errs.Denied) || !strings.Contains(err.Error(), "old copy") {
		t.Fatalf("the copy starts: %v", err)
	}
	h.eventually("the others say so", func() bool {
		all, err := a.Nodes(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range all {
			if n.OlderCopy && !n.Up && n.ID == c.keys.id().String() {
				return true
			}
		}
		return false
	})
	if got := a.get(t, "since"); string(got) != "the copy" {
		t.Errorf("read %q", got)
	}
	// If the others are gone for good, the copy is better than nothing.
	if !strings.Contains(err.Error(), "rhizome repair rebuild --alone") {
		t.Errorf("nothing is said of what is left to do: %v", err)
	}
	if _, err := Rebuild(t.Context(), c.config, nil, false, true); err != nil {
		t.Fatal(err)
	}
	if n, err = Open(t.Context(), c.config); err != nil {
		t.Fatal("the copy alone:", err)
	}
	if err := n.Close(); err != nil {
		t.Error(err)
	}
}

// silent holds every call of a node that starts until it may speak.
type silent struct {
	Transport
	asks  chan struct{} // gets a word when one is held
	speak chan struct{}
}

func (s *silent) Call(ctx context.Context, to ident.NodeID, class rpc.Class, m rpc.Method, request []byte) ([]byte, error) {
	if to != s.Self() {
		select {
		case s.asks <- struct{}{}:
		default:
		}
		select {
		case <-s.speak:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return s.Transport.Call(ctx, to, class, m, request)
}

// TestNothingIsAnsweredBeforeTheOthersWereAsked: rows that may be an old copy are not told of.
func TestNothingIsAnsweredBeforeTheOthersWereAsked(t *testing.T) {
	t.Parallel()
	h := newHomes(t, 0)
	a, _, c := h.three()
	h.kill("lille")
	s := &silent{asks: make(chan struct{}, 1), speak: make(chan struct{})}
	config := c.config
	links := config.Links
	config.Links = func(seed ident.Secret, g rpc.Guard) (_ Transport, err error) {
		s.Transport, err = links(seed, g)
		return s, err
	}
	type result struct {
		n   *Node
		err error
	}
	opened := make(chan result, 1)
	go func() {
		n, err := Open(t.Context(), config)
		opened <- result{n, err}
	}()
	<-s.asks
	ask := func(ctx context.Context) error {
		_, err := register.Remote(a.links, c.keys.id()).Imported(ctx, []register.Term{{Partition: 1, Term: 1}})
		return err
	}
	ctx, cancel := context.WithTimeout(t.Context(), askTime/10)
	if err := ask(ctx); err == nil {
		t.Error("a row is told of before the others were asked")
	}
	cancel()
	close(s.speak)
	got := <-opened
	if got.err != nil {
		t.Fatal(got.err)
	}
	h.eventually("it answers", func() bool { return ask(t.Context()) == nil })
	if err := got.n.Close(); err != nil {
		t.Error(err)
	}
}

// TestAStartThatIsGivenUpTellsOfNothing: what waits for its end is not answered.
func TestAStartThatIsGivenUpTellsOfNothing(t *testing.T) {
	t.Parallel()
	h := newHomes(t, 0)
	_, _, c := h.three()
	c.trusted = make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.askOthers(ctx); err == nil {
		t.Error("a start that was given up goes on")
	}
	select {
	case <-c.trusted:
		t.Error("its rows are trusted though nobody was asked")
	default:
	}
}
