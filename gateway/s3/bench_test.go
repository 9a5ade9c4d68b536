package s3

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"rhizome/gateway/s3/sigv4"
	"rhizome/model/object"
)

// sink is a ResponseWriter that keeps nothing.
type sink struct {
	header http.Header
	status int
	n      int64
}

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) WriteHeader(status int)      { s.status = status }
func (s *sink) Write(p []byte) (int, error) { s.n += int64(len(p)); return len(p), nil }

func benchRequest(b *testing.B, method, target, body string, status int) {
	h, _ := front(b)
	cred := sigv4.Credentials{AccessKey: "RZ0123456789ABCDEF012345", Secret: "a secret"}
	prepare := func(method, target, body string) *http.Request {
		r := httptest.NewRequest(method, target, strings.NewReader(body))
		if err := sigv4.Sign(r, cred, "UNSIGNED-PAYLOAD", testTime); err != nil {
			b.Fatal(err)
		}
		return r
	}
	if method == "GET" {
		h.ServeHTTP(&sink{header: http.Header{}}, prepare("PUT", target, strings.Repeat("x", 1024)))
	}
	r := prepare(method, target, body)
	b.ReportAllocs()
	for b.Loop() {
		if body != "" {
			r.Body = io.NopCloser(strings.NewReader(body))
		}
		w := &sink{header: make(http.Header, 16)}
		h.ServeHTTP(w, r)
		if w.status != status {
			b.Fatal(w.status)
		}
	}
}

func BenchmarkGet1K(b *testing.B) { benchRequest(b, "GET", "/open/key", "", 200) }
func BenchmarkPut1K(b *testing.B) {
	benchRequest(b, "PUT", "/open/key", strings.Repeat("x", 1024), 200)
}

// BenchmarkList writes the document of a page of 1,000 keys.
func BenchmarkList(b *testing.B) {
	objects := make([]object.Head, 1000)
	for i := range objects {
		objects[i] = object.Head{Key: fmt.Sprintf("photos/2026/IMG_%06d.jpg", i), Size: int64(i) << 20,
			ETag: "0123456789abcdef0123456789abcdef", Modified: testTime.Add(time.Duration(i) * time.Second)}
	}
	b.ReportAllocs()
	for b.Loop() {
		d := newDoc("ListBucketResult")
		(&listing{url: true}).contents(d, objects, "")
		d.free()
	}
}

func BenchmarkParseDelete(b *testing.B) {
	body := []byte("<Delete>" + strings.Repeat("<Object><Key>photos/2026/IMG_000000.jpg</Key></Object>", 1000) + "</Delete>")
	b.ReportAllocs()
	for b.Loop() {
		root, err := parseXML(body, "Delete")
		if err != nil {
			b.Fatal(err)
		}
		if _, _, err := readDelete(root); err != nil {
			b.Fatal(err)
		}
	}
}
