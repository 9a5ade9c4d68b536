package gather

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// serve serves texts of ?n bytes written ?step at a time, flushed each time with ?flush; their length is
// said before unless ?chunked.
func serve(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	srv := &http.Server{Protocols: protocols, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		n, _ := strconv.Atoi(q.Get("n"))
		step, _ := strconv.Atoi(q.Get("step"))
		if !q.Has("chunked") {
			w.Header().Set("Content-Length", strconv.Itoa(n))
		}
		for body := text(n); len(body) > 0; body = body[min(step, len(body)):] {
			_, _ = w.Write(body[:min(step, len(body))])
			if q.Has("flush") {
				_ = http.NewResponseController(w).Flush()
			}
		}
	})}
	done := make(chan error)
	go func() { done <- srv.Serve(Listener(ln)) }()
	t.Cleanup(func() { _ = srv.Close(); <-done })
	return "http://" + ln.Addr().String()
}

// TestAnyLength: answers of all lengths around the buffer's arrive whole, over HTTP/1.1 and
// HTTP/2, in one piece and in many, flushed or not.
func TestAnyLength(t *testing.T) {
	base := serve(t)
	for _, two := range []bool{false, true} {
		only := new(http.Protocols)
		only.SetHTTP1(!two)
		only.SetUnencryptedHTTP2(two)
		transport := &http.Transport{Protocols: only}
		defer transport.CloseIdleConnections()
		client := &http.Client{Transport: transport}
		for _, step := range []int{1000, 4096, 100_000} {
			for n := 3500; n < 4200; n++ { // with a header of some hundred bytes, all fills of the buffer
				ask(t, client, "GET", fmt.Sprintf("%s/?n=%d&step=%d", base, n, step), n)
			}
			for _, n := range []int{0, 1, 8191, 8192, 8193, 10_240, 300_000} {
				ask(t, client, "GET", fmt.Sprintf("%s/?n=%d&step=%d&flush", base, n, step), n)
				ask(t, client, "GET", fmt.Sprintf("%s/?n=%d&step=%d&chunked", base, n, step), n)
				ask(t, client, "HEAD", fmt.Sprintf("%s/?n=%d&step=%d", base, n, step), 0)
			}
		}
	}
}

// TestSlowAndClosed: of answers after which the connection is closed, a slow client gets the
// end, also where its last write just fills the buffer.
func TestSlowAndClosed(t *testing.T) {
	base := serve(t)
	for _, n := range []int{5*32<<10 + full, full, 10 << 10} {
		c, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		_ = c.(*net.TCPConn).SetReadBuffer(4 << 10)
		fmt.Fprintf(c, "GET /?n=%d&step=%d HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", n, 32<<10)
		all, err := io.ReadAll(&slowly{c})
		_ = c.Close()
		if _, body, ok := bytes.Cut(all, []byte("\r\n\r\n")); err != nil || !ok || !bytes.Equal(body, text(n)) {
			t.Errorf("%d of %d bytes, %v", len(body), n, err)
		}
	}
}

// slowly reads few bytes at a time.
type slowly struct{ io.Reader }

func (s *slowly) Read(b []byte) (int, error) { return s.Reader.Read(b[:min(len(b), 1000)]) }

func ask(t *testing.T, c *http.Client, method, url string, n int) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got, err := io.ReadAll(resp.Body); err != nil || !bytes.Equal(got, text(n)) {
		t.Fatalf("%s %s: %d bytes, %v", method, url, len(got), err)
	}
}

// pair returns both ends of a connection.
func pair(t *testing.T) (here *conn, there net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if there, err = net.Dial("tcp", ln.Addr().String()); err != nil {
		t.Fatal(err)
	}
	accepted, err := Listener(ln).Accept()
	if err != nil {
		t.Fatal(err)
	}
	here = accepted.(*conn)
	t.Cleanup(func() { _, _ = here.Close(), there.Close() })
	return here, there
}

func text(n int) []byte { return []byte(strings.Repeat("0123456789abc", n/13+1)[:n]) }

// answer is the beginning of an answer with a body of n bytes, of size bytes.
func answer(n, size int) []byte {
	head := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n", n)
	return append([]byte(head), text(size-len(head))...)
}

// TestGoesOn: only what must be followed by more is held back.
func TestGoesOn(t *testing.T) {
	head := bytes.Index(answer(4000, full), []byte("\r\n\r\n")) + 4
	bare := []byte("HTTP/1.1 200 OK\r\nContent-Length: 10240\r\nX: ")
	for name, c := range map[string]struct {
		b    []byte
		want bool
	}{
		"a beginning":        {answer(10_240, full), true},
		"one byte more":      {answer(full-head+1, full), true},
		"whole":              {answer(full-head, full), false},
		"not full":           {answer(10_240, full-1), false},
		"more than full":     {answer(10_240, full+1), false},
		"the middle":         {text(full), false},
		"of unknown length":  {bytes.Replace(answer(10_240, full), []byte("Content-Length"), []byte("Content-Langth"), 1), false},
		"a length of no use": {bytes.Replace(answer(10_240, full), []byte("10240"), []byte("1024x"), 1), false},
		"a header alone":     {append(append(bare, text(full-len(bare)-4)...), "\r\n\r\n"...), false},
	} {
		if got := goesOn(c.b); got != c.want {
			t.Errorf("%s (%d bytes): %v", name, len(c.b), got)
		}
	}
}

// TestHolds: the beginning waits for what follows and leaves with it, in order; if nothing
// follows it leaves by itself; an error is told.
func TestHolds(t *testing.T) {
	here, there := pair(t)
	first, second := answer(10_240, full), []byte("b")
	write := func(b []byte) {
		t.Helper()
		if n, err := here.Write(b); n != len(b) || err != nil {
			t.Fatalf("%d, %v", n, err)
		}
	}
	here.mu.Lock()
	here.hold(first) // the timer waits for the lock
	if !here.holds {
		t.Error("nothing is held back")
	}
	if n, err := here.both(second); n != 1 || err != nil || here.holds {
		t.Errorf("%d, %v, %v", n, err, here.holds)
	}
	here.mu.Unlock()
	write(first)
	want := bytes.Join([][]byte{first, second, first}, nil)
	got := make([]byte, len(want))
	if _, err := io.ReadFull(there, got); err != nil || !bytes.Equal(got, want) {
		t.Fatalf("%q, %v", got, err)
	}
	if err := here.Close(); err != nil {
		t.Fatal(err)
	}
	write(first) // held back: the next says it
	if _, err := here.Write(second); err == nil {
		t.Error("written to a closed connection")
	}
}
