package s3test

import (
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"rhizome/gateway/s3/sigv4"
)

func testObjects(e *env) {
	a := e.alice
	for _, size := range []int{0, 1, 1000, 16 << 10, 16<<10 + 1, 1 << 20, 3<<20 + 7} {
		body := strings.Repeat("rhizome ", size/8+1)[:size]
		etag := `"` + etagOf(body) + `"`
		r := a.do("PUT", "/alpha/k", body, "Content-Type", "text/x-test").is(200).wants("ETag", etag).holds("")
		if r.header.Get("x-amz-request-id") == "" || r.header.Get("Date") == "" {
			e.Error("no request ID or date", r.header)
		}
		a.do("GET", "/alpha/k", "").is(200).holds(body).wants("ETag", etag, "Content-Length", strconv.Itoa(size),
			"Content-Type", "text/x-test", "Accept-Ranges", "bytes")
		h := a.do("HEAD", "/alpha/k", "").is(200).holds("").wants("ETag", etag, "Content-Length", strconv.Itoa(size))
		if _, err := time.Parse(http.TimeFormat, h.header.Get("Last-Modified")); err != nil {
			e.Error(err)
		}
	}
	a.do("GET", "/alpha/none", "").is(404, "NoSuchKey").has("Key", "none", "Resource", "/alpha/none")
	a.do("HEAD", "/alpha/none", "").is(404).holds("")
	a.do("DELETE", "/alpha/k", "").is(204)
	a.do("DELETE", "/alpha/k", "").is(204)
	a.do("GET", "/alpha/k", "").is(404, "NoSuchKey")
	a.do("PUT", "/missing/k", "x").is(404, "NoSuchBucket")
	a.do("PUT", "/alpha/k", "x").is(200)
	a.do("GET", "/alpha/k?versionId=null", "").is(200)
	a.do("GET", "/alpha/k?versionId=other", "").is(400, "InvalidArgument")
	a.do("DELETE", "/alpha/k?versionId=other", "").is(400, "InvalidArgument")
	a.do("GET", "/alpha/k?tagging", "").is(200).has("TagSet", "")
	a.do("GET", "/alpha/k?acl", "").is(200).lists("Permission", "FULL_CONTROL")
	a.do("GET", "/alpha/none?acl", "").is(404, "NoSuchKey")
	a.do("PUT", "/alpha/"+strings.Repeat("k", 1024), "x").is(200)
	a.do("PUT", "/alpha/"+strings.Repeat("k", 1025), "x").is(400, "KeyTooLongError")
	a.do("PUT", "/alpha/k", "x", "Content-MD5", md5Of("x")).is(200)
	a.do("PUT", "/alpha/k", "x", "Content-MD5", md5Of("y")).is(400, "BadDigest")
	a.do("PUT", "/alpha/k", "x", "Content-MD5", "no").is(400, "InvalidDigest")
	a.do("GET", "/alpha/k", "").is(200).holds("x")
}

func testMetadata(e *env) {
	system := []string{"Content-Type", "image/png", "Cache-Control", "no-cache", "Content-Disposition", "attachment",
		"Content-Language", "fr", "Expires", "Thu, 01 Dec 2033 16:00:00 GMT", "Content-Encoding", "gzip",
		"x-amz-website-redirect-location", "/elsewhere", "x-amz-meta-Color", "blue", "x-amz-meta-n-1", "2"}
	e.alice.do("PUT", "/alpha/k", "x", append(system, "x-amz-storage-class", "STANDARD", "x-amz-server-side-encryption", "AES256")...).is(200)
	e.alice.do("GET", "/alpha/k", "").is(200).wants(system...)
	e.alice.do("HEAD", "/alpha/k", "").is(200).wants(system...)
	e.alice.do("PUT", "/alpha/k", "x").is(200)
	e.alice.do("HEAD", "/alpha/k", "").is(200).wants("x-amz-meta-color", "", "Cache-Control", "", "Content-Type", "binary/octet-stream")
	e.alice.do("PUT", "/alpha/k", "x", "x-amz-website-redirect-location", "no").is(400, "InvalidRedirectLocation")
	e.alice.do("PUT", "/alpha/k", "x", "Content-Encoding", "aws-chunked,gzip").is(200)
	e.alice.do("HEAD", "/alpha/k", "").is(200).wants("Content-Encoding", "gzip")
}

func testMetadataText(e *env) {
	const word = "=?UTF-8?B?w4PDqQ==?="
	for _, c := range [][2]string{
		{"plain", "plain"}, {"été", "=?UTF-8?B?w6l0w6k=?="}, {word, word}, {"=?UTF-8?Q?=C3=A9?=", "=?UTF-8?B?w6k=?="},
		{"\xe9", "=?UTF-8?B?w6k=?="},
	} {
		e.alice.do("PUT", "/alpha/k", "x", "x-amz-meta-t", c[0]).is(200)
		e.alice.do("HEAD", "/alpha/k", "").is(200).wants("x-amz-meta-t", c[1])
	}
	e.alice.do("PUT", "/alpha/k", "x", "x-amz-meta-ab", strings.Repeat("v", 2046)).is(200)
	e.alice.do("PUT", "/alpha/k", "x", "x-amz-meta-ab", strings.Repeat("v", 2047)).is(400, "MetadataTooLarge")
}

// testForeignText sends headers as programs send them that know no UTF-8: the object is
// as readable, listable and deletable as any other.
func testForeignText(e *env) {
	const sent, kept = "attachment; filename=\"\xe9t\xe9.txt\"", "attachment; filename=\"été.txt\""
	for _, name := range []string{"Content-Type", "Cache-Control", "Content-Disposition", "Content-Language", "Content-Encoding", "Expires"} {
		e.alice.do("PUT", "/alpha/k", "x", name, sent).is(200)
		e.alice.do("GET", "/alpha/k", "").is(200).holds("x").wants(name, kept)
		e.alice.do("PUT", "/alpha/copy", "", "x-amz-copy-source", "/alpha/k").is(200)
		e.alice.do("PUT", "/alpha/copy", "", "x-amz-copy-source", "/alpha/k", "x-amz-metadata-directive", "REPLACE", name, sent).is(200)
		e.alice.do("HEAD", "/alpha/copy", "").is(200).wants(name, kept)
		e.alice.do("PUT", "/alpha/k", "y").is(200)
		e.alice.do("DELETE", "/alpha/k", "").is(204)
		upload := e.alice.do("POST", "/alpha/k?uploads", "", name, sent).is(200).text("UploadId")
		e.alice.do("GET", "/alpha?uploads", "").is(200).lists("UploadId", upload)
		e.alice.do("DELETE", "/alpha/k?uploadId="+upload, "").is(204)
	}
	e.alice.do("PUT", "/alpha/k", "x", "x-amz-website-redirect-location", "/\xe9").is(200)
	e.alice.do("GET", "/alpha/k", "").is(200).wants("x-amz-website-redirect-location", "/é")
	e.alice.do("DELETE", "/alpha/k", "").is(204)
	e.alice.do("DELETE", "/alpha/copy", "").is(204)
	e.alice.do("DELETE", "/alpha", "").is(204)
}

func testRanges(e *env) {
	body := strings.Repeat("0123456789", 5000)
	e.alice.do("PUT", "/alpha/k", body).is(200)
	size := strconv.Itoa(len(body))
	for _, c := range []struct {
		header, part, at string
	}{
		{"bytes=0-0", "0", "bytes 0-0/"}, {"bytes=10-19", "0123456789", "bytes 10-19/"}, {"bytes=49998-", "89", "bytes 49998-49999/"},
		{"bytes=-3", "789", "bytes 49997-49999/"}, {"bytes=-99999", body, "bytes 0-49999/"},
		{"bytes=49999-99999999999999999999999", "9", "bytes 49999-49999/"},
	} {
		e.alice.do("GET", "/alpha/k", "", "Range", c.header).is(206).holds(c.part).wants("Content-Range", c.at+size)
		e.alice.do("HEAD", "/alpha/k", "", "Range", c.header).is(206).holds("").wants("Content-Range", c.at+size,
			"Content-Length", strconv.Itoa(len(c.part)))
	}
	for _, whole := range []string{"bytes=0-1,3-4", "bytes=5-4", "bytes=x-", "bytes= -1", "lines=1-2", "bytes=", "bytes=1"} {
		e.alice.do("GET", "/alpha/k", "", "Range", whole).is(200).holds(body).wants("Content-Range", "")
	}
	for _, out := range []string{"bytes=50000-", "bytes=-0", "bytes=99999-100000"} {
		e.alice.do("GET", "/alpha/k", "", "Range", out).is(416, "InvalidRange").has("RangeRequested", out, "ActualObjectSize", size)
	}
	e.alice.do("PUT", "/alpha/empty", "").is(200)
	e.alice.do("GET", "/alpha/empty", "", "Range", "bytes=0-").is(416, "InvalidRange")
	etag := `"` + etagOf(body) + `"`
	e.alice.do("GET", "/alpha/k", "", "Range", "bytes=0-1", "If-Range", etag).is(206)
	e.alice.do("GET", "/alpha/k", "", "Range", "bytes=0-1", "If-Range", `"other"`).is(200).holds(body)
	e.alice.do("GET", "/alpha/k?partNumber=1", "").is(206).holds(body)
	e.alice.do("GET", "/alpha/k?partNumber=2", "").is(416, "InvalidPartNumber")
	e.alice.do("GET", "/alpha/k?partNumber=0", "").is(400, "InvalidArgument")
	e.alice.do("GET", "/alpha/k?partNumber=1", "", "Range", "bytes=0-1").is(400, "InvalidRequest")
}

func testOverrides(e *env) {
	e.alice.do("PUT", "/alpha/k", "x", "Content-Type", "a/b", "Cache-Control", "private").is(200)
	e.alice.do("GET", "/alpha/k?response-content-type=text%2Fplain&response-cache-control=no-store&response-content-disposition=inline"+
		"&response-content-language=fr&response-content-encoding=br&response-expires=never", "").is(200).
		wants("Content-Type", "text/plain", "Cache-Control", "no-store", "Content-Disposition", "inline", "Content-Language", "fr",
			"Content-Encoding", "br", "Expires", "never")
	e.alice.do("GET", "/alpha/k?response-content-disposition=a%0D%0AX-Injected:%20b", "").is(200).wants("X-Injected", "")
}

func testReadConditions(e *env) {
	e.alice.do("PUT", "/alpha/k", "x").is(200)
	h := e.alice.do("HEAD", "/alpha/k", "").is(200).header
	etag, at := h.Get("ETag"), h.Get("Last-Modified")
	modified, _ := http.ParseTime(at)
	before, after := modified.Add(-time.Hour).Format(http.TimeFormat), modified.Add(time.Hour).Format(http.TimeFormat)
	const other = `"0123"`
	for _, c := range []struct {
		status  int
		headers []string
	}{
		{200, []string{"If-Match", etag}}, {200, []string{"If-Match", strings.Trim(etag, `"`)}}, {412, []string{"If-Match", other}},
		{200, []string{"If-Match", other + ", " + etag}}, {200, []string{"If-Match", "*"}},
		{304, []string{"If-None-Match", etag}}, {200, []string{"If-None-Match", other}}, {304, []string{"If-None-Match", "W/" + etag}},
		{304, []string{"If-None-Match", "*"}},
		{304, []string{"If-Modified-Since", at}}, {200, []string{"If-Modified-Since", before}}, {200, []string{"If-Modified-Since", "nonsense"}},
		{200, []string{"If-Unmodified-Since", at}}, {412, []string{"If-Unmodified-Since", before}},
		{200, []string{"If-Match", etag, "If-Unmodified-Since", before}},
		{304, []string{"If-None-Match", etag, "If-Modified-Since", before}},
		{200, []string{"If-None-Match", other, "If-Modified-Since", after}},
		{412, []string{"If-Match", other, "If-None-Match", etag}},
	} {
		for _, method := range []string{"GET", "HEAD"} {
			r := e.alice.do(method, "/alpha/k", "", c.headers...).is(c.status)
			switch {
			case c.status == 304:
				r.wants("ETag", etag, "Last-Modified", at).holds("")
			case c.status == 412 && method == "GET":
				r.is(412, "PreconditionFailed").has("Condition", c.headers[0])
			}
		}
	}
	e.alice.do("GET", "/alpha/none", "", "If-None-Match", "*").is(404, "NoSuchKey")
}

func testWriteConditions(e *env) {
	a := e.alice
	etag := a.do("PUT", "/alpha/k", "1", "If-None-Match", "*").is(200).header.Get("ETag")
	a.do("PUT", "/alpha/k", "2", "If-None-Match", "*").is(412, "PreconditionFailed").has("Condition", "If-None-Match")
	a.do("PUT", "/alpha/k", "2", "If-Match", `"other"`).is(412, "PreconditionFailed").has("Condition", "If-Match")
	a.do("PUT", "/alpha/none", "2", "If-Match", etag).is(404, "NoSuchKey")
	second := a.do("PUT", "/alpha/k", "2", "If-Match", etag).is(200).header.Get("ETag")
	a.do("PUT", "/alpha/k", "3", "If-Match", etag).is(412, "PreconditionFailed")
	a.do("GET", "/alpha/k", "").is(200).holds("2")
	a.do("PUT", "/alpha/k", "3", "If-None-Match", etag).is(501, "NotImplemented")
	a.do("PUT", "/alpha/k", "3", "If-Modified-Since", "Thu, 01 Dec 2033 16:00:00 GMT").is(501, "NotImplemented")
	a.do("PUT", "/alpha/k", "3", "If-Match", etag, "If-None-Match", "*").is(501, "NotImplemented")
	a.do("DELETE", "/alpha/k", "", "If-Match", etag).is(412, "PreconditionFailed")
	a.do("DELETE", "/alpha/k", "", "x-amz-if-match-size", "1").is(501, "NotImplemented")
	a.do("DELETE", "/alpha/k", "", "If-Match", second).is(204)
	a.do("DELETE", "/alpha/k", "", "If-Match", second).is(404, "NoSuchKey")
	a.do("DELETE", "/alpha/k", "", "If-Match", "*").is(404, "NoSuchKey")
}

// testCreators: of 50 creators that race one wins.
func testCreators(e *env) {
	var won, lost atomic.Int64
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			for {
				r := e.alice.do("PUT", "/alpha/one", strconv.Itoa(i), "If-None-Match", "*")
				switch {
				case r.status == 200:
					won.Add(1)
				case r.status == 412:
					lost.Add(1)
				case r.status == 409 || r.status == 503:
					continue
				default:
					e.Errorf("%d %s", r.status, r.body)
				}
				return
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 || lost.Load() != 49 {
		e.Errorf("%d won, %d lost", won.Load(), lost.Load())
	}
}

// testCounter: 50 increments that race, each under If-Match, are all counted.
func testCounter(e *env) {
	e.alice.do("PUT", "/alpha/count", "0").is(200)
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			for done := 0; done < 5; {
				r := e.alice.do("GET", "/alpha/count", "").is(200)
				n, _ := strconv.Atoi(r.body)
				w := e.alice.do("PUT", "/alpha/count", strconv.Itoa(n+1), "If-Match", r.header.Get("ETag"))
				if w.status == 200 {
					done++
				} else if w.status != 412 && w.status != 409 && w.status != 503 {
					e.Errorf("%d %s", w.status, w.body)
					return
				}
			}
		})
	}
	wg.Wait()
	e.alice.do("GET", "/alpha/count", "").is(200).holds("50")
}

func testChecksums(e *env) {
	const body = "the bytes"
	a := e.alice
	a.do("PUT", "/alpha/k", body, "x-amz-checksum-crc32", crc32Of(body)).is(200).
		wants("x-amz-checksum-crc32", crc32Of(body), "x-amz-checksum-type", "FULL_OBJECT")
	a.do("PUT", "/alpha/bad", body, "x-amz-checksum-crc32", crc32Of("other")).is(400, "BadDigest")
	a.do("PUT", "/alpha/bad", body, "x-amz-checksum-crc32", "no").is(400, "InvalidRequest")
	a.do("GET", "/alpha/bad", "").is(404)
	a.do("GET", "/alpha/k", "").is(200).wants("x-amz-checksum-crc32", "")
	a.do("HEAD", "/alpha/k", "", "x-amz-checksum-mode", "ENABLED").is(200).wants("x-amz-checksum-crc32", crc32Of(body), "x-amz-checksum-type", "FULL_OBJECT")
	a.do("GET", "/alpha/k", "", "x-amz-checksum-mode", "ENABLED", "Range", "bytes=0-1").is(206).wants("x-amz-checksum-crc32", "")
	a.do("PUT", "/alpha/s", body, "x-amz-checksum-sha256", sha256Of(body)).is(200)
	a.do("GET", "/alpha/s", "", "x-amz-checksum-mode", "ENABLED").is(200).wants("x-amz-checksum-sha256", sha256Of(body))
	a.do("GET", "/alpha?list-type=2", "").is(200).lists("ChecksumAlgorithm", "CRC32", "SHA256")

	const sum = "x-amz-checksum-crc32:"
	stream := "9\r\n" + body + "\r\n0\r\n" + sum + crc32Of(body) + "\r\n\r\n"
	r := a.request("PUT", "/alpha/t", stream, "x-amz-trailer", "x-amz-checksum-crc32", "x-amz-decoded-content-length", "9",
		"Content-Encoding", "aws-chunked")
	if err := sigv4.Sign(r, a.cred, "STREAMING-UNSIGNED-PAYLOAD-TRAILER", a.now()); err != nil {
		e.Fatal(err)
	}
	a.send(r).is(200).wants("x-amz-checksum-crc32", crc32Of(body))
	a.do("GET", "/alpha/t", "").is(200).holds(body).wants("Content-Encoding", "")

	r = a.request("PUT", "/alpha/lie", body)
	if err := sigv4.Sign(r, a.cred, strings.Repeat("0", 64), a.now()); err != nil {
		e.Fatal(err)
	}
	a.send(r).is(400, "XAmzContentSHA256Mismatch")
	a.do("GET", "/alpha/lie", "").is(404)
	r = a.request("PUT", "/nowhere/lie?tagging", "") // seen before the bucket is looked for
	if err := sigv4.Sign(r, a.cred, strings.Repeat("0", 64), a.now()); err != nil {
		e.Fatal(err)
	}
	a.send(r).is(400, "XAmzContentSHA256Mismatch")
}

func testPresigned(e *env) {
	e.alice.do("PUT", "/alpha/a%20b", "text").is(200)
	sign := func(method, target string, headers ...string) string {
		u, err := sigv4.Presign(e.alice.request(method, target, "", headers...), e.alice.cred, e.clock.Now(), time.Hour)
		if err != nil {
			e.Fatal(err)
		}
		return strings.TrimPrefix(u, e.alice.base)
	}
	get := sign("GET", "/alpha/a%20b?response-content-type=x%2Fy")
	e.nobody.do("GET", get, "").is(200).holds("text").wants("Content-Type", "x/y")
	e.nobody.do("GET", get+"0", "").is(403, "SignatureDoesNotMatch")
	e.nobody.do("DELETE", get, "").is(403, "SignatureDoesNotMatch")
	put := sign("PUT", "/alpha/p?x-amz-checksum-crc32="+esc(crc32Of("by url")))
	e.nobody.do("PUT", put, "other").is(400, "BadDigest")
	e.nobody.do("PUT", put, "by url").is(200).wants("x-amz-checksum-crc32", crc32Of("by url"))
	e.nobody.do("PUT", sign("PUT", "/alpha/p?x-amz-acl=public-read"), "x").is(400, "AccessControlListNotSupported")
	e.clock.Advance(2 * time.Hour)
	e.nobody.do("GET", get, "").is(403, "AccessDenied")
}
