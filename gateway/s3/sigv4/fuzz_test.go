package sigv4

import (
	"bytes"
	"net/http"
	"net/url"
	"testing"

	"rhizome/gateway/s3/s3err"
)

// FuzzVerify throws requests at a Verifier: it may refuse with an S3 error or find them
// anonymous, never accept.
func FuzzVerify(f *testing.F) {
	good := signedGet(f)
	f.Add("GET", "/b/k", "x=1", good.Header.Get("Authorization"), "20130524T000000Z", emptySHA+"x")
	f.Add("GET", "/b/k", presignedGet(f).URL.RawQuery+"0", "", "", "")
	f.Add("PUT", "/%2F//é", "a=%zz&b+c;d", "AWS4-HMAC-SHA256 Credential=a/b/c/d/e/f, SignedHeaders=;;, Signature=", "x", streamSigned)
	f.Add("PUT", "", "X-Amz-Signature&X-Amz-Expires=-1", "", "", "")
	v := New("")
	f.Fuzz(func(t *testing.T, method, path, query, auth, date, hash string) {
		r := &http.Request{Method: method, URL: &url.URL{Path: path, RawPath: path, RawQuery: query}, Host: "host", Header: http.Header{}}
		r.Header.Set("X-Amz-Meta-A", "2")
		for name, s := range map[string]string{"Authorization": auth, "X-Amz-Date": date, "X-Amz-Content-Sha256": hash} {
			if s != "" {
				r.Header.Set(name, s)
			}
		}
		a, err := v.verify(r, exampleTime, lookupExample)
		if err == nil && a.Kind != Anonymous {
			t.Fatalf("accepted: %+v", a)
		}
		if err != nil && s3err.As(err) == nil {
			t.Fatalf("not an S3 error: %v", err)
		}
	})
}

// FuzzQuery checks that canonical encoding keeps the meaning and is stable.
func FuzzQuery(f *testing.F) {
	for _, s := range []string{"", "a", "a=b&a=a", "x=%2f&y=+", "=&&=", "a%", "prefix=é&delimiter=/", "a=b=c;d"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		once, err := appendQuery(nil, raw, false)
		if err != nil {
			return
		}
		twice, err := appendQuery(nil, string(once), false)
		if err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("%q -> %q -> %q, %v", raw, once, twice, err)
		}
		want, err := url.ParseQuery(raw)
		if err != nil {
			return // a semicolon
		}
		got, err := url.ParseQuery(string(once))
		if err != nil || len(got) != len(want) {
			t.Fatalf("%q: %v, %v, %v", raw, got, want, err)
		}
		for k, v := range want {
			if len(got[k]) != len(v) {
				t.Fatalf("%q: %v, %v", raw, got, want)
			}
		}
	})
}

func FuzzPath(f *testing.F) {
	for _, p := range awkwardPaths {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, path string) {
		enc := string(appendPath(nil, path))
		dec, err := url.PathUnescape(enc)
		if err != nil || dec != path && path != "" {
			t.Fatalf("%q -> %q -> %q, %v", path, enc, dec, err)
		}
	})
}
