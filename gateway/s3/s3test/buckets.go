package s3test

import (
	"fmt"
	"strings"
	"time"

	"rhizome/model/object"
)

func testBuckets(e *env) {
	a := e.alice
	a.do("PUT", "/beta", "").is(200).wants("Location", "/beta")
	a.do("PUT", "/beta", "").is(409, "BucketAlreadyOwnedByYou").has("BucketName", "beta")
	e.keys[e.bob.cred.AccessKey].CreateBuckets = true
	e.bob.do("PUT", "/beta", "").is(409, "BucketAlreadyExists")
	e.keys[e.bob.cred.AccessKey].CreateBuckets = false
	e.bob.do("PUT", "/gamma", "").is(403, "AccessDenied")
	for _, name := range []string{"ab", "Upper", "under_score", "-dash", "dash-", "a..b", strings.Repeat("x", 64),
		"xn--caf-dma", "sthree-photos", "amzn-s3-demo-bucket", "photos-s3alias", "photos--ol-s3", "photos.mrap", "photos--x-s3", "photos--table-s3"} {
		a.do("PUT", "/"+name, "").is(400, "InvalidBucketName")
	}
	a.do("HEAD", "/beta", "").is(200).wants("x-amz-bucket-region", "us-east-1").holds("")
	a.do("HEAD", "/missing", "").is(404).holds("")
	a.do("GET", "/missing", "").is(404, "NoSuchBucket").has("BucketName", "missing", "Resource", "/missing")
	a.do("GET", "/", "").is(200).lists("Name", "alpha", "beta")
	e.bob.do("GET", "/", "").is(200).lists("Name")
	a.do("GET", "/beta?location", "").is(200).has("LocationConstraint", "")

	a.do("PUT", "/beta/k", "x").is(200)
	a.do("DELETE", "/beta", "").is(409, "BucketNotEmpty")
	a.do("DELETE", "/beta/k", "").is(204)
	a.do("DELETE", "/beta", "").is(204)
	a.do("DELETE", "/beta", "").is(404, "NoSuchBucket")

	const create = `<CreateBucketConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">%s</CreateBucketConfiguration>`
	a.do("PUT", "/delta", fmt.Sprintf(create, "<LocationConstraint>eu-west-3</LocationConstraint>")).is(200)
	a.do("PUT", "/delta2", fmt.Sprintf(create, "")).is(200)
	a.do("PUT", "/delta3", fmt.Sprintf(create, "<Tags><Tag><Key>a</Key><Value>b</Value></Tag></Tags>")).is(200)
	a.do("GET", "/delta3?tagging", "").is(200).has("Key", "a").has("Value", "b")
	a.do("PUT", "/delta4", fmt.Sprintf(create, "<Tags><Tag><Key>a!</Key><Value>b</Value></Tag></Tags>")).is(400, "InvalidTag")
	a.do("PUT", "/delta4", fmt.Sprintf(create, "<Location/>")).is(501, "NotImplemented")
	a.do("PUT", "/delta3", "<CreateBucketConfiguration>").is(400, "MalformedXML")
	a.do("PUT", "/delta4", "", "x-amz-acl", "public-read").is(400, "InvalidBucketAclWithObjectOwnership")
	a.do("PUT", "/delta4", "", "x-amz-acl", "nothing").is(400, "InvalidArgument")
	a.do("PUT", "/delta4", "", "x-amz-object-ownership", "Nobody").is(400, "InvalidArgument")
	a.do("PUT", "/delta4", "", "x-amz-acl", "private").is(200)
}

func testBucketPages(e *env) {
	for i := range 5 {
		e.alice.do("PUT", fmt.Sprintf("/page-%d", i), "").is(200)
	}
	r := e.alice.do("GET", "/?prefix=page-&max-buckets=2", "").is(200).lists("Name", "page-0", "page-1").has("Prefix", "page-")
	token := r.text("ContinuationToken")
	r = e.alice.do("GET", "/?prefix=page-&max-buckets=2&continuation-token="+esc(token), "").is(200).lists("Name", "page-2", "page-3")
	token = r.text("ContinuationToken")
	e.alice.do("GET", "/?prefix=page-&max-buckets=2&continuation-token="+esc(token), "").is(200).lists("Name", "page-4").lists("ContinuationToken")
	e.alice.do("GET", "/?max-buckets=0", "").is(400, "InvalidArgument").has("ArgumentName", "max-buckets")
	e.alice.do("GET", "/?continuation-token=nonsense!", "").is(400, "InvalidArgument")
}

func testConfigurations(e *env) {
	for sub, code := range map[string]string{
		"lifecycle": "NoSuchLifecycleConfiguration", "policy": "NoSuchBucketPolicy", "policyStatus": "NoSuchBucketPolicy",
		"cors": "NoSuchCORSConfiguration", "tagging": "NoSuchTagSet", "website": "NoSuchWebsiteConfiguration",
		"object-lock": "ObjectLockConfigurationNotFoundError", "publicAccessBlock": "NoSuchPublicAccessBlockConfiguration",
		"replication": "ReplicationConfigurationNotFoundError",
	} {
		e.alice.do("GET", "/alpha?"+sub, "").is(404, code)
	}
	for sub, root := range map[string]string{
		"versioning": "VersioningConfiguration", "notification": "NotificationConfiguration", "logging": "BucketLoggingStatus",
		"accelerate": "AccelerateConfiguration",
	} {
		e.alice.do("GET", "/alpha?"+sub, "").is(200).has(root, "")
	}
	e.alice.do("GET", "/alpha?requestPayment", "").is(200).has("Payer", "BucketOwner")
	e.alice.do("GET", "/alpha?encryption", "").is(200).has("SSEAlgorithm", "AES256")
	const encryption = "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>%s</SSEAlgorithm>%s" +
		"</ApplyServerSideEncryptionByDefault>%s</Rule></ServerSideEncryptionConfiguration>"
	e.alice.do("PUT", "/alpha?encryption", fmt.Sprintf(encryption, "AES256", "", "<BucketKeyEnabled>false</BucketKeyEnabled>")).is(200)
	for _, bad := range []string{fmt.Sprintf(encryption, "aws:kms", "", ""), fmt.Sprintf(encryption, "AES256", "", "<BucketKeyEnabled>true</BucketKeyEnabled>"), fmt.Sprintf(encryption, "AES256", "", "<Other/>")} {
		e.alice.do("PUT", "/alpha?encryption", bad).is(501, "NotImplemented")
	}
	e.alice.do("PUT", "/alpha?encryption", fmt.Sprintf(encryption, "DES", "", "")).is(400, "MalformedXML")
	e.alice.do("PUT", "/alpha?encryption", "<ServerSideEncryptionConfiguration/>").is(400, "MalformedXML")
	e.alice.do("PUT", "/alpha?encryption", "<ServerSideEncryptionConfiguration><Rule/></ServerSideEncryptionConfiguration>").is(400, "MalformedXML")
	e.bob.do("PUT", "/alpha?encryption", fmt.Sprintf(encryption, "AES256", "", "")).is(403, "AccessDenied")
	e.alice.do("GET", "/alpha?acl", "").is(200).lists("Permission", "FULL_CONTROL")
	e.alice.do("GET", "/alpha?inventory", "").is(200).has("IsTruncated", "false")
	e.alice.do("GET", "/alpha?inventory&id=x", "").is(404, "NoSuchConfiguration")
	for _, sub := range []string{"requestPayment", "accelerate", "abac"} {
		e.alice.do("PUT", "/alpha?"+sub, "<x/>").is(501, "NotImplemented")
	}
	e.alice.do("PUT", "/alpha?acl", "", "x-amz-acl", "private").is(200)
	e.alice.do("PUT", "/alpha?acl", "", "x-amz-acl", "public-read").is(400, "AccessControlListNotSupported")
	e.alice.do("DELETE", "/alpha?policy", "").is(204)
	e.alice.do("DELETE", "/alpha?unknown", "").is(501, "NotImplemented")
	e.alice.do("HEAD", "/alpha", "").is(200)
}

func testRights(e *env) {
	e.alice.do("PUT", "/alpha/k", "text").is(200)
	put := func(status int) { e.Helper(); e.bob.do("PUT", "/alpha/bob", "x").is(status) }
	get := func(status int) { e.Helper(); e.bob.do("GET", "/alpha/k", "").is(status) }
	put(403)
	get(403)
	e.bob.do("GET", "/alpha", "").is(403, "AccessDenied")
	e.bob.do("HEAD", "/alpha", "").is(403)
	e.bob.do("GET", "/alpha/missing", "").is(403, "AccessDenied")
	e.allow("alpha", false, object.Access{Read: true})
	put(403)
	get(200)
	e.bob.do("GET", "/alpha?list-type=2", "").is(200)
	e.bob.do("GET", "/alpha/missing", "").is(404, "NoSuchKey").has("Key", "missing")
	e.bob.do("GET", "/", "").is(200).lists("Name", "alpha")
	e.allow("alpha", false, object.Access{Write: true})
	put(200)
	get(403)
	e.bob.do("PUT", "/alpha/copy", "", "x-amz-copy-source", "/alpha/k").is(403, "AccessDenied")
	e.bob.do("DELETE", "/alpha", "").is(403, "AccessDenied")
	e.bob.do("DELETE", "/alpha/bob", "").is(204)

	owner := e.alice.do("GET", "/", "").is(200).text("ID")
	e.alice.do("GET", "/alpha/k", "", "x-amz-expected-bucket-owner", owner).is(200)
	e.alice.do("GET", "/alpha/k", "", "x-amz-expected-bucket-owner", "123456789012").is(403, "AccessDenied")

	stranger := *e.bob
	stranger.cred.AccessKey = "RZ0000000000000000000000"
	stranger.do("GET", "/alpha/k", "").is(403, "InvalidAccessKeyId")
	stranger.cred.AccessKey = e.alice.cred.AccessKey
	stranger.do("GET", "/alpha/k", "").is(403, "SignatureDoesNotMatch")
	e.clock.Advance(1 << 40)
	late := *e.alice
	past := e.clock.Now().Add(-1 << 40)
	late.now = func() time.Time { return past }
	late.do("GET", "/alpha/k", "").is(403, "RequestTimeTooSkewed")
}

func testAnonymous(e *env) {
	n := e.nobody
	e.alice.do("PUT", "/alpha/k", "text").is(200)
	n.do("GET", "/", "").is(403, "AccessDenied").wants("Content-Type", "application/xml", "Server", "Rhizome")
	n.do("GET", "/alpha/k", "").is(403, "AccessDenied")
	n.do("PUT", "/alpha/k", "x").is(403, "AccessDenied")
	n.do("PUT", "/other", "").is(403, "AccessDenied")
	n.do("GET", "/missing", "").is(404, "NoSuchBucket")
	e.allow("alpha", true, object.Access{Read: true})
	n.do("GET", "/alpha/k", "").is(200).holds("text")
	n.do("HEAD", "/alpha/k", "").is(200)
	n.do("GET", "/alpha?list-type=2", "").is(200).lists("Key", "k")
	n.do("PUT", "/alpha/k", "x").is(403, "AccessDenied")
	n.do("DELETE", "/alpha/k", "").is(403, "AccessDenied")
	n.do("GET", "/alpha?acl", "").is(403, "AccessDenied")
	n.do("GET", "/alpha/k?response-content-type=a/b", "").is(400, "InvalidRequest")
	e.alice.do("GET", "/alpha?acl", "").is(200).lists("Permission", "FULL_CONTROL", "READ")
	e.alice.do("PUT", "/alpha/k?acl", "", "x-amz-acl", "private").is(400, "AccessControlListNotSupported")
	e.alice.do("PUT", "/alpha?acl", "", "x-amz-acl", "private").is(200)
	e.alice.do("GET", "/alpha?acl", "").is(200).lists("Permission", "FULL_CONTROL")
	n.do("GET", "/alpha/k", "").is(403, "AccessDenied")
	e.allow("alpha", true, object.Access{Write: true})
	n.do("PUT", "/alpha/anybody", "x").is(200)
	n.do("GET", "/alpha/k", "").is(403, "AccessDenied")
}

func testAddressing(e *env) {
	host := "alpha." + domain
	e.alice.do("PUT", "/dir/k", "text", "Host", host).is(200)
	e.alice.do("GET", "/alpha/dir/k", "").is(200).holds("text")
	e.alice.do("GET", "/dir/k", "", "Host", strings.ToUpper(host)+":3900").is(200).holds("text")
	e.alice.do("GET", "/?list-type=2", "", "Host", host).is(200).lists("Key", "dir/k")
	e.alice.do("GET", "/alpha/dir/k", "", "Host", domain).is(200)
	e.alice.do("GET", "/", "", "Host", domain).is(200).lists("Name", "alpha")
	e.alice.do("GET", "/", "", "Host", "nothere."+domain).is(404, "NoSuchBucket")
}
