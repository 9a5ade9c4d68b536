package s3test

import (
	"fmt"
	"strings"

	"rhizome/model/object"
)

// tagged checks an object's tags: name, value, name, value.
func (c *client) tagged(path string, kv ...string) {
	c.Helper()
	var names, values []string
	for i := 0; i < len(kv); i += 2 {
		names, values = append(names, kv[i]), append(values, kv[i+1])
	}
	c.do("GET", path, "").is(200).lists("Key", names...).lists("Value", values...)
}

func testObjectTags(e *env) {
	a := e.alice
	a.do("PUT", "/alpha/k?tagging", tagging("a", "1")).is(404, "NoSuchKey")
	put := a.do("PUT", "/alpha/k", "x").is(200)
	before := a.do("HEAD", "/alpha/k", "").is(200).wants("x-amz-tagging-count", "").header.Get("Last-Modified")
	a.tagged("/alpha/k?tagging")
	e.clock.Advance(90e9)
	a.do("PUT", "/alpha/k?tagging", tagging("team", "jardin été", "a:b/c", "")).is(200)
	a.tagged("/alpha/k?tagging", "team", "jardin été", "a:b/c", "")
	for _, method := range []string{"GET", "HEAD"} {
		a.do(method, "/alpha/k", "").is(200).wants("x-amz-tagging-count", "2", "Last-Modified", before, "ETag", put.header.Get("ETag"))
	}
	e.bob.do("GET", "/alpha/k?tagging", "").is(403, "AccessDenied")
	e.bob.do("PUT", "/alpha/k?tagging", tagging("a", "b")).is(403, "AccessDenied")
	e.bob.do("DELETE", "/alpha/k?tagging", "").is(403, "AccessDenied")
	var many []string
	for i := range 11 {
		many = append(many, fmt.Sprint("k", i), "v")
	}
	for doc, code := range map[string]string{
		"":                                     "MalformedXML",
		"<Tagging/>":                           "MalformedXML",
		tagging("a", "1", "a", "2"):            "InvalidTag",
		tagging("", "1"):                       "InvalidTag",
		tagging(strings.Repeat("é", 129), ""):  "InvalidTag",
		tagging("a", strings.Repeat("é", 257)): "InvalidTag",
		tagging("aws:a", "1"):                  "InvalidTag",
		tagging("AWS:a", "1"):                  "InvalidTag",
		tagging("a!", "1"):                     "InvalidTag",
		tagging(many...):                       "BadRequest",
	} {
		if r := a.do("PUT", "/alpha/k?tagging", doc); r.status != 400 || r.code() != code {
			e.Errorf("%.200s: %d %s, want %s", doc, r.status, r.code(), code)
		}
	}
	a.tagged("/alpha/k?tagging", "team", "jardin été", "a:b/c", "")
	a.do("PUT", "/alpha/k?tagging", tagging(many[:20]...)).is(200)
	a.do("DELETE", "/alpha/k?tagging", "").is(204)
	a.tagged("/alpha/k?tagging")
	a.do("DELETE", "/alpha/none?tagging", "").is(404, "NoSuchKey")
	a.do("PUT", "/alpha/k?tagging&versionId=zz", tagging("a", "1")).is(400, "InvalidArgument")
	a.do("PUT", "/alpha/k?tagging&versionId=", tagging("a", "1")).is(200)
	a.tagged("/alpha/k?tagging&versionId=", "a", "1")
	a.do("DELETE", "/alpha/k?tagging&versionId=", "").is(204)
}

// testTagHeaders: tags are given with what makes an object.
func testTagHeaders(e *env) {
	a := e.alice
	a.do("PUT", "/alpha/k", "x", "x-amz-tagging", "&team=jardin+%C3%A9t%C3%A9&&empty=&bare&").is(200)
	a.tagged("/alpha/k?tagging", "team", "jardin été", "empty", "", "bare", "")
	a.do("PUT", "/alpha/k", "x").is(200)
	a.tagged("/alpha/k?tagging")
	for header, code := range map[string]string{"a=1&a=2": "InvalidArgument", "a=%zz": "InvalidArgument", "aws:a=1": "InvalidTag", "=1": "InvalidArgument",
		"a=%ff": "InvalidTag", "a=1&b=1&c=1&d=1&e=1&f=1&g=1&h=1&i=1&j=1&k=1": "BadRequest"} {
		a.do("PUT", "/alpha/k", "y", "x-amz-tagging", header).is(400, code)
		a.do("POST", "/alpha/k?uploads", "", "x-amz-tagging", header).is(400, code)
	}
	a.do("GET", "/alpha/k", "").is(200).holds("x")

	id := a.do("POST", "/alpha/up?uploads", "", "x-amz-tagging", "from=upload").is(200).text("UploadId")
	part := a.do("PUT", "/alpha/up?partNumber=1&uploadId="+id, "part").is(200)
	a.do("POST", "/alpha/up?uploadId="+id, "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>"+
		part.header.Get("ETag")+"</ETag></Part></CompleteMultipartUpload>").is(200)
	a.tagged("/alpha/up?tagging", "from", "upload")

	a.do("PUT", "/alpha/copy", "", "x-amz-copy-source", "/alpha/up").is(200)
	a.tagged("/alpha/copy?tagging", "from", "upload")
	a.do("PUT", "/alpha/copy", "", "x-amz-copy-source", "/alpha/up", "x-amz-metadata-directive", "REPLACE").is(200)
	a.tagged("/alpha/copy?tagging", "from", "upload")
	a.do("PUT", "/alpha/copy", "", "x-amz-copy-source", "/alpha/up", "x-amz-tagging-directive", "REPLACE", "x-amz-tagging", "a=b").is(200)
	a.tagged("/alpha/copy?tagging", "a", "b")
	a.do("PUT", "/alpha/copy", "", "x-amz-copy-source", "/alpha/up", "x-amz-tagging-directive", "REPLACE").is(200)
	a.tagged("/alpha/copy?tagging")
	a.do("PUT", "/alpha/copy", "", "x-amz-copy-source", "/alpha/up", "x-amz-tagging", "a=b").is(200)
	a.tagged("/alpha/copy?tagging", "from", "upload")
	a.do("PUT", "/alpha/copy", "", "x-amz-copy-source", "/alpha/up", "x-amz-tagging-directive", "MAYBE").is(400, "InvalidArgument")

	form := func(name, value string) *answer {
		return e.nobody.do("POST", "/alpha", "--b\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nform\r\n--b\r\nContent-Disposition: form-data; name=\""+
			name+"\"\r\n\r\n"+value+"\r\n--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\ntext\r\n--b--\r\n",
			"Content-Type", "multipart/form-data; boundary=b")
	}
	e.allow("alpha", true, object.Access{Read: true, Write: true})
	form("tagging", tagging("by", "a form")).is(204)
	a.tagged("/alpha/form?tagging", "by", "a form")
	form("tagging", tagging("aws:by", "")).is(400, "InvalidTag")
	form("tagging", "<x/>").is(400, "MalformedXML")
	form("x-amz-tagging", "a=b").is(501, "NotImplemented")
}

// testTagsOfVersions: each version has its own.
func testTagsOfVersions(e *env) {
	a := e.alice
	a.do("PUT", "/alpha/k", "zero", "x-amz-tagging", "n=0").is(200)
	a.do("PUT", "/alpha?versioning", versioningOn).is(200)
	one := a.do("PUT", "/alpha/k", "one", "x-amz-tagging", "n=1").is(200).header.Get("x-amz-version-id")
	two := a.do("PUT", "/alpha/k", "two").is(200).header.Get("x-amz-version-id")
	a.do("PUT", "/alpha/k?tagging&versionId="+one, tagging("n", "one")).is(200).wants("x-amz-version-id", one)
	a.do("PUT", "/alpha/k?tagging", tagging("n", "two")).is(200).wants("x-amz-version-id", two)
	a.do("PUT", "/alpha/k?tagging&versionId=null", tagging("n", "zero")).is(200).wants("x-amz-version-id", "null")
	check := func() {
		e.Helper()
		a.tagged("/alpha/k?tagging&versionId=null", "n", "zero")
		a.tagged("/alpha/k?tagging&versionId="+one, "n", "one")
		a.tagged("/alpha/k?tagging&versionId="+two, "n", "two")
	}
	check()
	a.do("GET", "/alpha/k?versionId="+one, "").is(200).holds("one").wants("x-amz-tagging-count", "1")
	marker := a.do("DELETE", "/alpha/k", "").is(204).header.Get("x-amz-version-id")
	a.do("PUT", "/alpha/k?tagging", tagging("n", "marker")).is(404, "NoSuchKey")
	a.do("PUT", "/alpha/k?tagging&versionId="+marker, tagging("n", "marker")).is(405, "MethodNotAllowed")
	check()
	a.do("GET", "/alpha?versions", "").is(200).lists("VersionId", marker, two, one, "null")
	a.do("PUT", "/alpha/copy", "", "x-amz-copy-source", "/alpha/k?versionId="+one).is(200)
	a.tagged("/alpha/copy?tagging", "n", "one")
	a.do("DELETE", "/alpha/k?tagging&versionId="+one, "").is(204)
	a.tagged("/alpha/k?tagging&versionId=" + one)
	a.do("DELETE", "/alpha/k?versionId="+one, "").is(204)
	a.do("PUT", "/alpha/k?tagging&versionId="+one, tagging("n", "gone")).is(404, "NoSuchVersion")
}

// testTagPolicies: policies ask which tags an object has, and which it is given.
func testTagPolicies(e *env) {
	a, b, n := e.alice, e.bob, e.nobody
	set := func(statements ...string) {
		e.Helper()
		a.do("PUT", "/alpha?policy", policy(statements...)).is(204)
	}
	a.do("PUT", "/alpha/open", "x", "x-amz-tagging", "public=yes&b=2").is(200)
	a.do("PUT", "/alpha/shut", "x").is(200)
	public := `{"StringEquals":{"s3:ExistingObjectTag/public":"yes"}}`
	set(statement("Allow", everybody, "GetObject", "alpha/*", public))
	n.do("GET", "/alpha/open", "").is(200).wants("x-amz-tagging-count", "")
	n.do("GET", "/alpha/open?tagging", "").is(403, "AccessDenied")
	n.do("GET", "/alpha/shut", "").is(403, "AccessDenied")
	n.do("GET", "/alpha/none", "").is(403, "AccessDenied")
	a.do("PUT", "/alpha/shut?tagging", tagging("public", "yes")).is(200)
	n.do("GET", "/alpha/shut", "").is(200)
	a.do("DELETE", "/alpha/shut?tagging", "").is(204)
	n.do("GET", "/alpha/shut", "").is(403, "AccessDenied")

	// A copy takes tags along only for who may read and give them.
	bob := `"` + b.cred.AccessKey + `"`
	set(statement("Allow", bob, "GetObject PutObject", "alpha/*", ""))
	b.do("PUT", "/alpha/to", "", "x-amz-copy-source", "/alpha/open").is(403, "AccessDenied")
	b.do("PUT", "/alpha/to", "", "x-amz-copy-source", "/alpha/shut").is(200)
	b.do("PUT", "/alpha/to", "", "x-amz-copy-source", "/alpha/open", "x-amz-tagging-directive", "REPLACE").is(200)
	b.do("PUT", "/alpha/to", "x", "x-amz-tagging", "a=b").is(403, "AccessDenied")
	b.do("PUT", "/alpha/to", "", "x-amz-copy-source", "/alpha/shut", "x-amz-tagging", "a=b").is(403, "AccessDenied")
	b.do("POST", "/alpha/to?uploads", "", "x-amz-tagging", "a=b").is(403, "AccessDenied")

	set(statement("Allow", bob, "GetObject GetObjectTagging PutObject PutObjectTagging", "alpha/*", ""),
		statement("Deny", bob, "PutObject", "alpha/*", `{"StringNotEquals":{"s3:RequestObjectTag/team":"garden"}}`))
	b.do("PUT", "/alpha/to", "", "x-amz-copy-source", "/alpha/open", "x-amz-tagging", "team=garden").is(403, "AccessDenied")
	b.do("PUT", "/alpha/to", "", "x-amz-copy-source", "/alpha/open", "x-amz-tagging", "team=garden", "x-amz-tagging-directive", "REPLACE").is(200)

	set(statement("Allow", bob, "GetObjectTagging PutObjectTagging DeleteObjectTagging", "alpha/*", ""))
	b.tagged("/alpha/to?tagging&versionId=", "team", "garden") // an empty version is none
	b.do("GET", "/alpha/to?tagging&versionId=null", "").is(403, "AccessDenied")
	set(statement("Allow", bob, "GetObjectVersionTagging PutObjectVersionTagging DeleteObjectVersionTagging", "alpha/*", ""))
	b.do("GET", "/alpha/to?tagging&versionId=", "").is(403, "AccessDenied")
	b.do("PUT", "/alpha/to?tagging&versionId=", tagging("a", "b")).is(403, "AccessDenied")
	b.do("DELETE", "/alpha/to?tagging&versionId=", "").is(403, "AccessDenied")

	// Which tags are given.
	set(statement("Allow", bob, "PutObject PutObjectTagging GetObjectTagging", "alpha/*", ""),
		statement("Deny", bob, "PutObject PutObjectTagging", "alpha/*", `{"ForAnyValue:StringNotEquals":{"s3:RequestObjectTagKeys":["team","note"]}}`),
		statement("Deny", bob, "PutObjectTagging", "alpha/*", `{"StringNotEqualsIfExists":{"s3:RequestObjectTag/team":"garden"}}`))
	b.do("PUT", "/alpha/k", "x").is(200)
	b.do("PUT", "/alpha/k", "x", "x-amz-tagging", "team=garden&note=1").is(200)
	b.do("PUT", "/alpha/k", "x", "x-amz-tagging", "team=kitchen").is(403, "AccessDenied")
	b.do("PUT", "/alpha/k", "x", "x-amz-tagging", "team=garden&other=1").is(403, "AccessDenied")
	b.do("PUT", "/alpha/k?tagging", tagging("team", "garden")).is(200)
	b.do("PUT", "/alpha/k?tagging", tagging("team", "kitchen")).is(403, "AccessDenied")
	b.do("PUT", "/alpha/k?tagging", tagging("other", "1")).is(403, "AccessDenied")
	b.do("PUT", "/alpha/k?tagging", "<x/>").is(400, "MalformedXML")
	b.do("DELETE", "/alpha/k?tagging", "").is(403, "AccessDenied")
	b.tagged("/alpha/k?tagging", "team", "garden")
	n.do("PUT", "/alpha/k?tagging", "<x/>").is(403, "AccessDenied")

	// A version is asked about as it is.
	a.do("DELETE", "/alpha?policy", "").is(204)
	a.do("PUT", "/alpha?versioning", versioningOn).is(200)
	one := a.do("PUT", "/alpha/v", "one", "x-amz-tagging", "public=yes").is(200).header.Get("x-amz-version-id")
	two := a.do("PUT", "/alpha/v", "two").is(200).header.Get("x-amz-version-id")
	set(statement("Allow", everybody, "GetObject GetObjectVersion", "alpha/*", public))
	n.do("GET", "/alpha/v?versionId="+one, "").is(200).holds("one")
	n.do("GET", "/alpha/v?versionId="+two, "").is(403, "AccessDenied")
	n.do("GET", "/alpha/v", "").is(403, "AccessDenied")
}
