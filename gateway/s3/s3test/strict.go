package s3test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"time"

	"rhizome/gateway/s3"
	"rhizome/gateway/s3/sigv4"
	"rhizome/model/object"
)

// presign returns the path and query of a presigned request of alice.
func (e *env) presign(method, target string) string {
	u, err := sigv4.Presign(e.alice.request(method, target, ""), e.alice.cred, e.clock.Now(), time.Hour)
	if err != nil {
		e.Fatal(err)
	}
	return strings.TrimPrefix(u, e.alice.base)
}

// testPresignedCopy: a copy whose source stands in the query copies.
func testPresignedCopy(e *env) {
	e.alice.do("PUT", "/alpha/from", "important").is(200)
	e.alice.do("PUT", "/alpha/to", "old").is(200)
	source := "x-amz-copy-source=" + esc("/alpha/from")
	e.nobody.do("PUT", e.presign("PUT", "/alpha/to?"+source), "").is(200).has("ETag", `"`+etagOf("important")+`"`)
	e.alice.do("GET", "/alpha/to", "").is(200).holds("important")
	target, id := e.begin("parts")
	e.nobody.do("PUT", e.presign("PUT", fmt.Sprintf("/alpha/parts?partNumber=1&uploadId=%s&%s", id, source)), "").is(200).
		has("ETag", `"`+etagOf("important")+`"`)
	e.alice.do("POST", target, completion(1, `"`+etagOf("important")+`"`, "")).is(200)
	e.alice.do("GET", "/alpha/parts", "").is(200).holds("important")

	e.alice.do("DELETE", "/alpha/to", "", "x-amz-copy-source", "/alpha/from").is(400, "InvalidArgument")
	// A link to put something does not copy: what is not signed does not count, however
	// early the request was begun.
	e.nobody.do("PUT", e.presign("PUT", "/alpha/stolen"), "", "x-amz-copy-source", "/alpha/from").is(403, "AccessDenied").
		has("HeadersNotSigned", "x-amz-copy-source")
	e.alice.do("GET", "/alpha/stolen", "").is(404, "NoSuchKey")
	e.alice.do("POST", "/alpha/to?uploads", "", "x-amz-copy-source", "/alpha/from").is(501, "NotImplemented")
	e.alice.do("PUT", "/alpha/to", "x", "x-amz-copy-source-if-match", "x").is(501, "NotImplemented")
	e.alice.do("PUT", "/alpha/to", "x", "x-amz-mp-object-size", "1").is(501, "NotImplemented")
	e.alice.do("GET", "/alpha/to", "").is(200).holds("important")
}

// testHeaderValues: of a header that comes twice, no value is passed over.
func testHeaderValues(e *env) {
	e.alice.do("PUT", "/alpha/k", "x", "x-amz-server-side-encryption", "AES256", "x-amz-server-side-encryption", "aws:kms").is(501, "NotImplemented")
	e.alice.do("PUT", "/alpha/k", "x", "x-amz-tagging", "", "x-amz-tagging", "a=b").is(400, "InvalidArgument")
	e.alice.do("PUT", "/alpha/k", "x", "x-amz-acl", "private", "x-amz-acl", "public-read").is(400, "AccessControlListNotSupported")
	e.alice.do("PUT", "/alpha/k", "x", "x-amz-website-redirect-location", "/a", "x-amz-website-redirect-location", "/b").is(400, "InvalidArgument")
	e.alice.do("HEAD", "/alpha/k", "").is(404)
	e.alice.do("PUT", "/alpha/k", "x", "x-amz-acl", "private", "x-amz-acl", "private", "x-amz-meta-a", "1", "x-amz-meta-a", "2").is(200)
	e.alice.do("HEAD", "/alpha/k", "").is(200).wants("x-amz-meta-a", "1,2")
	e.alice.do("PUT", "/owned", "", "x-amz-object-ownership", "BucketOwnerEnforced").is(200)
	e.alice.do("PUT", "/other", "", "x-amz-object-ownership", "ObjectWriter").is(501, "NotImplemented")
}

// swapping overwrites a key just before it is opened.
type swapping struct {
	Service
	swap func()
}

func (s *swapping) Get(ctx context.Context, b *object.Bucket, g object.Get) (*object.Object, error) {
	if f := s.swap; f != nil {
		s.swap = nil
		f()
	}
	return s.Service.Get(ctx, b, g)
}

// testIfRange: a range is only of the object that If-Range names, also when that is
// replaced while it is read.
func testIfRange(e *env) {
	old, long, short := strings.Repeat("o", 100), strings.Repeat("n", 200), "short"
	s := &swapping{Service: e.service}
	e.serve(s3.Config{Objects: s})
	for _, now := range []string{long, short, old} {
		e.alice.do("PUT", "/alpha/k", old).is(200)
		s.swap = func() { e.alice.do("PUT", "/alpha/k", now).is(200) }
		r := e.alice.do("GET", "/alpha/k", "", "Range", "bytes=50-59", "If-Range", `"`+etagOf(old)+`"`)
		if now == old {
			r.is(206).holds(old[50:60])
		} else {
			r.is(200).holds(now).wants("ETag", `"`+etagOf(now)+`"`, "Content-Range", "")
		}
	}
	e.alice.do("PUT", "/alpha/k", old).is(200)
	e.alice.do("GET", "/alpha/k", "", "Range", "bytes=100-", "If-Range", `"`+etagOf(old)+`"`).is(416, "InvalidRange")
	e.alice.do("GET", "/alpha/k", "", "Range", "bytes=100-", "If-Range", `"other"`).is(200).holds(old)
	e.alice.do("GET", "/alpha/none", "", "Range", "bytes=0-", "If-Range", `"other"`).is(404, "NoSuchKey")
	at := e.alice.do("HEAD", "/alpha/k", "", "Range", "bytes=0-0", "If-Range", `"`+etagOf(old)+`"`).is(206).header.Get("Last-Modified")
	e.alice.do("GET", "/alpha/k", "", "Range", "bytes=0-1", "If-Range", at).is(206)
	e.alice.do("GET", "/alpha/k", "", "Range", "bytes=0-1", "If-Range", "Thu, 01 Dec 1994 16:00:00 GMT").is(200)
}

// simpleForm is a form from anybody.
func simpleForm(key, file string) string {
	return "--B\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\n" + key +
		"\r\n--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\n" + file + "\r\n--B--\r\n"
}

const formType = "multipart/form-data; boundary=B"

func testFormKeys(e *env) {
	e.allow("alpha", true, object.Access{Write: true, Read: true})
	e.nobody.do("POST", "/alpha", simpleForm("bad\xff\xfekey", "x"), "Content-Type", formType).is(400, "InvalidArgument")
	e.nobody.do("POST", "/alpha", simpleForm("good é", "x"), "Content-Type", formType).is(204)
	e.alice.do("GET", "/alpha", "").is(200).lists("Key", "good é")
	e.alice.do("DELETE", "/alpha/good%20%C3%A9", "").is(204)
	e.alice.do("DELETE", "/alpha", "").is(204)
}

// testFormSigned: what a signature in the head says of a form's bytes would be checked by
// nobody, so there is none.
func testFormSigned(e *env) {
	e.allow("alpha", true, object.Access{Write: true, Read: true})
	form := simpleForm("k", "x")
	e.alice.do("POST", "/alpha", form, "Content-Type", formType).is(400, "InvalidRequest")
	e.nobody.do("POST", strings.TrimPrefix(e.presign("POST", "/alpha"), e.alice.base), form, "Content-Type", formType).is(400, "InvalidRequest")
	e.nobody.do("POST", "/alpha", form, "Content-Type", formType, "x-amz-content-sha256", strings.Repeat("0", 64)).is(400, "InvalidRequest")
	e.alice.do("HEAD", "/alpha/k", "").is(404)
	e.alice.do("POST", "/alpha", form, "Content-Type", "text/plain").is(412, "PreconditionFailed")
	e.nobody.do("POST", "/alpha", form, "Content-Type", formType, "x-amz-copy-source", "/alpha/k").is(501, "NotImplemented")
	e.nobody.do("POST", "/alpha", form, "Content-Type", formType).is(204)
}

// testFormPlaces: forms from nobody known that stop half way take their own few places and
// no others.
func testFormPlaces(e *env) {
	const places, forms = 32, 2
	e.serve(s3.Config{Objects: e.service, MaxConcurrent: places})
	head := "POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Type: " + formType + "\r\nContent-Length: 1000000\r\n\r\n--B\r\n"
	answers := make(chan *http.Response, places+1)
	for range places + 1 {
		in, _ := e.raw(head)
		go func() {
			r, _ := http.ReadResponse(in, nil)
			answers <- r
		}()
	}
	for range places + 1 - forms {
		select {
		case r := <-answers:
			if r == nil || r.StatusCode != http.StatusServiceUnavailable {
				e.Fatal("a form was answered with", r)
			}
		case <-time.After(20 * time.Second):
			e.Fatal("forms that stopped half way keep their places")
		}
	}
	e.alice.do("PUT", "/alpha/k", "x").is(200)
	e.alice.do("GET", "/alpha/k", "").is(200).holds("x")
}

// testStalledBodies: clients that announce much and send little take little memory.
func testStalledBodies(e *env) {
	const clients, each = 100, 256 << 10
	before := heap()
	for i := range clients {
		in, c := e.raw(e.signedHead("PUT", fmt.Sprintf("/alpha/s%d", i), "Content-Length: 5000000", "Expect: 100-continue"))
		line, err := in.ReadString('\n') // the body is being read when the server asks for it
		if err != nil || !strings.Contains(line, "100 Continue") {
			e.Fatal(line, err)
		}
		_, _ = io.WriteString(c, strings.Repeat("x", 100))
	}
	if after := heap(); after > before+clients*each {
		e.Errorf("%d bodies that wait for their clients take %d MiB", clients, (after-before)>>20)
	}
	e.alice.do("PUT", "/alpha/k", strings.Repeat("x", 3<<20)).is(200)
}

// heap is how much memory is in use.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
