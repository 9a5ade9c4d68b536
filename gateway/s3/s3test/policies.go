package s3test

import (
	"fmt"
	"strings"
	"time"

	"rhizome/model/object"
)

// statement writes a policy's statement on things of the bucket alpha.
func statement(effect, who, actions, resources, condition string) string {
	list := func(prefix, s string) string {
		return `["` + prefix + strings.Join(strings.Fields(s), `","`+prefix) + `"]`
	}
	if who != `"*"` {
		who = `{"AWS":` + who + `}`
	}
	if condition != "" {
		condition = `,"Condition":` + condition
	}
	return fmt.Sprintf(`{"Effect":%q,"Principal":%s,"Action":%s,"Resource":%s%s}`, effect, who, list("s3:", actions), list("arn:aws:s3:::", resources), condition)
}

func policy(statements ...string) string {
	return `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
}

const everybody = `"*"`

func testPolicy(e *env) {
	a, b, n := e.alice, e.bob, e.nobody
	a.do("PUT", "/alpha/pub/k", "text").is(200)
	a.do("PUT", "/alpha/k", "secret").is(200)
	a.do("GET", "/alpha?policy", "").is(404, "NoSuchBucketPolicy").has("BucketName", "alpha")
	a.do("GET", "/alpha?policyStatus", "").is(404, "NoSuchBucketPolicy")
	doc := policy(statement("Allow", everybody, "GetObject", "alpha/pub/*", ""))
	b.do("PUT", "/alpha?policy", doc).is(403, "AccessDenied")
	n.do("PUT", "/alpha?policy", doc).is(403, "AccessDenied")
	a.do("PUT", "/alpha?policy", doc).is(204)
	a.do("GET", "/alpha?policy", "").is(200).holds(doc).wants("Content-Type", "application/json")
	b.do("GET", "/alpha?policy", "").is(403, "AccessDenied")
	a.do("GET", "/alpha?policyStatus", "").is(200).has("IsPublic", "true")
	for _, c := range []*client{n, b} {
		c.do("GET", "/alpha/pub/k", "").is(200).holds("text")
		c.do("HEAD", "/alpha/pub/k", "").is(200)
		c.do("GET", "/alpha/pub/none", "").is(403, "AccessDenied")
		c.do("HEAD", "/alpha/pub/none", "").is(403)
		c.do("GET", "/alpha/k", "").is(403, "AccessDenied")
		c.do("GET", "/alpha", "").is(403, "AccessDenied")
		c.do("GET", "/alpha/pub/k?attributes", "", "x-amz-object-attributes", "ETag").is(403, "AccessDenied")
		c.do("GET", "/alpha/pub/k?acl", "").is(403, "AccessDenied")
		c.do("GET", "/alpha/pub/k?versionId=null", "").is(403, "AccessDenied")
		c.do("PUT", "/alpha/pub/k", "x").is(403, "AccessDenied")
		c.do("DELETE", "/alpha/pub/k", "").is(403, "AccessDenied")
		c.do("PUT", "/alpha/pub/copy", "", "x-amz-copy-source", "/alpha/pub/k").is(403, "AccessDenied")
	}
	a.do("GET", "/alpha/pub/none", "").is(404, "NoSuchKey")
	a.do("PUT", "/alpha?policy", policy(statement("Allow", everybody, "GetBucketPolicy PutBucketPolicy PutBucketTagging", "alpha", ""))).is(204)
	n.do("GET", "/alpha?policy", "").is(405, "MethodNotAllowed")
	n.do("PUT", "/alpha?policy", doc).is(405, "MethodNotAllowed")
	n.do("DELETE", "/alpha?policy", "").is(403, "AccessDenied")
	n.do("PUT", "/alpha?tagging", tagging("a", "b")).is(403, "AccessDenied")
	a.do("PUT", "/alpha?policy", policy(statement("Allow", everybody, "GetObject", "alpha/pub/*", ""), statement("Allow", everybody, "ListBucket", "alpha", ""))).is(204)
	n.do("GET", "/alpha/pub/none", "").is(404, "NoSuchKey")
	n.do("GET", "/alpha?policy", "").is(403, "AccessDenied")
	n.do("GET", "/alpha", "").is(200).lists("Key", "k", "pub/k")

	// Everybody is locked out, the owner too, who can mend it.
	a.do("PUT", "/alpha?policy", policy(statement("Deny", everybody, "*", "alpha alpha/*", ""))).is(204)
	a.do("GET", "/alpha/k", "").is(403, "AccessDenied").has("Message", "User: "+a.cred.AccessKey+" is not authorized to perform: s3:GetObject on resource: \"arn:aws:s3:::alpha/k\" with an explicit deny in a resource-based policy")
	a.do("PUT", "/alpha/k", "x").is(403, "AccessDenied")
	a.do("DELETE", "/alpha", "").is(403, "AccessDenied")
	a.do("GET", "/alpha?policyStatus", "").is(403, "AccessDenied")
	a.do("GET", "/alpha?policy", "").is(200)
	a.do("PUT", "/alpha?policy", doc).is(204)
	a.do("GET", "/alpha/k", "").is(200).holds("secret")
	a.do("DELETE", "/alpha?policy", "").is(204)
	a.do("DELETE", "/alpha?policy", "").is(204)
	n.do("GET", "/alpha/pub/k", "").is(403, "AccessDenied")

	a.do("PUT", "/alpha?policy", "").is(400, "MalformedPolicy")
	a.do("PUT", "/alpha?policy", policy(statement("Allow", everybody, "GetObject", "other/*", ""))).is(400, "MalformedPolicy").
		has("Message", "Policy has invalid resource", "Detail", "arn:aws:s3:::other/*")
	a.do("PUT", "/alpha?policy", policy(statement("Allow", everybody, "GetObject", "alpha/*", ""))+strings.Repeat(" ", 20<<10)).is(400, "MalformedPolicy")
	a.do("GET", "/alpha?policy", "").is(404, "NoSuchBucketPolicy")
}

// testPolicyConditions: what conditions are held against comes from the request.
func testPolicyConditions(e *env) {
	a, b, n := e.alice, e.bob, e.nobody
	a.do("PUT", "/alpha/home/x", "text").is(200)
	put := func(effect, action, resource, condition string) {
		e.Helper()
		a.do("PUT", "/alpha?policy", policy(statement(effect, everybody, action, resource, condition))).is(204)
	}
	for condition, status := range map[string]int{
		`{"IpAddress":{"aws:SourceIp":["127.0.0.0/8","::1"]}}`:      200,
		`{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}`:             403,
		`{"Bool":{"aws:SecureTransport":"true"}}`:                   403,
		`{"Bool":{"aws:SecureTransport":false}}`:                    200,
		`{"StringLike":{"aws:Referer":"https://garden.example/*"}}`: 200,
		`{"StringEquals":{"aws:UserAgent":"gardener/1"}}`:           200,
		`{"DateLessThan":{"aws:CurrentTime":"2026-11-21T09:30:01Z"},"DateGreaterThan":{"aws:CurrentTime":"2026-11-21T09:29:59Z"}}`: 200,
		`{"DateGreaterThan":{"aws:CurrentTime":"2026-11-21T09:30:01Z"}}`:                                                           403,
		`{"NumericLessThan":{"aws:EpochTime":1}}`:                                                                                  403,
		`{"Null":{"aws:username":"true","s3:authType":"true"},"StringEquals":{"aws:userid":"anonymous"}}`:                          200,
	} {
		put("Allow", "GetObject", "alpha/*", condition)
		if got := n.do("GET", "/alpha/home/x", "", "Referer", "https://garden.example/a", "User-Agent", "gardener/1"); got.status != status {
			e.Errorf("%s: %d, want %d", condition, got.status, status)
		}
	}
	put("Allow", "ListBucket", "alpha", `{"StringEquals":{"s3:prefix":"home/"},"NumericLessThanEquals":{"s3:max-keys":"10"}}`)
	b.do("GET", "/alpha?prefix=home/&max-keys=10", "").is(200).lists("Key", "home/x")
	b.do("GET", "/alpha?list-type=2&prefix=home/&max-keys=11", "").is(403, "AccessDenied")
	b.do("GET", "/alpha?list-type=2&prefix=home/", "").is(403, "AccessDenied")
	b.do("GET", "/alpha?list-type=2&prefix=&max-keys=1", "").is(403, "AccessDenied")
	put("Allow", "PutObject GetObject", "alpha/${aws:username}/*", `{"StringEquals":{"s3:signatureversion":"AWS4-HMAC-SHA256"}}`)
	b.do("PUT", "/alpha/"+b.cred.AccessKey+"/x", "mine").is(200)
	b.do("GET", "/alpha/"+b.cred.AccessKey+"/x", "").is(200)
	b.do("PUT", "/alpha/"+a.cred.AccessKey+"/x", "not mine").is(403, "AccessDenied")
	n.do("PUT", "/alpha/${aws:username}/x", "nobody's").is(403, "AccessDenied")
	put("Deny", "PutObject", "alpha/*", `{"StringNotEqualsIfExists":{"s3:x-amz-storage-class":"STANDARD"},"Null":{"s3:x-amz-server-side-encryption":"true"}}`)
	a.do("PUT", "/alpha/k", "x").is(403, "AccessDenied")
	a.do("POST", "/alpha/k?uploads", "").is(403, "AccessDenied")
	a.do("PUT", "/alpha/k", "x", "x-amz-server-side-encryption", "AES256").is(200)
	// How an object is made is said, and decided, when its upload is begun.
	id := a.do("POST", "/alpha/up?uploads", "", "x-amz-server-side-encryption", "AES256").is(200).text("UploadId")
	part := a.do("PUT", "/alpha/up?partNumber=1&uploadId="+id, "part").is(200)
	whole := "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>" + part.header.Get("ETag") + "</ETag></Part></CompleteMultipartUpload>"
	a.do("POST", "/alpha/up?uploadId="+id, whole).is(200)
	// What is there is not replaced.
	put("Deny", "PutObject", "alpha/*", `{"Null":{"s3:if-none-match":"true"},"Bool":{"s3:ObjectCreationOperation":"true"}}`)
	a.do("PUT", "/alpha/k", "x").is(403, "AccessDenied")
	a.do("PUT", "/alpha/k2", "x", "If-None-Match", "*").is(200)
	id = a.do("POST", "/alpha/up2?uploads", "").is(200).text("UploadId")
	a.do("PUT", "/alpha/up2?partNumber=1&uploadId="+id, "part").is(200)
	a.do("POST", "/alpha/up2?uploadId="+id, whole).is(403, "AccessDenied")
	a.do("POST", "/alpha/up2?uploadId="+id, whole, "If-None-Match", "*").is(200)
	put("Deny", "PutObject", "alpha/to/*", `{"StringNotLike":{"s3:x-amz-copy-source":"alpha/home/*"}}`)
	a.do("PUT", "/alpha/to/a", "x").is(403, "AccessDenied")
	a.do("PUT", "/alpha/to/a", "", "x-amz-copy-source", "/alpha/k").is(403, "AccessDenied")
	a.do("PUT", "/alpha/to/a", "", "x-amz-copy-source", "/alpha/%68ome/x").is(200)
	put("Deny", "GetObject", "alpha/*", `{"NumericGreaterThan":{"s3:signatureAge":"600000"}}`)
	e.clock.Advance(time.Minute)
	a.do("GET", "/alpha/k", "").is(200)
	put("Deny", "GetObject", "alpha/home/*", "")
	a.do("PUT", "/alpha/out", "", "x-amz-copy-source", "/alpha/home/x").is(403, "AccessDenied")
	a.do("PUT", "/alpha/out", "", "x-amz-copy-source", "/alpha/k").is(200)
}

func testPolicyPrincipals(e *env) {
	a, b := e.alice, e.bob
	a.do("PUT", "/alpha/k", "text").is(200)
	id, member := b.cred.AccessKey, e.keys[b.cred.AccessKey].Member.String()
	for _, who := range []string{id, member, "arn:aws:iam:::user/" + id, "arn:aws:iam::111122223333:user/bob", "arn:aws:iam:::user/Bob",
		"arn:aws:iam::" + member + ":root", "arn:aws:iam::Bob:root", "arn:aws:iam::Bob:user/bob"} {
		doc := policy(statement("Allow", `"`+who+`"`, "GetObject", "alpha/*", ""))
		a.do("PUT", "/alpha?policy", doc).is(204)
		b.do("GET", "/alpha/k", "").is(200)
		e.nobody.do("GET", "/alpha/k", "").is(403, "AccessDenied")
		a.do("GET", "/alpha?policyStatus", "").is(200).has("IsPublic", "false")
		a.do("GET", "/alpha?policy", "").is(200).holds(doc)
	}
	canonical := strings.Replace(policy(statement("Allow", `"`+member+`"`, "GetObject", "alpha/*", "")), `"AWS"`, `"CanonicalUser"`, 1)
	a.do("PUT", "/alpha?policy", canonical).is(204)
	b.do("GET", "/alpha/k", "").is(200)
	a.do("PUT", "/alpha?policy", policy(statement("Deny", `["`+id+`"]`, "GetObject", "alpha/*", ""))).is(204)
	e.allow("alpha", false, object.Access{Read: true})
	b.do("GET", "/alpha/k", "").is(403, "AccessDenied")
	b.do("GET", "/alpha", "").is(200)
	for _, who := range []string{"bob", "Bob", "111122223333", "arn:aws:iam::111122223333:root", "arn:aws:iam:::user/nobody", "arn:aws:iam::Alice:user/bob",
		"arn:aws:iam::nobody:user/bob", "arn:aws:iam:::role/bob", "arn:aws:iam:::user/", "arn:aws:iam:::user/b*", "arn:aws:sts:::user/bob"} {
		a.do("PUT", "/alpha?policy", policy(statement("Allow", `"`+who+`"`, "GetObject", "alpha/*", ""))).is(400, "MalformedPolicy").
			has("Message", "Invalid principal in policy", "Detail", who)
	}
}

// testPolicyOfVersions: s3:VersionId is the version that is decided on, wherever the request
// names it.
func testPolicyOfVersions(e *env) {
	a := e.alice
	a.do("PUT", "/alpha?versioning", versioningOn).is(200)
	v := a.do("PUT", "/alpha/k", "one").is(200).header.Get("x-amz-version-id")
	a.do("PUT", "/alpha/k", "two").is(200)
	a.do("PUT", "/alpha?policy", policy(statement("Deny", everybody, "DeleteObjectVersion GetObjectVersion", "alpha/*",
		`{"StringEquals":{"s3:VersionId":"`+v+`"}}`))).is(204)
	a.do("DELETE", "/alpha/k?versionId="+v, "").is(403, "AccessDenied")
	doc := "<Delete><Object><Key>k</Key><VersionId>" + v + "</VersionId></Object></Delete>"
	a.do("POST", "/alpha?delete", doc, "Content-MD5", md5Of(doc)).is(200).lists("Code", "AccessDenied")
	a.do("PUT", "/alpha/copy", "", "x-amz-copy-source", "/alpha/k?versionId="+v).is(403, "AccessDenied")
	a.do("GET", "/alpha/k", "").is(200).holds("two")
	a.do("DELETE", "/alpha?policy", "").is(204)
	a.do("GET", "/alpha/k?versionId="+v, "").is(200).holds("one")
}

// testPolicyOfMany: each key of a multi-delete is decided for itself, and so is a form.
func testPolicyOfMany(e *env) {
	a, b, n := e.alice, e.bob, e.nobody
	for _, k := range []string{"b/1", "b/2", "c/1"} {
		a.do("PUT", "/alpha/"+k, "x").is(200)
	}
	doc := "<Delete><Object><Key>b/1</Key></Object><Object><Key>c/1</Key></Object></Delete>"
	b.do("POST", "/alpha?delete", doc, "Content-MD5", md5Of(doc)).is(403, "AccessDenied")
	a.do("PUT", "/alpha?policy", policy(statement("Allow", `"`+b.cred.AccessKey+`"`, "DeleteObject", "alpha/b/*", ""),
		statement("Deny", `"`+a.cred.AccessKey+`"`, "DeleteObject", "alpha/c/*", ""))).is(204)
	n.do("POST", "/alpha?delete", doc, "Content-MD5", md5Of(doc)).is(403, "AccessDenied")
	r := b.do("POST", "/alpha?delete", doc, "Content-MD5", md5Of(doc)).is(200)
	if !strings.Contains(r.body, "<Deleted><Key>b/1</Key></Deleted>") || !strings.Contains(r.body, "<Error><Key>c/1</Key><Code>AccessDenied</Code>") {
		e.Error(r.body)
	}
	a.do("POST", "/alpha?delete", doc, "Content-MD5", md5Of(doc)).is(200).lists("Code", "AccessDenied")
	a.do("GET", "/alpha", "").is(200).lists("Key", "b/2", "c/1")

	a.do("PUT", "/alpha?policy", policy(statement("Allow", `"`+b.cred.AccessKey+`"`, "PutObject AbortMultipartUpload", "alpha/up/*", ""))).is(204)
	b.do("POST", "/alpha/b/x?uploads", "").is(403, "AccessDenied")
	id := b.do("POST", "/alpha/up/x?uploads", "").is(200).text("UploadId")
	part := b.do("PUT", "/alpha/up/x?partNumber=1&uploadId="+id, "part").is(200)
	b.do("GET", "/alpha/up/x?uploadId="+id, "").is(403, "AccessDenied")
	b.do("PUT", "/alpha/up/x?partNumber=2&uploadId="+id, "", "x-amz-copy-source", "/alpha/b/2").is(403, "AccessDenied")
	b.do("POST", "/alpha/up/x?uploadId="+id, "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>"+part.header.Get("ETag")+"</ETag></Part></CompleteMultipartUpload>").is(200)
	id = b.do("POST", "/alpha/up/y?uploads", "").is(200).text("UploadId")
	b.do("DELETE", "/alpha/up/y?uploadId="+id, "").is(204)
	a.do("GET", "/alpha/up/x", "").is(200).holds("part")
}

func testPublicAccessBlock(e *env) {
	a, b, n := e.alice, e.bob, e.nobody
	a.do("PUT", "/alpha/k", "text").is(200)
	block := func(acls, ignore, policy, restrict bool) string {
		return fmt.Sprintf("<PublicAccessBlockConfiguration><BlockPublicAcls>%v</BlockPublicAcls><IgnorePublicAcls>%v</IgnorePublicAcls>"+
			"<BlockPublicPolicy>%v</BlockPublicPolicy><RestrictPublicBuckets>%v</RestrictPublicBuckets></PublicAccessBlockConfiguration>", acls, ignore, policy, restrict)
	}
	b.do("PUT", "/alpha?publicAccessBlock", block(true, true, true, true)).is(403, "AccessDenied")
	a.do("PUT", "/alpha?publicAccessBlock", "<PublicAccessBlockConfiguration><Other>true</Other></PublicAccessBlockConfiguration>").is(400, "MalformedXML")
	a.do("PUT", "/alpha?publicAccessBlock", strings.Replace(block(true, true, true, true), ">true<", ">perhaps<", 1)).is(400, "MalformedXML")
	e.allow("alpha", true, object.Access{Read: true})
	n.do("GET", "/alpha/k", "").is(200)
	a.do("PUT", "/alpha?publicAccessBlock", block(false, true, true, false)).is(200)
	a.do("GET", "/alpha?publicAccessBlock", "").is(200).has("BlockPublicAcls", "false", "IgnorePublicAcls", "true", "BlockPublicPolicy", "true", "RestrictPublicBuckets", "false")
	n.do("GET", "/alpha/k", "").is(403, "AccessDenied")
	b.do("GET", "/alpha/k", "").is(403, "AccessDenied")
	open := policy(statement("Allow", everybody, "GetObject", "alpha/*", ""))
	a.do("PUT", "/alpha?policy", open).is(403, "AccessDenied")
	a.do("PUT", "/alpha?policy", policy(statement("Allow", `"`+b.cred.AccessKey+`"`, "GetObject", "alpha/*", ""))).is(204)
	b.do("GET", "/alpha/k", "").is(200)
	a.do("PUT", "/alpha?publicAccessBlock", block(false, true, false, false)).is(200)
	a.do("PUT", "/alpha?policy", open).is(204)
	n.do("GET", "/alpha/k", "").is(200)
	a.do("PUT", "/alpha?publicAccessBlock", block(false, true, false, true)).is(200)
	n.do("GET", "/alpha/k", "").is(403, "AccessDenied")
	b.do("GET", "/alpha/k", "").is(403, "AccessDenied")
	e.allow("alpha", false, object.Access{Write: true})
	b.do("GET", "/alpha/k", "").is(200)
	a.do("DELETE", "/alpha?publicAccessBlock", "").is(204)
	a.do("GET", "/alpha?publicAccessBlock", "").is(404, "NoSuchPublicAccessBlockConfiguration")
	n.do("GET", "/alpha/k", "").is(200)
}

func testACLs(e *env) {
	a := e.alice
	owner := a.do("GET", "/alpha?acl", "").is(200).text("ID")
	acl := func(id, permission string) string {
		return fmt.Sprintf(`<AccessControlPolicy><Owner><ID>%s</ID></Owner><AccessControlList><Grant><Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" `+
			`xsi:type="CanonicalUser"><ID>%s</ID></Grantee><Permission>%s</Permission></Grant></AccessControlList></AccessControlPolicy>`, owner, id, permission)
	}
	a.do("PUT", "/alpha?acl", acl(owner, "FULL_CONTROL")).is(200)
	a.do("PUT", "/alpha?acl", acl(owner, "READ")).is(400, "AccessControlListNotSupported")
	a.do("PUT", "/alpha?acl", acl("other", "FULL_CONTROL")).is(400, "AccessControlListNotSupported")
	a.do("PUT", "/alpha?acl", "").is(400, "MalformedXML")
	a.do("PUT", "/alpha/none?acl", acl(owner, "FULL_CONTROL")).is(404, "NoSuchKey")
	a.do("PUT", "/alpha/k", "x").is(200)
	a.do("PUT", "/alpha/k?acl", acl(owner, "FULL_CONTROL")).is(200)
	controls := "<OwnershipControls><Rule><ObjectOwnership>%s</ObjectOwnership></Rule></OwnershipControls>"
	a.do("GET", "/alpha?ownershipControls", "").is(200).has("ObjectOwnership", "BucketOwnerEnforced")
	a.do("PUT", "/alpha?ownershipControls", fmt.Sprintf(controls, "BucketOwnerEnforced")).is(200)
	a.do("PUT", "/alpha?ownershipControls", fmt.Sprintf(controls, "ObjectWriter")).is(501, "NotImplemented")
	a.do("PUT", "/alpha?ownershipControls", fmt.Sprintf(controls, "Nobody")).is(400, "MalformedXML")
	a.do("DELETE", "/alpha?ownershipControls", "").is(204)
	e.bob.do("PUT", "/alpha?ownershipControls", fmt.Sprintf(controls, "BucketOwnerEnforced")).is(403, "AccessDenied")
}
