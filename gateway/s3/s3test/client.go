package s3test

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"hash/crc32"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"rhizome/gateway/s3/sigv4"
)

// client sends requests signed with one key; without a key, unsigned.
type client struct {
	*testing.T
	base string
	cred sigv4.Credentials
	now  func() time.Time
	http *http.Client
}

func (e *env) client(id string) *client {
	c := &client{T: e.T, base: "http://" + e.addr, now: e.clock.Now, http: &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     &http.Transport{DisableCompression: true},
	}}
	if k := e.keys[id]; k != nil {
		c.cred = sigv4.Credentials{AccessKey: id, Secret: k.Secret}
	}
	e.Cleanup(c.http.CloseIdleConnections)
	return c
}

// answer is a response with its body.
type answer struct {
	*testing.T
	what   string
	status int
	header http.Header
	body   string
}

// request makes a request; headers are name, value, name, value.
func (c *client) request(method, target, body string, headers ...string) *http.Request {
	c.Helper()
	r, err := http.NewRequest(method, c.base+target, strings.NewReader(body))
	if err != nil {
		c.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		} else {
			r.Header.Add(headers[i], headers[i+1])
		}
	}
	return r
}

// do sends a request signed in its header. The payload is covered by its hash.
func (c *client) do(method, target, body string, headers ...string) *answer {
	c.Helper()
	r := c.request(method, target, body, headers...)
	if c.cred.AccessKey != "" {
		sum := sha256.Sum256([]byte(body))
		if err := sigv4.Sign(r, c.cred, hex.EncodeToString(sum[:]), c.now()); err != nil {
			c.Fatal(err)
		}
	}
	return c.send(r)
}

func (c *client) send(r *http.Request) *answer {
	c.Helper()
	a, err := c.try(r)
	if err != nil {
		c.Fatalf("%s %s: %v", r.Method, r.URL, err)
	}
	return a
}

func (c *client) try(r *http.Request) (*answer, error) {
	resp, err := c.http.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return &answer{c.T, r.Method + " " + r.URL.RequestURI(), resp.StatusCode, resp.Header, string(body)}, err
}

// is checks the status, and the code of an error.
func (a *answer) is(status int, code ...string) *answer {
	a.Helper()
	if a.status != status || len(code) > 0 && a.code() != code[0] {
		a.Fatalf("%s: %d %s, want %d %v\n%s", a.what, a.status, a.code(), status, code, a.body)
	}
	return a
}

// code is the code of an error document, "" of anything else.
func (a *answer) code() string {
	if !strings.Contains(a.body, "<Error>") {
		return ""
	}
	return a.text("Code")
}

// text is the text of the first element of that name.
func (a *answer) text(name string) string {
	if all := a.texts(name); len(all) > 0 {
		return all[0]
	}
	return ""
}

// texts are the texts of all elements of that name, decoded.
func (a *answer) texts(name string) []string {
	var out []string
	for _, m := range regexp.MustCompile(`(?s)<`+name+`(?: [^>]*)?>(.*?)</`+name+`>`).FindAllStringSubmatch(a.body, -1) {
		var v struct {
			Text string `xml:",chardata"`
		}
		if err := xml.Unmarshal([]byte("<v>"+m[1]+"</v>"), &v); err != nil {
			v.Text = m[1]
		}
		out = append(out, v.Text)
	}
	return out
}

// wants checks headers: name, value, name, value; the value "" wants none.
func (a *answer) wants(headers ...string) *answer {
	a.Helper()
	for i := 0; i+1 < len(headers); i += 2 {
		if got := a.header.Get(headers[i]); got != headers[i+1] {
			a.Errorf("%s: header %s is %q, want %q", a.what, headers[i], got, headers[i+1])
		}
	}
	return a
}

// has checks the texts of elements: name, text, name, text.
func (a *answer) has(elements ...string) *answer {
	a.Helper()
	for i := 0; i+1 < len(elements); i += 2 {
		if got := a.text(elements[i]); got != elements[i+1] {
			a.Errorf("%s: element %s is %q, want %q\n%s", a.what, elements[i], got, elements[i+1], a.body)
		}
	}
	return a
}

// lists checks all texts of an element.
func (a *answer) lists(name string, want ...string) *answer {
	a.Helper()
	if got := strings.Join(a.texts(name), "|"); got != strings.Join(want, "|") {
		a.Errorf("%s: %s are %q, want %q", a.what, name, got, strings.Join(want, "|"))
	}
	return a
}

func (a *answer) holds(body string) *answer {
	a.Helper()
	if a.body != body {
		a.Errorf("%s: body of %d bytes is not the one of %d wanted", a.what, len(a.body), len(body))
	}
	return a
}

func etagOf(body string) string {
	sum := md5.Sum([]byte(body))
	return hex.EncodeToString(sum[:])
}

func md5Of(body string) string {
	sum := md5.Sum([]byte(body))
	return base64.StdEncoding.EncodeToString(sum[:])
}

func sha256Of(body string) string {
	sum := sha256.Sum256([]byte(body))
	return base64.StdEncoding.EncodeToString(sum[:])
}

func crc32Of(body string) string {
	s := crc32.ChecksumIEEE([]byte(body))
	return base64.StdEncoding.EncodeToString([]byte{byte(s >> 24), byte(s >> 16), byte(s >> 8), byte(s)})
}

func esc(s string) string { return url.QueryEscape(s) }

func unescape(s string) string {
	u, err := url.QueryUnescape(s)
	if err != nil {
		return err.Error()
	}
	return u
}
