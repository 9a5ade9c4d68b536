package harm

import (
	"bufio"
	"crypto/md5"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rhizome/bench/store"
	"rhizome/bench/wire"
	"rhizome/e2e/harness"
)

// raw opens a connection, writes text as it is, and returns the first answer, nil if the
// node closed without one.
func raw(t *testing.T, n *harness.Node, text string) *http.Response {
	t.Helper()
	c := dial(t, n)
	_, _ = io.WriteString(c, text) // the node may close before it has read all
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return nil
	}
	body, _ := io.ReadAll(resp.Body)
	resp.Body = io.NopCloser(strings.NewReader(string(body)))
	return resp
}

func dial(t *testing.T, n *harness.Node) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", n.Address)
	must(t, err)
	t.Cleanup(func() { c.Close() })
	must(t, c.SetDeadline(time.Now().Add(2*time.Minute)))
	return c
}

// signedHead returns the head of a signed request with a header line more.
func signedHead(t *testing.T, n *harness.Node, r *wire.Request, drop, add string) string {
	t.Helper()
	c, err := wire.Dial(n.Target())
	must(t, err)
	defer c.Close()
	head := string(c.Head(nil, r, time.Now()))
	if drop != "" {
		from := strings.Index(head, drop)
		to := from + strings.Index(head[from:], "\r\n") + 2
		head = head[:from] + head[to:]
	}
	return strings.TrimSuffix(head, "\r\n") + add + "\r\n"
}

// hostile starts a node with a bucket, and checks at the end of the test that it still
// serves and has not grown.
func hostile(t *testing.T) (*harness.Node, *wire.Client) {
	t.Helper()
	n := harness.Start(t)
	c := client(t, n)
	send(t, c, "PUT", "/hostile", "", nil)
	t.Cleanup(func() {
		send(t, c, "PUT", "/hostile/alive", "", []byte("alive"))
		_, peak, err := store.Memory(n.Pid())
		if err != nil || peak > 300<<20 {
			t.Errorf("the node took %d MiB, %v", peak>>20, err)
		}
	})
	return n, c
}

// absent checks that a key holds nothing.
func absent(t *testing.T, c *wire.Client, path string) {
	t.Helper()
	resp, err := c.Do(&wire.Request{Method: "GET", Path: path})
	if err != nil || resp.Status != 404 {
		t.Errorf("%s: %+v, %v; want 404", path, resp, err)
	}
}

func TestMalformedRequests(t *testing.T) {
	t.Parallel()
	n, _ := hostile(t)
	host := "Host: " + n.Address + "\r\n"
	for name, text := range map[string]string{
		"garbage":              "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello\r\n\r\n",
		"no host":              "GET / HTTP/1.1\r\n\r\n",
		"two lengths":          "PUT /hostile/x HTTP/1.1\r\n" + host + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
		"negative length":      "PUT /hostile/x HTTP/1.1\r\n" + host + "Content-Length: -5\r\n\r\nhello",
		"endless length":       "PUT /hostile/x HTTP/1.1\r\n" + host + "Content-Length: 99999999999999999999\r\n\r\nhello",
		"length and chunks":    "PUT /hostile/x HTTP/1.1\r\n" + host + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"odd encoding":         "PUT /hostile/x HTTP/1.1\r\n" + host + "Transfer-Encoding: gzip\r\n\r\nhello",
		"space in header":      "GET /hostile HTTP/1.1\r\n" + host + "X Y: 1\r\n\r\n",
		"control in header":    "GET /hostile HTTP/1.1\r\n" + host + "X: a\x01b\r\n\r\n",
		"bad escape":           "GET /hostile/%zz HTTP/1.1\r\n" + host + "\r\n",
		"unknown method":       "BREW /hostile HTTP/1.1\r\n" + host + "\r\n",
		"odd version":          "GET / HTTP/9.9\r\n" + host + "\r\n",
		"broken authorization": "GET /hostile HTTP/1.1\r\n" + host + "Authorization: AWS4-HMAC-SHA256 Credential=///,SignedHeaders=;,Signature=\r\n\r\n",
		"basic authorization":  "GET /hostile HTTP/1.1\r\n" + host + "Authorization: Basic aGVsbG86d29ybGQ=\r\n\r\n",
		"broken presigned":     "GET /hostile?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=-1&X-Amz-Date=x&X-Amz-Credential=%00&X-Amz-SignedHeaders=host&X-Amz-Signature=00 HTTP/1.1\r\n" + host + "\r\n",
		"anonymous":            "GET /hostile HTTP/1.1\r\n" + host + "\r\n",
	} {
		if resp := raw(t, n, text); resp != nil && (resp.StatusCode < 400 || resp.StatusCode == 500) {
			t.Errorf("%s: answered with %s", name, resp.Status)
		}
	}
}

func TestEndlessHeaders(t *testing.T) {
	t.Parallel()
	n, _ := hostile(t)
	c := dial(t, n)
	w := bufio.NewWriter(c)
	fmt.Fprintf(w, "GET / HTTP/1.1\r\nHost: %s\r\n", n.Address)
	sent, err := 0, error(nil)
	for sent < 64<<20 && err == nil {
		var k int
		k, err = fmt.Fprintf(w, "X-Header-%d: %s\r\n", sent, strings.Repeat("x", 1000))
		sent += k
	}
	if err == nil {
		t.Errorf("the node read %d bytes of headers", sent)
	}
}

func TestWrongBodies(t *testing.T) {
	t.Parallel()
	n, c := hostile(t)
	put := func(path string, r wire.Request, status int, code string) {
		t.Helper()
		r.Method, r.Path = "PUT", path
		resp, err := c.Do(&r)
		if err != nil || resp.Status != status || resp.Code() != code {
			t.Errorf("%s: %d %s, %v; want %d %s", path, resp.Status, resp.Code(), err, status, code)
		}
		absent(t, c, path)
	}
	body := harness.Random(1, 50_000)
	sum := md5.Sum([]byte("something else"))
	put("/hostile/md5", wire.Request{Body: body, Headers: []wire.Header{{Name: "Content-MD5", Value: base64.StdEncoding.EncodeToString(sum[:])}}}, 400, "BadDigest")
	put("/hostile/nomd5", wire.Request{Body: body, Headers: []wire.Header{{Name: "Content-MD5", Value: "?"}}}, 400, "InvalidDigest")
	put("/hostile/sha", wire.Request{Body: body, PayloadHash: strings.Repeat("00", 32)}, 400, "XAmzContentSHA256Mismatch")
	put("/hostile/crc", wire.Request{Body: body, Headers: []wire.Header{{Name: "x-amz-checksum-crc32c", Value: "AAAAAA=="}}}, 400, "BadDigest")
	put("/hostile/crcform", wire.Request{Body: body, Headers: []wire.Header{{Name: "x-amz-checksum-crc32c", Value: "AAAA"}}}, 400, "InvalidRequest")
	breakOff(t, n, "/hostile/short", 300_000, 100_000)
	absent(t, c, "/hostile/short")
	// A body that is longer than announced: the rest is no part of the object.
	r := &wire.Request{Method: "PUT", Path: "/hostile/long", Body: []byte("hello")}
	if resp := raw(t, n, signedHead(t, n, r, "", "")+"hello and more\r\n\r\n"); resp == nil || resp.StatusCode != 200 {
		t.Errorf("a body with more behind it: %v", resp)
	}
	if got := send(t, c, "GET", "/hostile/long", "", nil); string(got.Body) != "hello" {
		t.Errorf("the object holds %q", got.Body)
	}
	wrongChunks(t, n, c)
}

// wrongChunks sends aws-chunked bodies that break off or are signed wrongly.
func wrongChunks(t *testing.T, n *harness.Node, c *wire.Client) {
	t.Helper()
	for name, body := range map[string]string{
		"bad signature": "5;chunk-signature=" + strings.Repeat("0", 64) + "\r\nhello\r\n0;chunk-signature=" + strings.Repeat("0", 64) + "\r\n\r\n",
		"no end":        "5;chunk-signature=" + strings.Repeat("0", 64) + "\r\nhello\r\n",
		"huge chunk":    "fffffffffffffff;chunk-signature=" + strings.Repeat("0", 64) + "\r\nhello",
		"no chunk":      "hello",
		"long line":     strings.Repeat("5", 1<<20),
	} {
		path := "/hostile/chunks-" + strings.ReplaceAll(name, " ", "")
		resp, err := c.Do(&wire.Request{Method: "PUT", Path: path, Body: []byte(body), PayloadHash: "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
			Headers: []wire.Header{{Name: "x-amz-decoded-content-length", Value: "5"}, {Name: "Content-Encoding", Value: "aws-chunked"}}})
		if err == nil && (resp.Status < 400 || resp.Status >= 500) {
			t.Errorf("%s: answered with %d %s", name, resp.Status, resp.Code())
		}
		absent(t, c, path)
	}
}

func TestWrongDocuments(t *testing.T) {
	t.Parallel()
	_, c := hostile(t)
	var many strings.Builder
	for i := range 1001 {
		fmt.Fprintf(&many, "<Object><Key>k%d</Key></Object>", i)
	}
	lol := `<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol">` + strings.Repeat(`<!ENTITY a "&lol;&lol;&lol;&lol;">`, 100) + `]><Delete><Object><Key>&a;</Key></Object></Delete>`
	for name, body := range map[string]string{
		"too many keys": "<Delete>" + many.String() + "</Delete>",
		"entities":      lol,
		"no XML":        "hello",
		"broken XML":    "<Delete><Object><Key>a</Key>",
		"deep XML":      strings.Repeat("<a>", 100_000),
		"large XML":     "<Delete><Object><Key>" + strings.Repeat("k", 8<<20) + "</Key></Object></Delete>",
		"nothing":       "",
	} {
		sum := md5.Sum([]byte(body))
		resp, err := c.Do(&wire.Request{Method: "POST", Path: "/hostile", Query: "delete", Body: []byte(body),
			Headers: []wire.Header{{Name: "Content-MD5", Value: base64.StdEncoding.EncodeToString(sum[:])}}})
		if err == nil && (resp.Status < 400 || resp.Status >= 500) {
			t.Errorf("%s: answered with %d %.200s", name, resp.Status, resp.Body)
		}
	}
}

// oddKeys are keys that a careless server takes for paths, or breaks on.
var oddKeys = []string{".", "a/../b", "a/b/../..", "a//b", "/a", "a/", "a/./b", "%2e%2e/x", "a\\b", "a?b#c", "a+b c", "\u00e9\u0301",
	"CON", "a\nb", "a\x7fb", "<&>\"'", strings.Repeat("k", 1024), strings.Repeat("d/", 512), "\U0001F600", "node.key"}

func TestOddKeys(t *testing.T) {
	t.Parallel()
	n, c := hostile(t)
	for i, key := range oddKeys {
		send(t, c, "PUT", "/hostile/"+wire.Escape(key), "", fmt.Append(nil, "key ", i))
	}
	list := string(send(t, c, "GET", "/hostile", "list-type=2&encoding-type=url", nil).Body)
	for i, key := range oddKeys {
		got := send(t, c, "GET", "/hostile/"+wire.Escape(key), "", nil)
		if string(got.Body) != fmt.Sprint("key ", i) {
			t.Errorf("%q holds %q", key, got.Body)
		}
	}
	if got := strings.Count(list, "<Key>"); got != len(oddKeys) {
		t.Errorf("the listing shows %d keys, want %d: %s", got, len(oddKeys), list)
	}
	for _, key := range []string{"..", "../node.key", "../../etc/passwd", "a/../../b"} { // above the bucket
		if resp, err := c.Do(&wire.Request{Method: "PUT", Path: "/hostile/" + wire.Escape(key), Body: []byte("x")}); err != nil || resp.Status != 400 {
			t.Errorf("%q is put: %+v, %v", key, resp, err)
		}
	}
	if resp, err := c.Do(&wire.Request{Method: "PUT", Path: "/hostile/" + strings.Repeat("k", 1025), Body: []byte("x")}); err != nil || resp.Code() != "KeyTooLongError" {
		t.Errorf("a key of 1,025 bytes: %+v, %v", resp, err)
	}
	if key, err := os.ReadFile(filepath.Join(n.Dir, "node.key")); err != nil || strings.HasPrefix(string(key), "key ") {
		t.Errorf("a key of an object reached the data folder: %q, %v", key, err)
	}
}

func TestStrangers(t *testing.T) {
	t.Parallel()
	n, c := hostile(t)
	send(t, c, "PUT", "/hostile/secret", "", []byte("secret"))
	ask := func(what string, target wire.Target, status int, code string) {
		t.Helper()
		stranger := wire.Client{Target: target}
		defer stranger.Close()
		resp, err := stranger.Do(&wire.Request{Method: "GET", Path: "/hostile/secret"})
		if err != nil || resp.Status != status || resp.Code() != code {
			t.Errorf("%s: %+v, %v; want %d %s", what, resp, err, status, code)
		}
	}
	ask("nobody", wire.Target{Address: n.Address}, 403, "AccessDenied")
	ask("an unknown key", wire.Target{Address: n.Address, Key: wire.Key{ID: "RZ0000000000000000", Secret: "x"}}, 403, "InvalidAccessKeyId")
	ask("a wrong secret", wire.Target{Address: n.Address, Key: wire.Key{ID: n.Key.ID, Secret: "x"}}, 403, "SignatureDoesNotMatch")
	old, err := wire.Dial(n.Target())
	must(t, err)
	defer old.Close()
	head := old.Head(nil, &wire.Request{Method: "GET", Path: "/hostile/secret"}, time.Now().Add(-20*time.Minute))
	if resp := raw(t, n, string(head)); resp == nil || resp.StatusCode != 403 {
		t.Errorf("a request of twenty minutes ago: %v", resp)
	}
	// Another key of the same node has no right to the bucket.
	mine := n.Key
	must(t, n.NewKey("other"))
	ask("another key", n.Target(), 403, "AccessDenied")
	n.Key = mine
}

// TestSlowClients: clients that hardly send anything are closed in time and keep nobody
// else waiting.
func TestSlowClients(t *testing.T) {
	t.Parallel()
	n, c := hostile(t)
	slow := make([]net.Conn, 400)
	for i := range slow {
		slow[i] = dial(t, n)
		text := "GET /hostile HTTP/1.1\r\nHost: "
		if i%2 == 0 {
			text = signedHead(t, n, &wire.Request{Method: "PUT", Path: "/hostile/slow", Body: make([]byte, 100_000)}, "", "")
		}
		_, err := io.WriteString(slow[i], text)
		must(t, err)
	}
	for i := range 50 {
		send(t, c, "PUT", fmt.Sprint("/hostile/quick", i), "", harness.Random(1, 10_000))
	}
	connected, last := 0, time.Now().Add(3*time.Minute)
	for _, conn := range slow {
		must(t, conn.SetReadDeadline(last))
		_, err := io.ReadAll(conn)
		var late net.Error
		if errors.As(err, &late) && late.Timeout() {
			connected++
		}
	}
	if connected > 0 {
		t.Errorf("%d of %d slow clients are still connected after three minutes", connected, len(slow))
	}
	absent(t, c, "/hostile/slow")
}
