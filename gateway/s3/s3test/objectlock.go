package s3test

import (
	"strings"
	"time"

	"rhizome/model/object"
)

func lockConfig(rule string) string {
	if rule != "" {
		rule = "<Rule><DefaultRetention>" + rule + "</DefaultRetention></Rule>"
	}
	return "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled>" + rule + "</ObjectLockConfiguration>"
}

func retention(mode, until string) string {
	return "<Retention><Mode>" + mode + "</Mode><RetainUntilDate>" + until + "</RetainUntilDate></Retention>"
}

func hold(status string) string { return "<LegalHold><Status>" + status + "</Status></LegalHold>" }

// in returns a time after the clock's, as retentions are written.
func (e *env) in(d time.Duration) string {
	return e.clock.Now().Add(d).UTC().Format("2006-01-02T15:04:05.000Z")
}

const day = 24 * time.Hour

// testLockedBucket: the lock of a bucket, and what it gives to objects.
func testLockedBucket(e *env) {
	a := e.alice
	a.do("PUT", "/alpha?object-lock", lockConfig("")).is(409, "InvalidBucketState")
	a.do("GET", "/alpha?object-lock", "").is(404, "ObjectLockConfigurationNotFoundError")
	a.do("PUT", "/alpha/k", "x", "x-amz-object-lock-legal-hold", "ON").is(400, "InvalidRequest")
	a.do("POST", "/alpha/k?uploads", "", "x-amz-object-lock-legal-hold", "ON").is(400, "InvalidRequest")
	a.do("PUT", "/alpha/k", "x").is(200)
	a.do("PUT", "/alpha/k?legal-hold", hold("ON")).is(400, "InvalidRequest")
	a.do("GET", "/alpha/k?legal-hold", "").is(400, "InvalidRequest")
	a.do("GET", "/alpha/k?retention", "").is(400, "InvalidRequest")
	a.do("GET", "/alpha/none?retention", "").is(404, "NoSuchKey")
	a.do("GET", "/alpha/none?legal-hold", "").is(404, "NoSuchKey")
	a.do("PUT", "/alpha/k", "x", "x-amz-object-lock-mode", "GOVERNANCE", "x-amz-object-lock-retain-until-date", e.in(-day)).is(400, "InvalidArgument")
	a.do("PUT", "/locked", "", "x-amz-bucket-object-lock-enabled", "maybe").is(400, "InvalidArgument")
	a.do("PUT", "/locked", "", "x-amz-bucket-object-lock-enabled", "true").is(200)
	a.do("GET", "/locked?versioning", "").is(200).has("Status", "Enabled")
	a.do("GET", "/locked?object-lock", "").is(200).has("ObjectLockEnabled", "Enabled").lists("Mode")
	a.do("PUT", "/locked?versioning", versioningOff).is(409, "InvalidBucketState")
	a.do("PUT", "/locked?versioning", versioningOn).is(200)
	e.bob.do("PUT", "/locked?object-lock", lockConfig("")).is(403, "AccessDenied")
	for rule, code := range map[string]string{
		"<Mode>GOVERNANCE</Mode>":                               "MalformedXML",
		"<Days>1</Days>":                                        "MalformedXML",
		"<Mode>OTHER</Mode><Days>1</Days>":                      "MalformedXML",
		"<Mode>GOVERNANCE</Mode><Days>x</Days>":                 "MalformedXML",
		"<Mode>GOVERNANCE</Mode><Days>1</Days><Years>1</Years>": "MalformedXML",
		"<Mode>GOVERNANCE</Mode><Days>0</Days>":                 "InvalidArgument",
		"<Mode>GOVERNANCE</Mode><Days>36501</Days>":             "InvalidArgument",
		"<Mode>GOVERNANCE</Mode><Years>101</Years>":             "InvalidArgument",
	} {
		if r := a.do("PUT", "/locked?object-lock", lockConfig(rule)); r.code() != code {
			e.Errorf("%s: %d %s, want %s", rule, r.status, r.code(), code)
		}
	}
	a.do("PUT", "/locked?object-lock", "<ObjectLockConfiguration/>").is(400, "MalformedXML")
	a.do("PUT", "/locked?object-lock", "").is(400, "MissingRequestBodyError")
	a.do("PUT", "/locked?object-lock", lockConfig("<Mode>COMPLIANCE</Mode><Years>2</Years>")).is(200)
	a.do("GET", "/locked?object-lock", "").is(200).has("Mode", "COMPLIANCE", "Years", "2")
	a.do("PUT", "/locked?object-lock", lockConfig("<Mode>GOVERNANCE</Mode><Days>3</Days>")).is(200)
	v := a.do("PUT", "/locked/k", "x").is(200).header.Get("x-amz-version-id")
	until := a.do("HEAD", "/locked/k", "").is(200).wants("x-amz-object-lock-mode", "GOVERNANCE", "x-amz-object-lock-legal-hold", "").
		header.Get("x-amz-object-lock-retain-until-date")
	if minute := len("2026-11-24T09:30"); len(until) < minute || until[:minute] != e.in(3 * day)[:minute] {
		e.Errorf("retained until %s, want %s", until, e.in(3*day))
	}
	a.do("GET", "/locked/k?retention", "").is(200).has("Mode", "GOVERNANCE", "RetainUntilDate", until)
	a.do("GET", "/locked/k?legal-hold", "").is(404, "NoSuchObjectLockConfiguration")
	tomorrow := e.in(day)
	a.do("PUT", "/locked/own", "x", "x-amz-object-lock-mode", "COMPLIANCE", "x-amz-object-lock-retain-until-date", tomorrow, "x-amz-object-lock-legal-hold", "OFF").is(200)
	a.do("GET", "/locked/own", "").is(200).wants("x-amz-object-lock-mode", "COMPLIANCE", "x-amz-object-lock-retain-until-date", tomorrow, "x-amz-object-lock-legal-hold", "OFF")
	a.do("PUT", "/locked/copy", "", "x-amz-copy-source", "/locked/own", "x-amz-object-lock-legal-hold", "ON").is(200)
	a.do("HEAD", "/locked/copy", "").is(200).wants("x-amz-object-lock-mode", "GOVERNANCE", "x-amz-object-lock-legal-hold", "ON")
	id := a.do("POST", "/locked/up?uploads", "", "x-amz-object-lock-mode", "COMPLIANCE", "x-amz-object-lock-retain-until-date", until).is(200).text("UploadId")
	part := a.do("PUT", "/locked/up?partNumber=1&uploadId="+id, "part").is(200)
	a.do("POST", "/locked/up?uploadId="+id, "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>"+
		part.header.Get("ETag")+"</ETag></Part></CompleteMultipartUpload>").is(200)
	a.do("HEAD", "/locked/up", "").is(200).wants("x-amz-object-lock-mode", "COMPLIANCE", "x-amz-object-lock-retain-until-date", until)
	for _, h := range [][]string{
		{"x-amz-object-lock-mode", "GOVERNANCE"}, {"x-amz-object-lock-retain-until-date", until}, {"x-amz-object-lock-legal-hold", "on"},
		{"x-amz-object-lock-mode", "NONE", "x-amz-object-lock-retain-until-date", until},
		{"x-amz-object-lock-mode", "GOVERNANCE", "x-amz-object-lock-retain-until-date", "tomorrow"},
		{"x-amz-object-lock-mode", "GOVERNANCE", "x-amz-object-lock-retain-until-date", e.in(-day)},
	} {
		a.do("PUT", "/locked/k", "y", h...).is(400, "InvalidArgument")
		a.do("POST", "/locked/k?uploads", "", h...).is(400, "InvalidArgument")
	}
	a.do("PUT", "/locked/k?uploadId="+id+"&partNumber=2", "y", "x-amz-object-lock-legal-hold", "ON").is(501, "NotImplemented")
	// Who locks what he puts needs to be allowed to.
	a.do("PUT", "/locked?policy", policy(statement("Allow", `"`+e.bob.cred.AccessKey+`"`, "PutObject GetObject", "locked/*", ""),
		statement("Deny", everybody, "PutObjectRetention", "locked/*", `{"NumericGreaterThan":{"s3:object-lock-remaining-retention-days":"10"}}`))).is(204)
	e.bob.do("PUT", "/locked/bob", "x").is(200)
	e.bob.do("GET", "/locked/bob", "").is(200).wants("x-amz-object-lock-mode", "")
	e.bob.do("PUT", "/locked/bob", "x", "x-amz-object-lock-legal-hold", "ON").is(403, "AccessDenied")
	e.bob.do("PUT", "/locked/bob", "x", "x-amz-object-lock-mode", "GOVERNANCE", "x-amz-object-lock-retain-until-date", until).is(403, "AccessDenied")
	a.do("PUT", "/locked/k?retention", retention("GOVERNANCE", e.in(12*day))).is(403, "AccessDenied")
	a.do("PUT", "/locked/k?retention", retention("GOVERNANCE", e.in(9*day))).is(200).wants("x-amz-version-id", v)
	a.do("DELETE", "/locked", "").is(409, "BucketNotEmpty")
}

// testLocks: what is locked is not deleted on any way.
func testLocks(e *env) {
	a, b := e.alice, e.bob
	a.do("PUT", "/locked", "", "x-amz-bucket-object-lock-enabled", "true").is(200)
	put := func(mode string, d time.Duration) string {
		e.Helper()
		return a.do("PUT", "/locked/k", mode, "x-amz-object-lock-mode", mode, "x-amz-object-lock-retain-until-date", e.in(d)).is(200).header.Get("x-amz-version-id")
	}
	free := a.do("PUT", "/locked/k", "free").is(200).header.Get("x-amz-version-id")
	governed, comply := put("GOVERNANCE", day), put("COMPLIANCE", day)
	gone := func(version string, status int, headers ...string) {
		e.Helper()
		a.do("DELETE", "/locked/k?versionId="+version, "", headers...).is(status)
	}
	const bypass = "x-amz-bypass-governance-retention"
	gone(governed, 403)
	gone(comply, 403)
	gone(comply, 403, bypass, "true")
	doomed := "<Delete><Object><Key>k</Key><VersionId>" + governed + "</VersionId></Object><Object><Key>k</Key><VersionId>" + comply +
		"</VersionId></Object><Object><Key>k</Key><VersionId>" + free + "</VersionId></Object></Delete>"
	r := a.do("POST", "/locked?delete", doomed, "Content-MD5", md5Of(doomed)).is(200).lists("Code", "AccessDenied", "AccessDenied")
	if !strings.Contains(r.body, "protected by object lock") || !strings.Contains(r.body, "<Deleted><Key>k</Key><VersionId>"+free) {
		e.Error(r.body)
	}

	// Retention is made longer; governance is ended by who may bypass it.
	path := "/locked/k?retention&versionId="
	a.do("PUT", path+comply, retention("COMPLIANCE", e.in(2*day))).is(200)
	a.do("PUT", path+comply, retention("COMPLIANCE", e.in(day)), bypass, "true").is(403, "AccessDenied")
	a.do("PUT", path+comply, retention("GOVERNANCE", e.in(3*day)), bypass, "true").is(403, "AccessDenied")
	a.do("PUT", path+comply, "<Retention/>", bypass, "true").is(403, "AccessDenied")
	a.do("PUT", path+governed, retention("GOVERNANCE", e.in(2*day))).is(200)
	a.do("PUT", path+governed, retention("GOVERNANCE", e.in(day))).is(403, "AccessDenied")
	a.do("PUT", path+governed, retention("COMPLIANCE", e.in(3*day))).is(403, "AccessDenied")
	a.do("PUT", path+governed, retention("GOVERNANCE", e.in(-day)), bypass, "true").is(400, "InvalidArgument")
	a.do("PUT", path+governed, retention("OTHER", e.in(day))).is(400, "MalformedXML")
	a.do("PUT", path+governed, "<Retention><Mode>GOVERNANCE</Mode></Retention>").is(400, "MalformedXML")
	a.do("PUT", "/locked/none?retention", retention("GOVERNANCE", e.in(day))).is(404, "NoSuchKey")
	a.do("PUT", path+free, retention("GOVERNANCE", e.in(day))).is(404, "NoSuchVersion")

	// Only owners bypass, unless a policy says otherwise.
	bob := `"` + b.cred.AccessKey + `"`
	a.do("PUT", "/locked?policy", policy(statement("Allow", bob, "DeleteObjectVersion PutObjectRetention", "locked/*", ""))).is(204)
	b.do("DELETE", "/locked/k?versionId="+governed, "", bypass, "true").is(403, "AccessDenied")
	b.do("PUT", path+governed, "<Retention/>", bypass, "true").is(403, "AccessDenied")
	a.do("PUT", "/locked?policy", policy(statement("Allow", bob, "DeleteObjectVersion BypassGovernanceRetention", "locked/*", ""),
		statement("Deny", `"`+a.cred.AccessKey+`"`, "BypassGovernanceRetention", "locked/*", ""))).is(204)
	gone(governed, 403, bypass, "true")
	b.do("DELETE", "/locked/k?versionId="+governed, "").is(403, "AccessDenied")
	b.do("DELETE", "/locked/k?versionId="+governed, "", bypass, "true").is(204)
	a.do("DELETE", "/locked?policy", "").is(204)

	// A hold keeps without end, whoever asks.
	a.do("PUT", "/locked/k?legal-hold&versionId="+comply, hold("ON")).is(200)
	a.do("GET", "/locked/k?legal-hold&versionId="+comply, "").is(200).has("Status", "ON")
	e.allow("locked", false, object.Access{Read: true, Write: true}) // bob
	e.bob.do("PUT", "/locked/k?legal-hold&versionId="+comply, hold("ON")).is(200)
	e.bob.do("PUT", "/locked/k?legal-hold&versionId="+comply, hold("OFF")).is(403, "AccessDenied")
	a.do("PUT", "/locked/k?legal-hold&versionId="+comply, hold("on")).is(400, "MalformedXML")
	a.do("PUT", "/locked/k?legal-hold&versionId=", hold("ON")).is(200).wants("x-amz-version-id", comply)
	a.do("GET", "/locked/k?legal-hold&versionId=", "").is(200).has("Status", "ON")
	a.do("GET", "/locked/k?retention&versionId=", "").is(200).has("Mode", "COMPLIANCE")
	a.do("GET", "/locked/k?retention&versionId=zz", "").is(400, "InvalidArgument")
	a.do("GET", "/locked/k?retention&versionId="+free, "").is(404, "NoSuchVersion")
	marker := a.do("DELETE", "/locked/k", "").is(204).header.Get("x-amz-version-id")
	a.do("PUT", "/locked/k?legal-hold&versionId="+marker, hold("ON")).is(405, "MethodNotAllowed")
	e.clock.Advance(3 * day)
	gone(comply, 403, bypass, "true")
	a.do("PUT", "/locked/k?legal-hold&versionId="+comply, hold("OFF")).is(200)
	a.do("GET", "/locked/k?versionId="+comply, "").is(200).holds("COMPLIANCE").wants("x-amz-object-lock-mode", "COMPLIANCE", "x-amz-object-lock-legal-hold", "OFF")
	a.do("DELETE", "/locked", "").is(409, "BucketNotEmpty")
	gone(comply, 204)
	gone(marker, 204)
	a.do("DELETE", "/locked", "").is(204)
}
