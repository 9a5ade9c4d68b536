package s3test

import (
	"bufio"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"rhizome/gateway/s3/sigv4"
)

func testNotImplemented(e *env) {
	a := e.alice
	a.do("PUT", "/alpha/k", "x").is(200)
	for _, h := range [][]string{
		{"x-amz-server-side-encryption", "aws:kms"},
		{"x-amz-unheard-of", "1"}, {"x-amz-write-offset-bytes", "5"},
	} {
		a.do("PUT", "/alpha/k", "y", h...).is(501, "NotImplemented")
		a.do("POST", "/alpha/k?uploads", "", h...).is(501, "NotImplemented")
	}
	for _, h := range [][]string{{"x-amz-acl", "public-read"}, {"x-amz-grant-read", "id=x"}} {
		a.do("PUT", "/alpha/k", "y", h...).is(400, "AccessControlListNotSupported")
		a.do("POST", "/alpha/k?uploads", "", h...).is(400, "AccessControlListNotSupported")
	}
	a.do("PUT", "/alpha/k", "y", "x-amz-storage-class", "GLACIER").is(400, "InvalidStorageClass")
	a.do("GET", "/alpha/k", "", "x-amz-security-token", "t").is(400, "InvalidToken")
	for _, sub := range []string{"torrent", "restore", "unheard-of", "renameObject"} {
		a.do("PUT", "/alpha/k?"+sub, "y").is(501, "NotImplemented")
	}
	a.do("GET", "/alpha/k?torrent", "").is(501, "NotImplemented")
	a.do("DELETE", "/alpha/k?unheard-of", "").is(501, "NotImplemented")
	a.do("POST", "/alpha/k?select&select-type=2", "").is(501, "NotImplemented")
	a.do("POST", "/alpha/k?restore", "").is(501, "NotImplemented")
	a.do("PUT", "/alpha/k?x-id=PutObject", "x").is(200)
	a.do("GET", "/alpha/k", "").is(200).holds("x")
}

func testErrors(e *env) {
	a := e.alice
	r := a.do("PATCH", "/alpha/k", "").is(405, "MethodNotAllowed").has("Method", "PATCH", "ResourceType", "OBJECT")
	if r.header.Get("Allow") == "" {
		e.Error("405 without Allow")
	}
	a.do("POST", "/alpha/k", "").is(405, "MethodNotAllowed")
	a.do("DELETE", "/", "").is(405, "MethodNotAllowed").has("ResourceType", "SERVICE")
	a.do("GET", "//k", "").is(400, "InvalidBucketName")
	r = a.do("GET", "/alpha/<&", "").is(404, "NoSuchKey").has("Key", "<&", "Resource", "/alpha/<&")
	if id := r.text("RequestId"); id == "" || id != r.header.Get("x-amz-request-id") || r.text("HostId") == "" {
		e.Error(r.body)
	}
	req := a.request("GET", "/alpha/k", "")
	req.Header.Set("Authorization", "AWS key:signature")
	if r := a.send(req); r.status < 400 || r.code() == "" {
		e.Error(r.status, r.body)
	}
}

// raw sends bytes on a connection of its own and returns what comes back.
func (e *env) raw(send string) (*bufio.Reader, net.Conn) {
	c, err := net.Dial("tcp", e.addr)
	if err != nil {
		e.Fatal(err)
	}
	e.Cleanup(func() { c.Close() })
	if _, err := io.WriteString(c, send); err != nil {
		e.Fatal(err)
	}
	return bufio.NewReader(c), c
}

// signedHead is the head of a signed request as it goes over the wire.
func (e *env) signedHead(method, target string, extra ...string) string {
	r := e.alice.request(method, target, "")
	if err := sigv4.Sign(r, e.alice.cred, "UNSIGNED-PAYLOAD", e.clock.Now()); err != nil {
		e.Fatal(err)
	}
	head := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: %s\r\n", method, target, e.addr)
	for name := range r.Header {
		head += name + ": " + r.Header.Get(name) + "\r\n"
	}
	return head + strings.Join(extra, "\r\n") + "\r\n\r\n"
}

func testExpect(e *env) {
	in, _ := e.raw("PUT /alpha/k HTTP/1.1\r\nHost: " + e.addr + "\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n\r\n")
	r, err := http.ReadResponse(in, nil)
	if err != nil || r.StatusCode != 403 {
		e.Fatal("an unsigned PUT was not refused before its body", r, err)
	}
	in, c := e.raw(e.signedHead("PUT", "/alpha/k", "Content-Length: 4", "Expect: 100-continue"))
	line, err := in.ReadString('\n')
	if err != nil || !strings.Contains(line, "100 Continue") {
		e.Fatal(line, err)
	}
	_, _ = in.ReadString('\n')
	_, _ = io.WriteString(c, "body")
	if r, err = http.ReadResponse(in, nil); err != nil || r.StatusCode != 200 {
		e.Fatal(r, err)
	}
	e.alice.do("GET", "/alpha/k", "").is(200).holds("body")
}

// testBodies sends bodies that are shorter and longer than announced.
func testBodies(e *env) {
	in, c := e.raw(e.signedHead("PUT", "/alpha/short", "Content-Length: 100") + "only this")
	_ = c.(*net.TCPConn).CloseWrite()
	if r, err := http.ReadResponse(in, nil); err == nil && r.StatusCode != 400 {
		e.Error(r.Status)
	}
	e.alice.do("GET", "/alpha/short", "").is(404, "NoSuchKey")

	in, _ = e.raw(e.signedHead("PUT", "/alpha/long", "Content-Length: 4") + "body" + strings.Repeat("more", 100))
	if r, err := http.ReadResponse(in, nil); err != nil || r.StatusCode != 200 {
		e.Error(r, err)
	}
	e.alice.do("GET", "/alpha/long", "").is(200).holds("body")

	in, _ = e.raw(e.signedHead("PUT", "/alpha/none"))
	if r, err := http.ReadResponse(in, nil); err != nil || r.StatusCode != 411 && r.StatusCode != 200 {
		e.Error(r, err)
	}
	in, _ = e.raw(e.signedHead("PUT", "/alpha/huge", "Content-Length: 5368709121"))
	if r, err := http.ReadResponse(in, nil); err != nil || r.StatusCode != 400 {
		e.Error(r, err)
	}
	in, _ = e.raw(e.signedHead("PUT", "/alpha/chunks", "Transfer-Encoding: chunked") + "4\r\nbody\r\n0\r\n\r\n")
	if r, err := http.ReadResponse(in, nil); err != nil || r.StatusCode != 411 {
		e.Error(r, err)
	}
}

// testHeads sends heads that no client should.
func testHeads(e *env) {
	host := "Host: " + e.addr + "\r\n"
	for _, head := range []string{
		"GET / HTTP/1.1\r\n" + host + "X: " + strings.Repeat("x", 1<<20) + "\r\n\r\n",
		"GET / HTTP/1.1\r\n" + host + strings.Repeat("X-Y: z\r\n", 20000) + "\r\n",
		"GET /" + strings.Repeat("a", 1<<20) + " HTTP/1.1\r\n" + host + "\r\n",
		"GET * HTTP/1.1\r\n" + host + "\r\n", "OPTIONS * HTTP/1.1\r\n" + host + "\r\n",
		"GET /%zz HTTP/1.1\r\n" + host + "\r\n", "GET / HTTP/1.1\r\n\r\n", "nonsense\r\n\r\n",
		"PUT /alpha/k HTTP/1.1\r\n" + host + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
	} {
		c, err := net.Dial("tcp", e.addr)
		if err != nil {
			e.Fatal(err)
		}
		go func() { _, _ = io.WriteString(c, head) }()
		r, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err == nil && r.StatusCode < 400 {
			e.Errorf("%.40q: %s", head, r.Status)
		}
		c.Close()
	}
	e.alice.do("GET", "/alpha", "").is(200)
}

func testForm(e *env) {
	policy := func(conditions string) map[string]string {
		now := e.clock.Now()
		cred := fmt.Sprintf("%s/%s/us-east-1/s3/aws4_request", e.alice.cred.AccessKey, now.Format("20060102"))
		doc := fmt.Sprintf(`{"expiration":%q,"conditions":[{"bucket":"alpha"},{"x-amz-credential":%q},{"x-amz-date":%q},`+
			`{"x-amz-algorithm":"AWS4-HMAC-SHA256"},["starts-with","$key","up/"]%s]}`,
			now.Add(time.Hour).Format("2006-01-02T15:04:05.000Z"), cred, now.Format("20060102T150405Z"), conditions)
		text := base64.StdEncoding.EncodeToString([]byte(doc))
		key := []byte("AWS4" + e.alice.cred.Secret)
		for _, part := range []string{now.Format("20060102"), "us-east-1", "s3", "aws4_request", text} {
			m := hmac.New(sha256.New, key)
			m.Write([]byte(part))
			key = m.Sum(nil)
		}
		return map[string]string{"policy": text, "x-amz-credential": cred, "x-amz-date": now.Format("20060102T150405Z"),
			"x-amz-algorithm": "AWS4-HMAC-SHA256", "x-amz-signature": hex.EncodeToString(key)}
	}
	post := func(fields map[string]string, file string, more ...string) *answer {
		var b strings.Builder
		for i := 0; i+1 < len(more); i += 2 {
			fields[more[i]] = more[i+1]
		}
		for name, value := range fields {
			fmt.Fprintf(&b, "--frontier\r\nContent-Disposition: form-data; name=%q\r\n\r\n%s\r\n", name, value)
		}
		fmt.Fprintf(&b, "--frontier\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f.txt\"\r\n\r\n%s\r\n--frontier--\r\n", file)
		return e.nobody.do("POST", "/alpha", b.String(), "Content-Type", "multipart/form-data; boundary=frontier")
	}
	post(policy(""), "text", "key", "up/${filename}").is(204).wants("ETag", `"`+etagOf("text")+`"`)
	e.alice.do("GET", "/alpha/up/f.txt", "").is(200).holds("text")
	post(policy(`,{"success_action_status":"201"}`), "text", "key", "up/b", "success_action_status", "201").is(201).has("Key", "up/b", "Bucket", "alpha")
	post(policy(""), "text", "key", "elsewhere").is(403, "AccessDenied")
	post(policy(`,["content-length-range",1,3]`), "text", "key", "up/c").is(400, "EntityTooLarge")
	post(policy(""), "text", "key", "up/c", "x-amz-meta-extra", "1").is(403, "AccessDenied")
	bad := policy("")
	bad["x-amz-signature"] = strings.Repeat("0", 64)
	post(bad, "text", "key", "up/c").is(403, "SignatureDoesNotMatch")
	post(map[string]string{}, "text", "key", "up/c").is(403, "AccessDenied")
	e.alice.do("GET", "/alpha/up/c", "").is(404, "NoSuchKey")
	e.alice.do("POST", "/alpha", "x").is(412, "PreconditionFailed")
}
