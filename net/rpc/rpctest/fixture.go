// Package rpctest holds the tests that every implementation of rpc.Links passes: calls,
// errors, streams, limits, cancelling, membership, restart. Units and limits are those of
// package rpc. It waits for conditions and never for time to pass.
package rpctest

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"io"
	"runtime"
	"sync"
	"testing"
	"time"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/net/rpc"
)

// Node is one under test.
type Node interface {
	rpc.Links
	Addresses() []string
	SetAddresses(id ident.NodeID, addrs []string) error
	OnLink(f func(id ident.NodeID, up bool))
	Recheck()
	Close() error
}

// Start starts node number i, with the handlers that register adds. A number that was
// closed before starts anew, where it may be found at another address.
type Start func(t *testing.T, i int, guard rpc.Guard, register func(Node)) Node

// Key is the key of node number i.
func Key(i int) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte{byte(i)})
	return ed25519.NewKeyFromSeed(seed[:])
}

// ID is the name of node number i.
func ID(i int) ident.NodeID { return ident.NodeID(Key(i).Public().(ed25519.PublicKey)) }

// Guard is a list of members that changes.
type Guard struct {
	mu  sync.Mutex
	ids map[ident.NodeID]bool
}

// NewGuard lets the nodes of these numbers in.
func NewGuard(numbers ...int) *Guard {
	g := &Guard{ids: map[ident.NodeID]bool{}}
	for _, i := range numbers {
		g.Set(i, true)
	}
	return g
}

// Set lets a node in or not.
func (g *Guard) Set(i int, member bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ids[ID(i)] = member
}

// Member implements rpc.Guard.
func (g *Guard) Member(id ident.NodeID) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.ids[id]
}

// The methods that nodes under test answer.
const (
	echo    rpc.Method = 0x0501 + iota // returns the request
	fail                               // fails with the kind that the first byte is
	hold                               // waits until ctx ends, and says so on Service.Ended
	pass                               // waits on Service.Gate
	greet                              // is open to anyone
	mirror                             // a stream: sends back what it gets
	source                             // a stream: sends bytes without end
	sink                               // a stream: counts what it gets, and sends the sum of its bytes
	refuse                             // a stream: fails at once
	nothing                            // nobody answers
)

// Service is what a node under test does.
type Service struct {
	Held, Ended chan struct{}
	Gate        chan struct{}
}

// NewService returns one with its gate shut.
func NewService() *Service {
	return &Service{make(chan struct{}, 64), make(chan struct{}, 64), make(chan struct{})}
}

// Register adds the handlers.
func (s *Service) Register(l Node) {
	l.Handle(echo, rpc.Members, func(_ context.Context, _ ident.NodeID, b []byte) ([]byte, error) { return b, nil })
	l.Handle(greet, rpc.Anyone, func(_ context.Context, from ident.NodeID, _ []byte) ([]byte, error) { return from[:], nil })
	l.Handle(fail, rpc.Members, func(_ context.Context, _ ident.NodeID, b []byte) ([]byte, error) {
		return nil, errs.Newf(errs.Kind(b[0]), "it failed: %w", io.ErrClosedPipe)
	})
	l.Handle(hold, rpc.Members, func(ctx context.Context, _ ident.NodeID, _ []byte) ([]byte, error) {
		s.Held <- struct{}{}
		<-ctx.Done()
		for range 100 { // time enough to be overtaken by who does not wait for it
			runtime.Gosched()
		}
		s.Ended <- struct{}{}
		return nil, ctx.Err()
	})
	l.Handle(pass, rpc.Members, func(ctx context.Context, _ ident.NodeID, b []byte) ([]byte, error) {
		s.Held <- struct{}{}
		select {
		case <-s.Gate:
		case <-ctx.Done():
		}
		return b, ctx.Err()
	})
	l.HandleStream(mirror, rpc.Members, func(_ context.Context, _ ident.NodeID, head []byte, st rpc.Stream) error {
		if _, err := st.Write(head); err != nil {
			return err
		}
		_, err := io.Copy(st, st)
		return err
	})
	l.HandleStream(source, rpc.Members, func(_ context.Context, _ ident.NodeID, _ []byte, st rpc.Stream) error {
		b := make([]byte, 64<<10)
		for {
			if _, err := st.Write(b); err != nil {
				s.Ended <- struct{}{}
				return err
			}
		}
	})
	l.HandleStream(sink, rpc.Members, func(_ context.Context, _ ident.NodeID, _ []byte, st rpc.Stream) error {
		h := sha256.New()
		if _, err := io.Copy(h, st); err != nil {
			return err
		}
		_, err := st.Write(h.Sum(nil))
		return err
	})
	l.HandleStream(refuse, rpc.Members, func(context.Context, ident.NodeID, []byte, rpc.Stream) error {
		return errs.New(errs.Full, "no room")
	})
}

// Meet tells both where to find the other.
func Meet(t *testing.T, a, b Node) {
	t.Helper()
	if err := errors.Join(a.SetAddresses(b.Self(), b.Addresses()), b.SetAddresses(a.Self(), a.Addresses())); err != nil {
		t.Fatal(err)
	}
}

// Patient is a context for what takes its time on a busy machine.
func Patient(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// Await calls f until it holds.
func Await(t *testing.T, what string, f func() bool) {
	t.Helper()
	ctx := Patient(t)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !f() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("waited in vain: " + what)
		}
	}
}

func want(t *testing.T, err error, kind errs.Kind) {
	t.Helper()
	if err == nil || errs.KindOf(err) != kind {
		t.Fatalf("got %v, want an error of kind %v", err, kind)
	}
}

func bytesOf(n int) []byte { return bytes.Repeat([]byte("rhizome "), n/8+1)[:n] }
