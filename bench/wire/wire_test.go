package wire

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// The example "GET Object" of AWS's documentation of Signature Version 4 for S3.
func TestSignatureOfAWSExample(t *testing.T) {
	s := &signer{key: Key{"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}, region: "us-east-1"}
	const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	r := &Request{Method: "GET", Path: "/", Query: "lifecycle", PayloadHash: empty}
	got := string(s.sign(nil, r, "examplebucket.s3.amazonaws.com", time.Date(2013, 5, 24, 0, 0, 0, 0, time.UTC)))
	if want := "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"; !strings.Contains(got, want) {
		t.Errorf("signed as\n%s\nwant signature %s", got, want)
	}
}

func TestEscape(t *testing.T) {
	for in, want := range map[string]string{"a/b c": "a/b%20c", "é": "%C3%A9", "a+b~": "a%2Bb~"} {
		if got := Escape(in); got != want {
			t.Errorf("Escape(%q) = %q, want %q", in, got, want)
		}
	}
	if got := EscapeQuery("a/b"); got != "a%2Fb" {
		t.Errorf("EscapeQuery = %q", got)
	}
}

func TestRequestsShareAConnection(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.URL.Path == "/chunked" {
			for range 3 {
				fmt.Fprint(w, "0123456789")
				w.(http.Flusher).Flush()
			}
			return
		}
		if r.URL.Path == "/refused" {
			w.WriteHeader(http.StatusConflict)
			fmt.Fprint(w, "<Error><Code>Conflict</Code></Error>")
			return
		}
		w.Header().Set("ETag", `"x"`)
		fmt.Fprintf(w, "%s %s %d", r.Method, r.URL.RequestURI(), len(body))
	}))
	defer srv.Close()
	c, err := Dial(Target{Address: srv.Listener.Addr().String(), Key: Key{"id", "secret"}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for range 2 {
		check(t, c, &Request{Method: "PUT", Path: "/b/k", Query: "x=1", Body: make([]byte, 100)}, 200, "PUT /b/k?x=1 100")
		check(t, c, &Request{Method: "GET", Path: "/chunked"}, 200, strings.Repeat("0123456789", 3))
		check(t, c, &Request{Method: "GET", Path: "/refused"}, 409, "<Error><Code>Conflict</Code></Error>")
		check(t, c, &Request{Method: "HEAD", Path: "/b/k"}, 200, "")
	}
}

func check(t *testing.T, c *Conn, r *Request, status int, body string) {
	t.Helper()
	resp, err := c.Do(r)
	if err != nil {
		t.Fatalf("%s %s: %v", r.Method, r.Path, err)
	}
	if resp.Status != status || string(resp.Body) != body {
		t.Errorf("%s %s: %d %q, want %d %q", r.Method, r.Path, resp.Status, resp.Body, status, body)
	}
}
