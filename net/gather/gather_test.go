package gather_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"rhizome/net/gather"
)

// TestAnyLength: answers of all lengths around the buffer's arrive whole, over HTTP/1.1 and
// HTTP/2, in one piece and in many, flushed or not.
func TestAnyLength(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	srv := &http.Server{Protocols: protocols, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.URL.Query().Get("n"))
		step, _ := strconv.Atoi(r.URL.Query().Get("step"))
		for body := text(n); len(body) > 0; body = body[min(step, len(body)):] {
			_, _ = w.Write(body[:min(step, len(body))])
			if r.URL.Query().Has("flush") {
				_ = http.NewResponseController(w).Flush()
			}
		}
	})}
	done := make(chan error)
	go func() { done <- srv.Serve(gather.Listener(ln)) }()
	defer func() { _ = srv.Close(); <-done }()
	for _, two := range []bool{false, true} {
		only := new(http.Protocols)
		only.SetHTTP1(!two)
		only.SetUnencryptedHTTP2(two)
		transport := &http.Transport{Protocols: only}
		defer transport.CloseIdleConnections()
		client := &http.Client{Transport: transport}
		for _, step := range []int{1000, 4096, 100_000} {
			for n := 3500; n < 4200; n++ { // with a header of some hundred bytes, all fills of the buffer
				ask(t, client, fmt.Sprintf("http://%s/?n=%d&step=%d", ln.Addr(), n, step), n)
			}
			for _, n := range []int{0, 1, 8191, 8192, 8193, 10_240, 300_000} {
				ask(t, client, fmt.Sprintf("http://%s/?n=%d&step=%d&flush", ln.Addr(), n, step), n)
			}
		}
	}
}

func ask(t *testing.T, c *http.Client, url string, n int) {
	t.Helper()
	resp, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got, err := io.ReadAll(resp.Body); err != nil || !bytes.Equal(got, text(n)) {
		t.Fatalf("%s: %d bytes, %v", url, len(got), err)
	}
}

func text(n int) []byte { return []byte(strings.Repeat("0123456789abc", n/13+1)[:n]) }

// TestOneMessage: what was held back and what follows leave together, in order; what nothing
// follows leaves too; what is held back at the end is sent before the connection closes.
func TestOneMessage(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	there, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer there.Close()
	here, err := gather.Listener(ln).Accept()
	if err != nil {
		t.Fatal(err)
	}
	first, second := bytes.Repeat([]byte("a"), 4096), []byte("b")
	for _, b := range [][]byte{first, second, first} {
		if n, err := here.Write(b); n != len(b) || err != nil {
			t.Fatalf("%d, %v", n, err)
		}
	}
	got := make([]byte, 4096+1+4096)
	if _, err := io.ReadFull(there, got); err != nil || !bytes.Equal(got, bytes.Join([][]byte{first, second, first}, nil)) {
		t.Fatalf("%q, %v", got, err)
	}
	if _, err := here.Write(first); err != nil {
		t.Fatal(err)
	}
	if err := here.Close(); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(there); err != nil || !bytes.Equal(rest, first) {
		t.Fatalf("%d bytes, %v", len(rest), err)
	}
	if _, err := here.Write(first); err != nil { // held back: the next says it
		t.Fatal(err)
	}
	if _, err := here.Write(second); err == nil {
		t.Error("written to a closed connection")
	}
}
