package s3

import (
	"net/http"

	"rhizome/gateway/s3/s3err"
)

// A configuration that no bucket here has. Reading it gives AWS's answer for a
// bucket that never had one: an error or an empty document. Deleting it finds done
// what it asks. Writing it is refused.
type configuration struct {
	sub    string
	action string // without Get, Delete
	none   s3err.Code
	root   string // of the document, when none is ""
	body   string // of the document
	delete bool
}

func configurationList() []configuration {
	const algorithm = "<Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm>" +
		"</ApplyServerSideEncryptionByDefault><BucketKeyEnabled>false</BucketKeyEnabled></Rule>"
	const last = "<IsTruncated>false</IsTruncated>"
	return []configuration{
		{sub: "lifecycle", action: "BucketLifecycleConfiguration", none: s3err.NoSuchLifecycleConfiguration, delete: true},
		{sub: "policyStatus", action: "BucketPolicyStatus", none: s3err.NoSuchBucketPolicy},
		{sub: "policy", action: "BucketPolicy", none: s3err.NoSuchBucketPolicy, delete: true},
		{sub: "cors", action: "BucketCors", none: s3err.NoSuchCORSConfiguration, delete: true},
		{sub: "tagging", action: "BucketTagging", none: s3err.NoSuchTagSet, delete: true},
		{sub: "encryption", action: "BucketEncryption", root: "ServerSideEncryptionConfiguration", body: algorithm, delete: true},
		{sub: "website", action: "BucketWebsite", none: s3err.NoSuchWebsiteConfiguration, delete: true},
		{sub: "object-lock", action: "ObjectLockConfiguration", none: s3err.ObjectLockConfigurationNotFoundError},
		{sub: "publicAccessBlock", action: "PublicAccessBlock", none: s3err.NoSuchPublicAccessBlockConfiguration, delete: true},
		{sub: "ownershipControls", action: "BucketOwnershipControls", none: s3err.OwnershipControlsNotFoundError, delete: true},
		{sub: "replication", action: "BucketReplication", none: s3err.ReplicationConfigurationNotFoundError, delete: true},
		{sub: "notification", action: "BucketNotificationConfiguration", root: "NotificationConfiguration"},
		{sub: "logging", action: "BucketLogging", root: "BucketLoggingStatus"},
		{sub: "requestPayment", action: "BucketRequestPayment", root: "RequestPaymentConfiguration", body: "<Payer>BucketOwner</Payer>"},
		{sub: "accelerate", action: "BucketAccelerateConfiguration", root: "AccelerateConfiguration"},
		{sub: "analytics", action: "BucketAnalyticsConfigurations", root: "ListBucketAnalyticsConfigurationResult", body: last},
		{sub: "inventory", action: "BucketInventoryConfigurations", root: "ListInventoryConfigurationsResult", body: last},
		{sub: "metrics", action: "BucketMetricsConfigurations", root: "ListMetricsConfigurationsResult", body: last},
		{sub: "intelligent-tiering", action: "BucketIntelligentTieringConfigurations", root: "ListBucketIntelligentTieringConfigurationsResult", body: last},
	}
}

// configurations makes the routes that read and delete them.
func configurations() []route {
	var out []route
	for _, c := range configurationList() {
		out = append(out, route{Scope: bucket, Method: http.MethodGet, Sub: c.sub, Action: "Get" + c.action, Need: known, serve: c.read})
		if c.delete {
			out = append(out, route{Scope: bucket, Method: http.MethodDelete, Sub: c.sub, Action: "Delete" + c.action, Need: owns,
				Changes: true, serve: noContent})
		}
	}
	return out
}

func (c configuration) read(q *request) error {
	if c.none != "" {
		return s3err.New(c.none, s3err.Field{Name: "BucketName", Value: q.bucketName})
	}
	if q.query.has("id") {
		return s3err.New(s3err.NoSuchConfiguration)
	}
	d := newDoc(c.root)
	d.b = append(d.b, c.body...)
	return q.xml(http.StatusOK, d, c.root)
}

func noContent(q *request) error {
	q.reply(http.StatusNoContent)
	return nil
}

// preflight answers OPTIONS as for a bucket without a CORS configuration.
func preflight(*request) error {
	return s3err.Newf(s3err.AccessForbidden, "CORSResponse: CORS is not enabled for this bucket.")
}
