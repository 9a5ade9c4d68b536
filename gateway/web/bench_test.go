package web_test

import (
	"crypto/sha256"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"rhizome/base/vfs"
	"rhizome/gateway/web"
	"rhizome/model/object"
	"rhizome/model/object/objecttest"
	"rhizome/model/site"
)

// BenchmarkPage is a page of 10 KiB of a deployment, without the connection.
func BenchmarkPage(b *testing.B) {
	home := objecttest.Open(b, vfs.NewCrashable(), objecttest.NewIdentity())
	defer home.Close(b)
	s := site.New(site.Config{Registers: home.Regs, Buckets: home.Objects, Clock: home.Clock})
	ctx, page := b.Context(), strings.Repeat("x", 10<<10)
	bucket, err := home.Objects.CreateBucket(ctx, "blog", nil, false)
	if err == nil {
		_, err = s.Create(ctx, bucket, object.Site{})
	}
	if err == nil {
		_, err = s.Claim(ctx, bucket, host, "")
	}
	h := site.Hash(sha256.Sum256([]byte(page)))
	var begun *site.Begun
	if err == nil {
		begun, err = s.Begin(ctx, bucket, &site.Wanted{Files: []site.File{{Path: "index.html", Hash: h, Size: 10 << 10}}})
	}
	if err == nil {
		bucket, err = home.Objects.BucketByID(ctx, bucket.ID)
	}
	if err == nil {
		err = s.Bring(ctx, bucket, begun.ID, h, strings.NewReader(page), 10<<10)
	}
	if err == nil {
		_, _, err = s.Finish(ctx, bucket, begun.ID)
	}
	if err != nil {
		b.Fatal(err)
	}
	front := web.New(web.Config{Live: web.Source{Sites: s, Objects: home.Objects}, Clock: home.Clock})
	r := httptest.NewRequest("GET", "http://"+host+"/", nil)
	b.ReportAllocs()
	for b.Loop() {
		w := &nowhere{header: http.Header{}}
		front.ServeHTTP(w, r)
		if w.status != 200 {
			b.Fatal(w.status)
		}
	}
}

// nowhere is a ResponseWriter that keeps nothing.
type nowhere struct {
	header http.Header
	status int
}

func (n *nowhere) Header() http.Header         { return n.header }
func (n *nowhere) WriteHeader(status int)      { n.status = status }
func (n *nowhere) Write(b []byte) (int, error) { return len(b), nil }
