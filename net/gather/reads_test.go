package gather

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"testing"
	"time"
)

var longAgo = time.Unix(1, 0)

// TestReadsWait: a read of one byte gets it, ends with its deadline whether it waits or looks at
// the connection already, and ends when the connection is closed.
func TestReadsWait(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(here *conn, there net.Conn)
		want error
	}{
		"a byte":   {func(_ *conn, there net.Conn) { _, _ = there.Write([]byte{7}) }, nil},
		"the end":  {func(_ *conn, there net.Conn) { _ = there.Close() }, io.EOF},
		"deadline": {func(here *conn, _ net.Conn) { _ = here.SetReadDeadline(longAgo) }, os.ErrDeadlineExceeded},
		"both":     {func(here *conn, _ net.Conn) { _ = here.SetDeadline(longAgo) }, os.ErrDeadlineExceeded},
		"soon":     {func(here *conn, _ net.Conn) { _ = here.SetReadDeadline(time.Now().Add(time.Millisecond)) }, os.ErrDeadlineExceeded},
		"closed":   {func(here *conn, _ net.Conn) { _ = here.Close() }, net.ErrClosed},
	} {
		for _, state := range []string{"before", "waits", "looks"} {
			t.Run(name+", "+state, func(t *testing.T) {
				here, there := pair(t)
				if state == "before" {
					c.do(here, there)
				}
				done := make(chan error, 1)
				go func() {
					n, err := here.Read(make([]byte, 1))
					if (n == 1) != (err == nil) {
						err = fmt.Errorf("%d bytes, %w", n, err)
					}
					done <- err
				}()
				for ; state != "before" && !here.reads.is(state); runtime.Gosched() {
					if len(done) > 0 {
						t.Fatal("it did not wait:", <-done)
					}
				}
				if state != "before" {
					c.do(here, there)
				}
				if err := <-done; !errors.Is(err, c.want) {
					t.Error(err)
				}
			})
		}
	}
}

// is reports whether a read waits, or looks at the connection.
func (r *reads) is(state string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return state == "waits" && r.waits || state == "looks" && r.under
}

// TestDeadlinesAreKept: what is asked for ends a read and a write, at most slack later; the same deadline
// again and one soon after it are not passed on.
func TestDeadlinesAreKept(t *testing.T) {
	here, _ := pair(t)
	at := time.Now().Add(time.Hour) // of a deadline that never comes
	for i, c := range []struct {
		want time.Time
		set  time.Time
	}{
		{at, at.Add(slack)},
		{at.Add(slack / 2), at.Add(slack)},
		{at.Add(slack), at.Add(slack)},
		{at.Add(slack + 1), at.Add(2*slack + 1)},
		{at, at.Add(slack)}, // never later than that
		{time.Time{}, time.Time{}},
	} {
		_ = here.SetDeadline(c.want)
		here.reads.mu.Lock()
		err := here.reads.pass()
		if err != nil || !here.reads.set.Equal(c.set) || !here.writeBy.Equal(c.set) {
			t.Errorf("%d: %v, %v, %v; wanted %v", i, err, here.reads.set, here.writeBy, c.set)
		}
		here.reads.mu.Unlock()
	}
	_ = here.SetWriteDeadline(longAgo)
	if _, err := here.Write([]byte("x")); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error(err)
	}
	_ = here.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
	if _, err := here.Read(make([]byte, 10)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error(err)
	}
}

// TestFramesDoNotWait: a byte of HTTP/2 is read at once.
func TestFramesDoNotWait(t *testing.T) {
	for _, c := range []struct {
		first string
		waits bool
	}{{"PRI * HTTP/2.0\r\n\r\n", false}, {"PROPFIND / HTTP/1.1\r\n\r\n", true}} {
		here, there := pair(t)
		_, _ = there.Write([]byte(c.first))
		if _, err := io.ReadFull(here, make([]byte, len(c.first))); err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() { defer close(done); _, _ = here.Read(make([]byte, 1)) }()
		for !here.reads.is("waits") && !here.reads.is("looks") {
			runtime.Gosched()
		}
		if here.reads.is("waits") != c.waits {
			t.Errorf("%q: waits %v", c.first, !c.waits)
		}
		_ = here.Close()
		<-done
	}
}

// TestWhoGoesAwayIsSeen: a handler hears that its client went away, requests that were sent together are
// all answered, and who sends nothing is cut off.
func TestWhoGoesAwayIsSeen(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := make(chan struct{}, 1)
	srv := &http.Server{ReadHeaderTimeout: 10 * time.Millisecond, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/wait" {
			<-r.Context().Done()
			gone <- struct{}{}
		}
		fmt.Fprint(w, r.URL.Path)
	})}
	done := make(chan error)
	go func() { done <- srv.Serve(Listener(ln)) }()
	defer func() { _ = srv.Close(); <-done }()
	dial := func() net.Conn {
		c, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	c := dial()
	fmt.Fprint(c, "GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n")
	r := bufio.NewReader(c)
	for _, want := range []string{"/a", "/b"} {
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(resp.Body); string(got) != want || err != nil {
			t.Errorf("%q, %v", got, err)
		}
	}
	fmt.Fprint(c, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
	_ = c.Close()
	<-gone
	slow := dial()
	fmt.Fprint(slow, "GET /a HT")
	if _, err := io.ReadAll(slow); err != nil { // until it is cut off
		t.Error(err)
	}
}
