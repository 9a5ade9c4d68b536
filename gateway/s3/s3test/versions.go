package s3test

import "strings"

const (
	versioningOn  = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
	versioningOff = "<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>"
)

func testVersioning(e *env) {
	a := e.alice
	a.do("GET", "/alpha?versioning", "").is(200).has("VersioningConfiguration", "")
	a.do("PUT", "/alpha/k", "zero").is(200).wants("x-amz-version-id", "")
	a.do("PUT", "/alpha?versioning", "<VersioningConfiguration/>").is(400, "IllegalVersioningConfigurationException")
	a.do("PUT", "/alpha?versioning", "<x/>").is(400, "MalformedXML")
	e.bob.do("PUT", "/alpha?versioning", versioningOn).is(403, "AccessDenied")
	a.do("PUT", "/alpha?versioning", versioningOn).is(200)
	a.do("GET", "/alpha?versioning", "").is(200).has("Status", "Enabled")

	one := a.do("PUT", "/alpha/k", "one").is(200).header.Get("x-amz-version-id")
	two := a.do("PUT", "/alpha/k", "two").is(200).header.Get("x-amz-version-id")
	if one == two || one == "null" || one == "" {
		e.Fatalf("versions %q and %q", one, two)
	}
	get := func(version, body string) {
		e.Helper()
		a.do("GET", "/alpha/k?versionId="+version, "").is(200).holds(body).wants("x-amz-version-id", version)
	}
	get("null", "zero")
	get(one, "one")
	get(two, "two")
	a.do("HEAD", "/alpha/k?versionId="+one, "").is(200).wants("Content-Length", "3")
	a.do("GET", "/alpha/k", "").is(200).holds("two").wants("x-amz-version-id", two)
	a.do("GET", "/alpha/k?versionId="+one+"&partNumber=1", "").is(206).holds("one")
	a.do("GET", "/alpha/k?versionId=zz", "").is(400, "InvalidArgument")
	a.do("GET", "/alpha/other?versionId="+one, "").is(404, "NoSuchVersion")
	a.do("GET", "/alpha/k?versionId=", "").is(400, "InvalidArgument")
	a.do("PUT", "/alpha/k?versionId="+one, "x").is(400, "InvalidArgument")
	a.do("GET", "/alpha/k?attributes&versionId="+one, "", "x-amz-object-attributes", "ObjectSize").is(200).wants("x-amz-version-id", one)

	a.do("PUT", "/alpha/copy", "", "x-amz-copy-source", "/alpha/k?versionId="+one).is(200).wants("x-amz-copy-source-version-id", one)
	a.do("GET", "/alpha/copy", "").is(200).holds("one")

	marker := a.do("DELETE", "/alpha/k", "").is(204).wants("x-amz-delete-marker", "true").header.Get("x-amz-version-id")
	a.do("GET", "/alpha/k", "").is(404, "NoSuchKey").wants("x-amz-delete-marker", "true").wants("x-amz-version-id", marker)
	a.do("HEAD", "/alpha/k", "").is(404).wants("x-amz-delete-marker", "true")
	a.do("GET", "/alpha/k?versionId="+marker, "").is(405, "MethodNotAllowed").wants("x-amz-delete-marker", "true").wants("Allow", "DELETE")
	a.do("GET", "/alpha/k?acl", "").is(404, "NoSuchKey")
	for _, method := range []string{"GET", "PUT"} {
		a.do(method, "/alpha/k?acl&versionId="+one, "", "x-amz-acl", "private").is(200)
		a.do(method, "/alpha/other?acl&versionId="+one, "", "x-amz-acl", "private").is(404, "NoSuchVersion")
		a.do(method, "/alpha/k?acl&versionId=zz", "", "x-amz-acl", "private").is(400, "InvalidArgument")
		a.do(method, "/alpha/k?acl&versionId="+marker, "", "x-amz-acl", "private").is(405, "MethodNotAllowed")
	}
	a.do("PUT", "/alpha/x", "", "x-amz-copy-source", "/alpha/k?versionId="+marker).is(400, "InvalidRequest")
	a.do("GET", "/alpha?list-type=2", "").is(200).lists("Key", "copy")
	a.do("GET", "/alpha?versions&prefix=k", "").is(200).lists("VersionId", marker, two, one, "null").
		lists("IsLatest", "true", "false", "false", "false")
	page := a.do("GET", "/alpha?versions&prefix=k&max-keys=2", "").is(200).lists("VersionId", marker, two).has("IsTruncated", "true", "NextKeyMarker", "k")
	a.do("GET", "/alpha?versions&prefix=k&key-marker=k&version-id-marker="+page.text("NextVersionIdMarker"), "").is(200).
		lists("VersionId", one, "null").has("IsTruncated", "false")
	a.do("GET", "/alpha?versions&version-id-marker="+one, "").is(400, "InvalidArgument")
	a.do("DELETE", "/alpha", "").is(409, "BucketNotEmpty")

	a.do("DELETE", "/alpha/k?versionId="+marker, "").is(204).wants("x-amz-delete-marker", "true").wants("x-amz-version-id", marker)
	a.do("GET", "/alpha/k", "").is(200).holds("two")
	a.do("DELETE", "/alpha/k?versionId="+two, "").is(204).wants("x-amz-version-id", two).wants("x-amz-delete-marker", "")
	a.do("GET", "/alpha/k", "").is(200).holds("one")
	a.do("DELETE", "/alpha/k?versionId="+two, "").is(204).wants("x-amz-version-id", two)
	a.do("DELETE", "/alpha/none?versionId="+two, "").is(204).wants("x-amz-version-id", two)
	a.do("GET", "/alpha?versions&max-keys=-1", "").is(400, "InvalidArgument").has("Message", "max-keys cannot be negative")
	a.do("DELETE", "/alpha/k?versionId=zz", "").is(400, "InvalidArgument")
	a.do("PUT", "/alpha/k", "no", "If-None-Match", "*").is(412, "PreconditionFailed")

	a.do("PUT", "/alpha?versioning", versioningOff).is(200)
	a.do("GET", "/alpha?versioning", "").is(200).has("Status", "Suspended")
	a.do("PUT", "/alpha/k", "new null").is(200).wants("x-amz-version-id", "null")
	get("null", "new null")
	a.do("GET", "/alpha?versions&prefix=k", "").is(200).lists("VersionId", "null", one)
	a.do("DELETE", "/alpha/k", "").is(204).wants("x-amz-version-id", "null").wants("x-amz-delete-marker", "true")
	a.do("GET", "/alpha?versions&prefix=k", "").is(200).lists("VersionId", "null", one)

	list := a.do("GET", "/alpha?versions", "").is(200)
	keys, versions := list.texts("Key"), list.texts("VersionId")
	var b strings.Builder
	for i := range keys {
		b.WriteString("<Object><Key>" + keys[i] + "</Key><VersionId>" + versions[i] + "</VersionId></Object>")
	}
	doomed := "<Delete>" + b.String() + "</Delete>"
	a.do("POST", "/alpha?delete", doomed, "Content-MD5", md5Of(doomed)).is(200).lists("VersionId", versions...)
	a.do("DELETE", "/alpha", "").is(204)
}
