package s3

import (
	"net/http"
	"strings"

	"rhizome/gateway/s3/s3err"
)

// A configuration that no bucket here has. Reading it gives AWS's answer for a
// bucket that never had one: an error or an empty document. Deleting it finds done
// what it asks. Writing it is refused.
type configuration struct {
	sub    string
	action string // without Get, Delete
	iam    string // the same for a policy, without Get; deleting is put there
	none   s3err.Code
	root   string // of the document, when none is ""
	body   string // of the document
	delete bool
}

func configurationList() []configuration {
	const last = "<IsTruncated>false</IsTruncated>"
	return []configuration{
		{sub: "encryption", action: "BucketEncryption", iam: "EncryptionConfiguration", delete: true},
		{sub: "requestPayment", action: "BucketRequestPayment", iam: "BucketRequestPayment", root: "RequestPaymentConfiguration", body: "<Payer>BucketOwner</Payer>"},
		{sub: "accelerate", action: "BucketAccelerateConfiguration", iam: "AccelerateConfiguration", root: "AccelerateConfiguration"},
		{sub: "analytics", action: "BucketAnalyticsConfiguration", iam: "AnalyticsConfiguration", root: "ListBucketAnalyticsConfigurationResult", body: last},
		{sub: "metrics", action: "BucketMetricsConfiguration", iam: "MetricsConfiguration", root: "ListMetricsConfigurationsResult", body: last},
		{sub: "intelligent-tiering", action: "BucketIntelligentTieringConfiguration", iam: "IntelligentTieringConfiguration", root: "ListBucketIntelligentTieringConfigurationsResult", body: last},
	}
}

const neverHad = "always as for a bucket that never had one"

// configurations makes the routes that read and delete them.
func configurations() []route {
	var out []route
	for _, c := range configurationList() {
		partly, read, nothing := neverHad, c.read, "there is none to delete"
		if c.sub == "encryption" {
			partly, read, nothing = "always AES256: everything is encrypted", getEncryption, "it stays AES256, and SSE-C blocked if it was"
		}
		out = append(out, route{Scope: bucket, Method: http.MethodGet, Sub: c.sub, Action: "Get" + c.action, Need: known,
			IAM: []string{"s3:Get" + c.iam}, Partly: partly, serve: read})
		if strings.HasPrefix(c.root, "List") { // two calls, told apart by an ID
			list := out[len(out)-1]
			list.Action = "List" + c.action + "s"
			out = append(out, list)
		}
		if c.delete {
			out = append(out, route{Scope: bucket, Method: http.MethodDelete, Sub: c.sub, Action: "Delete" + c.action, Need: owns,
				IAM: []string{c.put()}, Partly: nothing, Changes: true, serve: noContent})
		}
	}
	return out
}

// put is the action that deleting takes, which AWS names after putting.
func (c configuration) put() string { return "s3:Put" + c.iam }

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
