package rpctest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/net/rpc"
)

// Run runs all tests.
func Run(t *testing.T, start Start) {
	for name, test := range map[string]func(*testing.T, Start){
		"calls": calls, "kinds": kinds, "limits": limits, "many": many, "streams": streams, "endings": endings,
		"gives up": givesUp, "order": order, "strangers": strangers, "removed": removed, "restart": restart, "oneself": oneself,
	} {
		t.Run(name, func(t *testing.T) { test(t, start) })
	}
}

// two starts two members that know each other.
func two(t *testing.T, start Start) (a, b Node, atB *Service) {
	g, atB := NewGuard(1, 2), NewService()
	a, b = start(t, 1, g, NewService().Register), start(t, 2, g, atB.Register)
	Meet(t, a, b)
	return a, b, atB
}

func calls(t *testing.T, start Start) {
	a, b, _ := two(t, start)
	for class := rpc.Control; class <= rpc.Background; class++ {
		for _, size := range []int{0, 1, 16 << 10, 16<<10 + 1, 1 << 20} {
			in := bytesOf(size)
			got, err := a.Call(Patient(t), b.Self(), class, echo, in)
			if err != nil || !bytes.Equal(got, in) {
				t.Fatal(class, size, len(got), err)
			}
			got, err = b.Call(Patient(t), a.Self(), class, echo, in)
			if err != nil || !bytes.Equal(got, in) {
				t.Fatal("back", class, size, len(got), err)
			}
		}
	}
	Await(t, "a link both ways", func() bool {
		_, ab := a.Distance(b.Self())
		_, ba := b.Distance(a.Self())
		return ab && ba
	})
	if _, err := a.Call(Patient(t), b.Self(), rpc.Urgent, nothing, nil); !errors.Is(err, rpc.ErrUnknownMethod) {
		t.Fatal(err)
	}
}

func kinds(t *testing.T, start Start) {
	a, b, _ := two(t, start)
	for k := errs.Internal; k <= errs.Full; k++ {
		_, err := a.Call(Patient(t), b.Self(), rpc.Urgent, fail, []byte{byte(k)})
		want(t, err, k)
		if errors.Is(err, rpc.ErrNoAnswer) {
			t.Fatal("what the other node said passes for no answer")
		}
		if err.Error() != "it failed: io: read/write on closed pipe" {
			t.Fatal(err)
		}
	}
}

func limits(t *testing.T, start Start) {
	a, b, _ := two(t, start)
	_, err := a.Call(Patient(t), b.Self(), rpc.Bulk, echo, make([]byte, rpc.MaxMessage+1))
	want(t, err, errs.TooLarge)
	in := bytesOf(rpc.MaxMessage)
	got, err := a.Call(Patient(t), b.Self(), rpc.Bulk, echo, in)
	if err != nil || !bytes.Equal(got, in) {
		t.Fatal(len(got), err)
	}
	_, err = a.Open(Patient(t), b.Self(), rpc.Bulk, mirror, make([]byte, rpc.MaxMessage+1))
	want(t, err, errs.TooLarge)
}

// many: calls do not wait for each other. The gate opens when all are there.
func many(t *testing.T, start Start) {
	a, b, atB := two(t, start)
	const n = 300
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			in := []byte(fmt.Sprint(i))
			got, err := a.Call(Patient(t), b.Self(), rpc.Urgent, pass, in)
			if err != nil || !bytes.Equal(got, in) {
				t.Error(i, string(got), err)
			}
		})
	}
	for range n {
		<-atB.Held
	}
	close(atB.Gate)
	wg.Wait()
}

func streams(t *testing.T, start Start) {
	a, b, _ := two(t, start)
	for i, size := range []int{0, 1, 16<<10 + 1, 5 << 20} {
		class := rpc.Urgent + rpc.Class(i%3)
		in := bytesOf(size)
		s, err := a.Open(Patient(t), b.Self(), class, mirror, []byte("head:"))
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			_, werr := s.Write(in)
			if err := errors.Join(werr, s.CloseWrite()); err != nil {
				t.Error(err)
			}
		}()
		got, err := io.ReadAll(s)
		if err != nil || !bytes.Equal(got, append([]byte("head:"), in...)) {
			t.Fatal(size, len(got), err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 400 { // none is left behind
		s, err := a.Open(Patient(t), b.Self(), rpc.Urgent, []rpc.Method{mirror, refuse}[i%2], nil)
		if err != nil {
			t.Fatal(i, err)
		}
		_ = s.CloseWrite()
		if _, err = io.ReadAll(s); (err != nil) != (i%2 == 1) {
			t.Fatal(i, err)
		}
		_ = s.Close()
	}
	in := bytesOf(8 << 20)
	s, err := a.Open(Patient(t), b.Self(), rpc.Bulk, sink, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Write(in); err != nil {
		t.Fatal(err)
	}
	_ = s.CloseWrite()
	got, err := io.ReadAll(s)
	if sum := sha256.Sum256(in); err != nil || !bytes.Equal(got, sum[:]) {
		t.Fatal(got, err)
	}
}

// endings: how a stream ends reaches the other side.
func endings(t *testing.T, start Start) {
	a, b, atB := two(t, start)
	open := func(m rpc.Method) rpc.Stream {
		s, err := a.Open(Patient(t), b.Self(), rpc.Bulk, m, nil)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := open(refuse)
	_, err := io.ReadAll(s)
	want(t, err, errs.Full)
	_ = s.Close()

	s = open(refuse) // who writes and does not read hears of it
	for err = nil; err == nil; {
		_, err = s.Write(make([]byte, 64<<10))
	}
	want(t, err, errs.Unavailable)
	_, err = s.Read(make([]byte, 1))
	want(t, err, errs.Full)
	_ = s.Close()

	s = open(nothing)
	if _, err = io.ReadAll(s); !errors.Is(err, rpc.ErrUnknownMethod) {
		t.Fatal(err)
	}
	_ = s.Close()

	s = open(source) // who does not read any more is not written to
	if _, err := io.ReadFull(s, make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	_ = s.Close()
	<-atB.Ended
	if _, err := s.Read(make([]byte, 1)); err == nil {
		t.Fatal("a closed stream is read")
	}

	s = open(mirror) // what was not ended is not whole
	if _, err := s.Write([]byte("half")); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := io.ReadAll(s)
		done <- err
	}()
	_ = s.Close()
	want(t, <-done, errs.Unavailable)
}

func givesUp(t *testing.T, start Start) {
	a, b, atB := two(t, start)
	ctx, cancel := context.WithCancel(Patient(t))
	done := make(chan error, 1)
	go func() {
		_, err := a.Call(ctx, b.Self(), rpc.Control, hold, nil)
		done <- err
	}()
	<-atB.Held
	cancel()
	want(t, <-done, errs.Unavailable)
	<-atB.Ended // the handler heard of it
	if _, err := a.Call(Patient(t), b.Self(), rpc.Control, echo, nil); err != nil {
		t.Fatal(err)
	}
}

// order: what is urgent gets through while streams are full and calls of a lower class
// wait; and calls of one class overtake each other.
func order(t *testing.T, start Start) {
	a, b, atB := two(t, start)
	for range 3 { // nobody reads: they stand full
		s, err := a.Open(Patient(t), b.Self(), rpc.Bulk, source, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
	}
	held := make(chan error, 1)
	for _, class := range []rpc.Class{rpc.Bulk, rpc.Background, rpc.Urgent} {
		go func() {
			_, err := a.Call(Patient(t), b.Self(), class, pass, nil)
			held <- err
		}()
		<-atB.Held
	}
	for class := rpc.Control; class <= rpc.Background; class++ {
		if _, err := a.Call(Patient(t), b.Self(), class, echo, nil); err != nil {
			t.Fatal(class, err)
		}
	}
	select {
	case err := <-held:
		t.Fatal("what came later did not overtake", err)
	default:
	}
	close(atB.Gate)
	for range 3 {
		if err := <-held; err != nil {
			t.Fatal(err)
		}
	}
}

// strangers reach what is open to anyone, within its limits, and nothing else.
func strangers(t *testing.T, start Start) {
	a, b := start(t, 1, NewGuard(1), NewService().Register), start(t, 2, NewGuard(2), NewService().Register)
	Meet(t, a, b)
	check := func() {
		t.Helper()
		me := a.Self()
		got, err := a.Call(Patient(t), b.Self(), rpc.Urgent, greet, nil)
		if err != nil || !bytes.Equal(got, me[:]) {
			t.Fatal(got, err)
		}
		for _, m := range []rpc.Method{echo, nothing} {
			_, err = a.Call(Patient(t), b.Self(), rpc.Urgent, m, nil)
			want(t, err, errs.Denied)
		}
		_, err = a.Call(Patient(t), b.Self(), rpc.Urgent, greet, make([]byte, rpc.MaxStranger+1))
		if k := errs.KindOf(err); err == nil || k != errs.Denied && k != errs.TooLarge {
			t.Fatal(err)
		}
		s, err := a.Open(Patient(t), b.Self(), rpc.Bulk, mirror, nil)
		if err == nil {
			_, err = io.ReadAll(s)
			_ = s.Close()
		}
		want(t, err, errs.Denied)
	}
	check()
	a.Close()
	a = start(t, 1, NewGuard(1, 2), NewService().Register) // it believes in b, but b not in it
	Meet(t, a, b)
	check()
}

// removed: who is no member any more is cut off.
func removed(t *testing.T, start Start) {
	ga, gb, atB := NewGuard(1, 2), NewGuard(1, 2), NewService()
	a, b := start(t, 1, ga, NewService().Register), start(t, 2, gb, atB.Register)
	Meet(t, a, b)
	if _, err := a.Call(Patient(t), b.Self(), rpc.Urgent, echo, nil); err != nil {
		t.Fatal(err)
	}
	s, err := a.Open(Patient(t), b.Self(), rpc.Bulk, source, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	gb.Set(1, false)
	b.Recheck()
	for err = nil; err == nil; {
		_, err = s.Read(make([]byte, 64<<10))
	}
	<-atB.Ended
	Await(t, "a call refused", func() bool {
		_, err := a.Call(Patient(t), b.Self(), rpc.Urgent, echo, nil)
		return errors.Is(err, errs.Denied)
	})
	gb.Set(1, true)
	Await(t, "a call let in again", func() bool {
		_, err := a.Call(Patient(t), b.Self(), rpc.Urgent, echo, nil)
		return err == nil
	})
}

// restart: a node that comes back, elsewhere, is found when its addresses are known.
func restart(t *testing.T, start Start) {
	g, atB := NewGuard(1, 2), NewService()
	var mu sync.Mutex
	var seen []bool
	a := start(t, 1, g, func(n Node) {
		NewService().Register(n)
		n.OnLink(func(_ ident.NodeID, up bool) {
			mu.Lock()
			defer mu.Unlock()
			if len(seen) == 0 || seen[len(seen)-1] != up {
				seen = append(seen, up)
			}
		})
	})
	b := start(t, 2, g, atB.Register)
	Meet(t, a, b)
	if _, err := a.Call(Patient(t), b.Self(), rpc.Urgent, echo, nil); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := a.Call(Patient(t), b.Self(), rpc.Urgent, hold, nil)
		done <- err
	}()
	<-atB.Held
	b.Close()
	select {
	case <-atB.Ended:
	default:
		t.Fatal("Close came back while a handler was at work")
	}
	broke := <-done
	want(t, broke, errs.Unavailable)
	_, err := a.Call(Patient(t), b.Self(), rpc.Urgent, echo, nil)
	want(t, err, errs.Unavailable)
	if !errors.Is(broke, rpc.ErrNoAnswer) || !errors.Is(err, rpc.ErrNoAnswer) {
		t.Fatal("that no answer came does not show:", broke, err)
	}
	b = start(t, 2, g, NewService().Register)
	Meet(t, a, b)
	if _, err := a.Call(Patient(t), b.Self(), rpc.Urgent, echo, nil); err != nil {
		t.Fatal(err)
	}
	Await(t, "news of the link", func() bool {
		mu.Lock()
		defer mu.Unlock()
		n := len(seen)
		return n >= 2 && !seen[n-2] && seen[n-1]
	})
}

// oneself: a node may call itself.
func oneself(t *testing.T, start Start) {
	a := start(t, 1, NewGuard(), NewService().Register)
	got, err := a.Call(Patient(t), a.Self(), rpc.Urgent, echo, []byte("x"))
	if err != nil || string(got) != "x" {
		t.Fatal(string(got), err)
	}
	_, err = a.Call(Patient(t), a.Self(), rpc.Urgent, fail, []byte{byte(errs.Conflict)})
	want(t, err, errs.Conflict)
	s, err := a.Open(Patient(t), a.Self(), rpc.Bulk, mirror, []byte("h"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	_ = s.CloseWrite()
	if got, err := io.ReadAll(s); err != nil || string(got) != "h" {
		t.Fatal(string(got), err)
	}
}
