package s3

import (
	"net/http"
	"strings"

	"rhizome/gateway/s3/s3err"
)

// The sub-resources of S3 that are not done: named so that they are refused and
// never taken for the operation without them.
var (
	bucketRefused = []string{"accelerate", "acl", "abac", "analytics", "cors", "encryption", "intelligent-tiering",
		"inventory", "lifecycle", "logging", "metadataConfiguration", "metadataInventoryTable",
		"metadataJournalTable", "metadataTable", "metrics", "notification", "object-lock", "ownershipControls",
		"policy", "policyStatus", "publicAccessBlock", "replication", "requestPayment", "session", "tagging",
		"versioning", "website", "uploads", "versions", "location"}
	objectRefused = []string{"acl", "annotation", "encryption", "legal-hold", "renameObject", "restore", "retention",
		"select", "select-type", "tagging", "torrent", "attributes", "uploads", "append"}
)

// refused makes the routes of what is not done. They come after what is done.
func refused() []route {
	var out []route
	for _, c := range refusedCalls() {
		out = append(out, route{Scope: c.scope, Method: c.method, Sub: c.sub, Action: c.action, Need: signed, Refused: c.why, serve: refuse})
	}
	add := func(s scope, names []string, methods ...string) {
		for _, m := range methods {
			for _, n := range names {
				out = append(out, route{Scope: s, Method: m, Sub: n, Action: "-", Need: signed, serve: refuse})
			}
		}
	}
	add(bucket, bucketRefused, http.MethodGet, http.MethodPut, http.MethodPost, http.MethodDelete)
	add(anObject, objectRefused, http.MethodGet, http.MethodPut, http.MethodPost, http.MethodDelete)
	return out
}

func refuse(q *request) error {
	if q.route.Refused != "" {
		return notImplemented(q.route.Action + " is not implemented: " + q.route.Refused + ".")
	}
	return notImplemented("The sub-resource " + q.route.Sub + " is not implemented for this method.")
}

// knownParams are query parameters that every operation may carry.
func knownParam(name string) bool {
	l := len(name)
	return l > 2 && (name[0] == 'x' || name[0] == 'X') && name[1] == '-' || name == "versionId"
}

// checkParams refuses, for operations that write, what they do not know.
func (q *request) checkParams() error {
	for _, p := range q.query {
		switch {
		case knownParam(p.name), p.name == q.route.Sub:
		case contains(q.route.Params, p.name):
		default:
			return notImplemented("The query parameter " + p.name + " is not implemented for this operation.")
		}
	}
	if v := q.query.get("versionId"); v != "" && !q.route.takesVersion() {
		return s3err.Argument("versionId", v, "This operation does not accept a version-id.")
	}
	return nil
}

// takesVersion reports whether an operation that writes may be about any version.
func (r *route) takesVersion() bool {
	return r.Scope == anObject && r.Versioned != nil || r.Sub == "retention" || r.Sub == "legal-hold"
}

func contains(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}

// Headers of writes, in lower case and without "x-amz-", that this server knows.
// Those ending in "-" stand for all that begin so.
var knownHeaders = []string{
	"date", "content-sha256", "security-token", "user-agent", "decoded-content-length", "trailer", "sdk-", "checksum-", "tagging",
	"object-lock-mode", "object-lock-retain-until-date", "object-lock-legal-hold", "bucket-object-lock-enabled", "bypass-governance-retention",
	"meta-", "copy-source", "copy-source-", "metadata-directive", "tagging-directive", "mp-object-size",
	"expected-bucket-owner", "source-expected-bucket-owner", "request-payer", "cf-id", "api-version",
	"server-side-encryption-customer-", "website-redirect-location", "if-match-", "id-2", "request-id", "confirm-remove-self-bucket-access",
}

// checkHeaders refuses headers that would change what a write means and are not
// done. A header that asks for what is the case anyway is let pass.
func (q *request) checkHeaders() error {
	for name, values := range q.r.Header {
		if len(name) < 6 || !strings.EqualFold(name[:6], "x-amz-") || len(values) == 0 {
			continue
		}
		short := strings.ToLower(name[6:])
		if err := q.route.checkNew(short, values[0]); err != nil {
			return err
		}
		if err := checkValues(short, values); err != nil {
			return err
		}
		if !q.route.uses(short) && (short != "tagging" || values[0] != "") {
			return headerNotImplemented("x-amz-" + short)
		}
	}
	return nil
}

// cannedACLs are those of S3; a bucket takes only the first four.
var cannedACLs = []string{"private", "public-read", "public-read-write", "authenticated-read",
	"aws-exec-read", "bucket-owner-read", "bucket-owner-full-control", "log-delivery-write"}

// checkNew refuses headers that S3 refuses in words of their own: ACLs that it does not
// know, and at the making of a bucket all but those that change nothing.
func (r *route) checkNew(name, value string) error {
	if name == "acl" && !contains(cannedACLs, value) {
		return s3err.Argument("x-amz-acl", value, "")
	}
	if r.Action != "CreateBucket" {
		return nil
	}
	switch {
	case name == "acl" && value != "private", strings.HasPrefix(name, "grant-"):
		return s3err.New(s3err.InvalidBucketAclWithObjectOwnership)
	case name == "object-ownership" && value != "BucketOwnerEnforced" && value != "BucketOwnerPreferred" && value != "ObjectWriter":
		return s3err.Argument("x-amz-object-ownership", value, "Invalid x-amz-object-ownership header: "+value)
	}
	return nil
}

// checkValues checks a header that may have come several times: only metadata may then
// differ.
func checkValues(name string, values []string) error {
	for _, v := range values {
		if err := checkHeader(name, v); err != nil {
			return err
		}
		if v != values[0] && !strings.HasPrefix(name, "meta-") {
			if strings.HasSuffix(name, "-customer-key") {
				v = "" // nobody is told it
			}
			return s3err.Argument("x-amz-"+name, v, "The header has several values.")
		}
	}
	return nil
}

// uses reports whether the operation looks at a header that means a lot to some and
// would be lost on the others.
func (r *route) uses(header string) bool {
	switch {
	case strings.HasPrefix(header, "copy-source"):
		return r.Header == copySource
	case strings.HasPrefix(header, "server-side-encryption-customer-"):
		return r.takesCustomer()
	case header == "bucket-object-lock-enabled":
		return r.Action == "CreateBucket"
	case strings.HasPrefix(header, "object-lock-"):
		return r.uses("tagging") || r.Need == form
	case header == "tagging":
		return r.Action == "PutObject" || r.Action == "CopyObject" || r.Action == "CreateMultipartUpload"
	case header == "mp-object-size":
		return r.Action == "CompleteMultipartUpload"
	}
	return true
}

func checkHeader(name, value string) error {
	for _, k := range knownHeaders {
		if name == k || k[len(k)-1] == '-' && strings.HasPrefix(name, k) {
			return checkKnown(name, value)
		}
	}
	switch {
	case name == "acl" && (value == "private" || value == "bucket-owner-full-control"),
		name == "storage-class" && value == "STANDARD",
		name == "server-side-encryption" && value == "AES256",
		name == "object-ownership" && value == "BucketOwnerEnforced": // there are no other owners
		return nil
	case name == "acl", strings.HasPrefix(name, "grant-"):
		return s3err.New(s3err.AccessControlListNotSupported)
	case name == "storage-class":
		return s3err.New(s3err.InvalidStorageClass, s3err.Field{Name: "StorageClassRequested", Value: value})
	}
	return headerNotImplemented("x-amz-" + name)
}

// checkKnown refuses the values of known headers that are not done.
func checkKnown(name, value string) error {
	switch {
	case name == "security-token" && value != "":
		return s3err.New(s3err.InvalidToken)
	case name == "bucket-object-lock-enabled" && !strings.EqualFold(value, "true") && !strings.EqualFold(value, "false"):
		return s3err.Argument("x-amz-bucket-object-lock-enabled", value, "It is true or false.")
	case name == "copy-source-server-side-encryption", strings.HasPrefix(name, "if-match-"):
		return headerNotImplemented("x-amz-" + name)
	}
	return nil
}

// headerNotImplemented is NotImplemented as AWS words it, with the header's name.
func headerNotImplemented(name string) error {
	return s3err.New(s3err.NotImplemented, s3err.Field{Name: "Header", Value: name})
}
