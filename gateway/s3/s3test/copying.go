package s3test

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

func testCopy(e *env) {
	a := e.alice
	body := strings.Repeat("copy me ", 40000)
	etag := `"` + etagOf(body) + `"`
	a.do("PUT", "/beta", "").is(200)
	a.do("PUT", "/alpha/dir/a%20b", body, "Content-Type", "a/b", "x-amz-meta-m", "1", "x-amz-checksum-crc32", crc32Of(body),
		"x-amz-website-redirect-location", "/r").is(200)
	a.do("PUT", "/beta/to", "", "x-amz-copy-source", "/alpha/dir/a%20b").is(200).has("ETag", etag, "ChecksumCRC32", crc32Of(body))
	a.do("GET", "/beta/to", "", "x-amz-checksum-mode", "ENABLED").is(200).holds(body).
		wants("Content-Type", "a/b", "x-amz-meta-m", "1", "x-amz-checksum-crc32", crc32Of(body), "ETag", etag,
			"x-amz-website-redirect-location", "")
	a.do("PUT", "/beta/to", "", "x-amz-copy-source", "alpha/dir/a%20b", "x-amz-metadata-directive", "REPLACE", "Content-Type", "c/d",
		"x-amz-meta-n", "2").is(200)
	a.do("HEAD", "/beta/to", "").is(200).wants("Content-Type", "c/d", "x-amz-meta-m", "", "x-amz-meta-n", "2")
	a.do("PUT", "/beta/sum", "", "x-amz-copy-source", "alpha/dir/a%20b", "x-amz-checksum-algorithm", "SHA256").is(200).has("ChecksumSHA256", sha256Of(body))
	a.do("DELETE", "/alpha/dir/a%20b", "").is(204)
	a.do("GET", "/beta/to", "").is(200).holds(body)

	a.do("PUT", "/beta/to", "", "x-amz-copy-source", "/beta/to").is(400, "InvalidRequest")
	a.do("PUT", "/beta/to", "", "x-amz-copy-source", "/beta/to", "x-amz-metadata-directive", "REPLACE", "x-amz-meta-o", "3").is(200)
	a.do("GET", "/beta/to", "").is(200).holds(body).wants("x-amz-meta-o", "3", "x-amz-meta-n", "")

	a.do("PUT", "/beta/x", "", "x-amz-copy-source", "/beta/none").is(404, "NoSuchKey").has("Key", "none")
	a.do("PUT", "/beta/x", "", "x-amz-copy-source", "/nowhere/none").is(404, "NoSuchBucket")
	a.do("PUT", "/beta/x", "", "x-amz-copy-source", "/beta").is(400, "InvalidArgument")
	a.do("PUT", "/beta/x", "", "x-amz-copy-source", "/beta/%zz").is(400, "InvalidArgument")
	a.do("PUT", "/beta/x", "", "x-amz-copy-source", "/beta/to?versionId=zz").is(400, "InvalidArgument")
	a.do("PUT", "/beta/x", "", "x-amz-copy-source", "/beta/to?versionId=null").is(200)
	a.do("PUT", "/beta/x", "", "x-amz-copy-source", "/beta/to", "x-amz-metadata-directive", "MAYBE").is(400, "InvalidArgument")
	a.do("PUT", "/beta/x", "", "x-amz-copy-source", "/beta/to", "x-amz-copy-source-server-side-encryption", "AES256").is(501, "NotImplemented")
}

func testCopyConditions(e *env) {
	a := e.alice
	etag := a.do("PUT", "/alpha/from", "x").is(200).header.Get("ETag")
	modified, _ := http.ParseTime(a.do("HEAD", "/alpha/from", "").header.Get("Last-Modified"))
	before, after := modified.Add(-time.Hour).Format(http.TimeFormat), modified.Add(time.Hour).Format(http.TimeFormat)
	const source = "x-amz-copy-source-if-"
	for _, c := range []struct {
		status  int
		headers []string
	}{
		{200, []string{source + "match", etag}}, {412, []string{source + "match", "other"}}, {412, []string{source + "none-match", etag}},
		{200, []string{source + "none-match", "other"}}, {412, []string{source + "modified-since", after}},
		{200, []string{source + "modified-since", before}}, {412, []string{source + "unmodified-since", before}},
		{200, []string{source + "unmodified-since", after}}, {200, []string{source + "match", etag, source + "unmodified-since", before}},
		{412, []string{source + "none-match", etag, source + "modified-since", before}},
	} {
		a.do("PUT", "/alpha/to", "", append(c.headers, "x-amz-copy-source", "/alpha/from")...).is(c.status)
	}
	a.do("PUT", "/alpha/to", "", "x-amz-copy-source", "/alpha/from", "If-None-Match", "*").is(412, "PreconditionFailed")
	a.do("PUT", "/alpha/to", "", "x-amz-copy-source", "/alpha/from", "If-Match", `"no"`).is(412, "PreconditionFailed")
	a.do("PUT", "/alpha/to", "", "x-amz-copy-source", "/alpha/from", "If-Match", etag).is(200)
	a.do("PUT", "/alpha/new", "", "x-amz-copy-source", "/alpha/from", "If-None-Match", "*").is(200)
}

func testMultiDelete(e *env) {
	e.put("a", "b", "c", "d", "é&")
	body := `<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Object><Key>a</Key></Object><Object><Key>none</Key></Object>` +
		`<Object><Key>b</Key><ETag>"wrong"</ETag></Object><Object><Key>c</Key><ETag>` + etagOf("c") + `</ETag></Object>` +
		`<Object><Key>é&amp;</Key></Object></Delete>`
	r := e.alice.do("POST", "/alpha?delete", body, "Content-MD5", md5Of(body)).is(200).
		lists("Code", "PreconditionFailed").lists("Key", "a", "none", "b", "c", "é&")
	if n := len(r.texts("Deleted")); n != 4 {
		e.Errorf("%d deleted: %s", n, r.body)
	}
	e.alice.do("GET", "/alpha", "").is(200).lists("Key", "b", "d")
	body = `<Delete><Quiet>true</Quiet><Object><Key>b</Key></Object><Object><Key>d</Key><VersionId>x</VersionId></Object></Delete>`
	e.alice.do("POST", "/alpha?delete", body, "x-amz-checksum-crc32", crc32Of(body)).is(200).lists("Deleted").lists("Key", "d").
		lists("Code", "InvalidArgument")
	e.alice.do("GET", "/alpha", "").is(200).lists("Key", "d")
	var b strings.Builder
	b.WriteString("<Delete>")
	for i := range 1000 {
		fmt.Fprintf(&b, "<Object><Key>key %d</Key></Object>", i)
	}
	body = b.String() + "</Delete>"
	if n := len(e.alice.do("POST", "/alpha?delete", body, "Content-MD5", md5Of(body)).is(200).texts("Deleted")); n != 1000 {
		e.Error(n)
	}
	body = b.String() + "<Object><Key>one more</Key></Object></Delete>"
	e.alice.do("POST", "/alpha?delete", body, "Content-MD5", md5Of(body)).is(400, "MalformedXML")
}

func testMultiDeleteRefused(e *env) {
	e.put("a")
	const one = "<Delete><Object><Key>a</Key></Object></Delete>"
	e.alice.do("POST", "/alpha?delete", one).is(400, "InvalidRequest")
	e.alice.do("POST", "/alpha?delete&versionId=null", one, "Content-MD5", md5Of(one)).is(400, "InvalidArgument")
	e.alice.do("POST", "/alpha?delete", one, "Content-MD5", md5Of("other")).is(400, "BadDigest")
	e.alice.do("POST", "/alpha?delete", one, "x-amz-checksum-crc32", crc32Of("other")).is(400, "BadDigest")
	for _, bad := range []string{"", "<Delete>", "<Delete/>", "<Other/>", one + one, "<Delete><Object/></Delete>", "text",
		"<Delete><Object><Key></Key></Object></Delete>", "<Delete><Thing/></Delete>", `<!DOCTYPE a [<!ENTITY b "c">]>` + one,
		"<Delete><Object><Key>&b;</Key></Object></Delete>", strings.Repeat("<Delete>", 100)} {
		e.alice.do("POST", "/alpha?delete", bad, "Content-MD5", md5Of(bad)).is(400, "MalformedXML")
	}
	big := "<Delete>" + strings.Repeat(" ", 5<<20) + "</Delete>"
	e.alice.do("POST", "/alpha?delete", big, "Content-MD5", md5Of(big)).is(400, "MaxMessageLengthExceeded")
	e.bob.do("POST", "/alpha?delete", one, "Content-MD5", md5Of(one)).is(403, "AccessDenied")
	e.alice.do("POST", "/missing?delete", one, "Content-MD5", md5Of(one)).is(404, "NoSuchBucket")
	e.alice.do("GET", "/alpha", "").is(200).lists("Key", "a")
}
