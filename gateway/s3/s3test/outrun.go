package s3test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"rhizome/gateway/s3"
	"rhizome/gateway/s3/sigv4"
	"rhizome/model/object"
)

// replacing replaces the object "k" behind the back of who looked at it.
type replacing struct {
	Service
	swap func() // nil: not now
}

func (s *replacing) Stat(ctx context.Context, b *object.Bucket, g object.Get) (*object.Object, error) {
	o, err := s.Service.Stat(ctx, b, g)
	if f := s.swap; f != nil && g.Key == "k" {
		s.swap = nil
		f()
	}
	return o, err
}

// testOutrun: what a policy allows of an object with a tag it does not allow of the one that takes
// its place meanwhile, whatever the call.
func testOutrun(e *env) {
	_, id := e.begin("parts")
	at := &replacing{Service: e.service}
	e.serve(s3.Config{Objects: at})
	a, bob := e.alice, `"`+e.bob.cred.AccessKey+`"`
	a.do("PUT", "/alpha?policy", policy(
		statement("Allow", bob, "GetObject GetObjectTagging", "alpha/*", `{"StringEquals":{"s3:ExistingObjectTag/public":"yes"}}`),
		statement("Allow", bob, "GetObjectAttributes PutObject PutObjectTagging", "alpha/*", ""))).is(204)
	for _, c := range []struct {
		method, target string
		header         []string
	}{
		{"GET", "/alpha/k", nil},
		{"GET", "/alpha/k?tagging", nil},
		{"GET", "/alpha/k?attributes", []string{"x-amz-object-attributes", "ETag"}},
		{"PUT", "/alpha/to", []string{"x-amz-copy-source", "/alpha/k"}},
		{"PUT", "/alpha/to", []string{"x-amz-copy-source", "/alpha/k", "x-amz-tagging-directive", "REPLACE"}},
		{"PUT", "/alpha/parts?partNumber=1&uploadId=" + id, []string{"x-amz-copy-source", "/alpha/k"}},
	} {
		put := func(text, public string) { a.do("PUT", "/alpha/k", text, "x-amz-tagging", "public="+public).is(200) }
		put("open", "yes")
		e.bob.do(c.method, c.target, "", c.header...).is(200)
		at.swap = func() { put("shut", "no") }
		if r := e.bob.do(c.method, c.target, "", c.header...); r.status == 200 || at.swap != nil {
			e.Errorf("%s %s %v: %d %s", c.method, c.target, c.header, r.status, r.body)
		}
		if c.target == "/alpha/to" {
			a.do("GET", c.target, "").is(200).holds("open")
		}
	}
}

// testOwnPrefix: what rhizome keeps in a bucket is its owner's to write.
func testOwnPrefix(e *env) {
	e.allow("alpha", false, object.Access{Read: true, Write: true})
	a, b := e.alice, e.bob
	const key = "/alpha/.rhizome/site/x"
	a.do("PUT", key, "deployed").is(200)
	b.do("GET", key, "").is(200).holds("deployed")
	b.do("PUT", "/alpha/.rhizome0", "x").is(200)
	a.do("PUT", "/alpha?policy", policy(statement("Allow", everybody, "PutObject DeleteObject PutObjectTagging", "alpha/*", ""))).is(204)
	for _, c := range []*client{b, e.nobody} {
		c.do("PUT", key, "other").is(403, "AccessDenied")
		c.do("DELETE", key, "").is(403, "AccessDenied")
		c.do("PUT", key, "", "x-amz-copy-source", "/alpha/.rhizome0").is(403, "AccessDenied")
		c.do("POST", key+"?uploads", "").is(403, "AccessDenied")
		c.do("PUT", key+"?tagging", tagging("a", "b")).is(403, "AccessDenied")
		doc := "<Delete><Object><Key>.rhizome/site/x</Key></Object></Delete>"
		if r := c.do("POST", "/alpha?delete", doc, "Content-MD5", md5Of(doc)).is(200); r.text("Code") != "AccessDenied" {
			e.Errorf("a list of deletions: %s", r.body)
		}
	}
	a.do("GET", key, "").is(200).holds("deployed")
	a.do("DELETE", key, "").is(204)
}

// testPayloadPolicies: what a policy asks of the body's hash is what the signature says, wherever it says so.
func testPayloadPolicies(e *env) {
	a := e.alice
	a.do("PUT", "/alpha?policy", policy(statement("Deny", everybody, "PutObject", "alpha/*", `{"StringEquals":{"s3:x-amz-content-sha256":"UNSIGNED-PAYLOAD"}}`))).is(204)
	a.do("PUT", "/alpha/k", "x").is(200)
	put := func(link, body string, headers ...string) *answer { return e.nobody.do("PUT", link, body, headers...) }
	sum := sha256.Sum256([]byte("x"))
	hash := hex.EncodeToString(sum[:])
	put(e.presign("PUT", "/alpha/k"), "x").is(403, "AccessDenied")
	put(e.presign("PUT", "/alpha/k?X-Amz-Content-Sha256=UNSIGNED-PAYLOAD"), "x").is(403, "AccessDenied")
	put(e.presign("PUT", "/alpha/k?X-Amz-Content-Sha256=UNSIGNED-PAYLOAD"), "x", "x-amz-content-sha256", hash).is(400, "InvalidArgument")
	r := a.request("PUT", "/alpha/k", "x", "x-amz-content-sha256", sigv4.UnsignedPayload)
	if err := sigv4.Sign(r, a.cred, sigv4.UnsignedPayload, e.clock.Now()); err != nil {
		e.Fatal(err)
	}
	a.send(r).is(403, "AccessDenied")
}

// testVersionTaken: a call that takes no version refuses one, also the one called null.
func testVersionTaken(e *env) {
	a := e.alice
	a.do("PUT", "/alpha/k", "x").is(200)
	for _, v := range []string{"null", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"} {
		a.do("PUT", "/alpha/k?versionId="+v, "y").is(400, "InvalidArgument").has("ArgumentName", "versionId")
		a.do("PUT", "/alpha/to?versionId="+v, "", "x-amz-copy-source", "/alpha/k").is(400, "InvalidArgument")
		a.do("POST", "/alpha/k?uploads&versionId="+v, "").is(400, "InvalidArgument")
		doc := "<Delete><Object><Key>k</Key></Object></Delete>"
		a.do("POST", "/alpha?delete&versionId="+v, doc, "Content-MD5", md5Of(doc)).is(400, "InvalidArgument")
		a.do("PUT", fmt.Sprintf("/alpha?tagging&versionId=%s", v), tagging("a", "b")).is(400, "InvalidArgument")
	}
	a.do("GET", "/alpha/k?versionId=null", "").is(200).holds("x")
}

// testPublishing: to make a site of a bucket takes the right to open it, and no block against that.
func testPublishing(e *env) {
	a, bob := e.alice, `"`+e.bob.cred.AccessKey+`"`
	may := func(actions string) {
		a.do("PUT", "/alpha?policy", policy(statement("Allow", bob, actions, "alpha", ""))).is(204)
	}
	may("PutBucketWebsite")
	e.bob.do("PUT", "/alpha?website", websiteDoc).is(403, "AccessDenied")
	may("PutBucketWebsite PutBucketPolicy")
	e.bob.do("PUT", "/alpha?website", websiteDoc).is(200)
	may("PutBucketWebsite")
	e.bob.do("PUT", "/alpha?website", websiteDoc).is(200) // it is public already
	a.do("DELETE", "/alpha?website", "").is(204)
	a.do("PUT", "/alpha?publicAccessBlock", "<PublicAccessBlockConfiguration><BlockPublicPolicy>true</BlockPublicPolicy></PublicAccessBlockConfiguration>").is(200)
	a.do("PUT", "/alpha?website", websiteDoc).is(403, "AccessDenied")
	a.do("GET", "/alpha?website", "").is(404, "NoSuchWebsiteConfiguration")
}
