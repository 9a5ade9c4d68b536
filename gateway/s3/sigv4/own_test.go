package sigv4

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

var awkwardPaths = []string{
	"/", "/bucket", "/bucket/", "/bucket/a b", "/bucket/a+b", "/bucket/a%2Bb", "/bucket/a%2Fb", "/bucket//a",
	"//bucket//a//", "/bucket/./a", "/bucket/../a", "/bucket/a/..", "/bucket/a/.", "/bucket/é/日本/🌱",
	"/bucket/%", "/bucket/a?b", "/bucket/a#b", "/bucket/~!*'();:@&=+$,[]", "/bucket/a\\b\"c<d>e^f`g{h|i}j",
	"/bucket/\x01\x7f", "/bucket/\xff\xfe", "/bucket/%20", "/bucket/%25", "/bucket/a=b&c=d",
}

var awkwardQueries = []url.Values{
	{}, {"acl": {""}}, {"prefix": {""}, "delimiter": {"/"}}, {"prefix": {"a b+c/d%2F"}},
	{"list-type": {"2"}, "continuation-token": {"1/+=="}, "prefix": {"é~-._"}},
	{"x": {"b", "a", "c c"}}, {"uploads": {""}, "key-marker": {"a&b=c"}}, {"A": {"1"}, "a": {"2"}, "a-b": {"3"}},
	{"response-content-disposition": {`attachment; filename="a b;c.txt"`}},
}

func testServer(t *testing.T) *httptest.Server {
	v := New("")
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, err := v.verify(r, time.Now(), lookupExample)
		if err == nil && a.Kind == Anonymous {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if err != nil {
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, err.Error())
			return
		}
		w.Header().Set("X-Path", url.PathEscape(r.URL.Path))
	}))
}

// strict encodes a path as S3 clients do.
func strict(base, path string, q url.Values) string {
	return base + string(appendPath(nil, path)) + "?" + strings.ReplaceAll(q.Encode(), "+", "%20")
}

func newRequest(t *testing.T, method, target, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequest(method, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func expect(t *testing.T, r *http.Request, path string, status int) {
	t.Helper()
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != status || status == http.StatusOK && res.Header.Get("X-Path") != url.PathEscape(path) {
		t.Errorf("%s: %d %s, path %q", r.URL, res.StatusCode, b, res.Header.Get("X-Path"))
	}
}

// TestOwnSigner signs, sends over HTTP, and verifies.
func TestOwnSigner(t *testing.T) {
	srv := testServer(t)
	defer srv.Close()
	signers := map[string]func(r *http.Request) *http.Request{
		"header": func(r *http.Request) *http.Request {
			if err := Sign(r, Credentials{AccessKey: exampleKey, Secret: exampleSecret}, emptySHA, time.Now()); err != nil {
				t.Fatal(err)
			}
			return r
		},
		"presigned": func(r *http.Request) *http.Request {
			u, err := Presign(r, Credentials{AccessKey: exampleKey, Secret: exampleSecret}, time.Now(), time.Minute)
			if err != nil {
				t.Fatal(err)
			}
			n := newRequest(t, r.Method, u, "body")
			n.Header = r.Header
			return n
		},
	}
	for name, sign := range signers {
		t.Run(name, func(t *testing.T) {
			for _, p := range awkwardPaths {
				for _, q := range awkwardQueries {
					r := newRequest(t, "PUT", strict(srv.URL, p, q), "body")
					r.Header.Set("X-Amz-Meta-A", "  two   spaces é ")
					r.Header.Set("X-Amz-Storage-Class", "")
					expect(t, sign(r), p, http.StatusOK)
				}
			}
			r := sign(newRequest(t, "PUT", strict(srv.URL, "/b/k", nil), "body"))
			r.Header.Set("X-Amz-Acl", "public-read")
			expect(t, r, "", http.StatusForbidden)
			r.Header.Del("X-Amz-Acl")
			r.URL.RawQuery += "&acl"
			expect(t, r, "", http.StatusForbidden)
		})
	}
}

func TestPresignLimits(t *testing.T) {
	r := newRequest(t, "GET", "http://host/b/k", "")
	for d, ok := range map[time.Duration]bool{0: false, time.Second: true, MaxExpires: true, MaxExpires + 1: false} {
		if _, err := Presign(r, Credentials{}, exampleTime, d); (err == nil) != ok {
			t.Errorf("%v: %v", d, err)
		}
	}
}

// Some clients sign the path as they send it, whatever its encoding.
func TestPathAsSent(t *testing.T) {
	srv := testServer(t)
	defer srv.Close()
	for _, sent := range []string{"/b/a+b", "/b/a%2fb", "/b/a%2Fb", "/b/%41", "/b/a!b", "/b/a:b@c"} {
		r := newRequest(t, "GET", srv.URL+sent, "")
		r.Header.Set("X-Amz-Date", time.Now().UTC().Format(timeFormat))
		r.Header.Set("X-Amz-Content-Sha256", emptySHA)
		creds := Credentials{AccessKey: exampleKey, Secret: exampleSecret}
		a := Auth{Scope: creds.scope(time.Now()), stamp: r.Header.Get("X-Amz-Date"), signed: signedNames(r.Header)}
		s, err := a.sign(canonical{r: r, path: sent, signed: a.signed, hash: emptySHA}, exampleSecret)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+exampleKey+"/"+a.Scope.String()+
			", SignedHeaders="+a.signed+", Signature="+s)
		expect(t, r, r.URL.Path, http.StatusOK)
	}
}
