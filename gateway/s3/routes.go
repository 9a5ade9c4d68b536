package s3

import "net/http"

// scope is what a request's path names.
type scope uint8

const (
	service scope = iota
	bucket
	anObject
	scopes
)

// String is the ResourceType of MethodNotAllowed.
func (s scope) String() string { return [...]string{"SERVICE", "BUCKET", "OBJECT"}[s] }

// need is what a caller must have.
type need uint8

const (
	open    need = iota // nothing; the bucket is not looked up
	signed              // a valid key; the bucket is not looked up
	known               // a key with any right on the bucket
	reads               // Read on the bucket, possibly by anybody
	writes              // Write on the bucket, possibly by anybody
	uploads             // Read or Write on the bucket
	owns                // Owner of the bucket
	form                // the form in the body is signed; the handler decides
)

// String is for the generated documentation.
func (n need) String() string {
	return [...]string{"nobody in particular", "a valid key", "any right", "read", "write",
		"read or write", "owner", "a signed form, or write"}[n]
}

// route is one operation.
type route struct {
	Scope  scope
	Method string
	// Sub is the query parameter that selects it, or "".
	Sub string
	// Header, if set, must be there.
	Header string
	// Action is the name that S3 gives the operation.
	Action string
	Need   need
	// IAM are the actions that a policy must let the caller do, all of them; Versioned
	// those if the request names a version, nil for the same. Their names say whether the
	// resource is the bucket or the object. For routes that no policy decides they are told.
	IAM, Versioned []string
	// Partly says what of the call is not done, Refused why it is not done at all; "" else.
	Partly, Refused string
	// Each says that the body names the objects or their tags, which are decided on then.
	Each bool
	// Changes says that the operation writes: parameters and headers that it does not
	// know are refused.
	Changes bool
	// Params are the query parameters it knows, beside Sub and those that every
	// operation knows.
	Params []string
	serve  func(*request) error
	// foresee begins what the operation needs, before it is certain that the caller may
	// have it; nil: nothing.
	foresee func(*request, guess)
	// early says that serve may run before that is certain, and confirms it before it
	// changes or tells anything.
	early bool
}

// table is every operation, the first that fits counts: those with a sub-resource,
// those refused, and last those without one, so that none of these is ever taken
// for the meaning of a sub-resource. A method that is not here is MethodNotAllowed.
func table() []route {
	const get, head, put, post, del = http.MethodGet, http.MethodHead, http.MethodPut, http.MethodPost, http.MethodDelete
	done := []route{
		{Scope: service, Method: get, Action: "ListBuckets", Need: signed, IAM: []string{"s3:ListAllMyBuckets"}, serve: listBuckets, foresee: foreseeBuckets},

		{Scope: bucket, Method: get, Sub: "location", Action: "GetBucketLocation", Need: known, IAM: []string{"s3:GetBucketLocation"}, serve: getLocation},
		{Scope: bucket, Method: get, Sub: "uploads", Action: "ListMultipartUploads", Need: uploads, IAM: []string{"s3:ListBucketMultipartUploads"}, serve: listUploads, foresee: foreseeUploads},
		{Scope: bucket, Method: get, Sub: "versions", Action: "ListObjectVersions", Need: reads, IAM: []string{"s3:ListBucketVersions"}, serve: listVersions, foresee: foreseeVersions},
		{Scope: bucket, Method: get, Sub: "versioning", Action: "GetBucketVersioning", Need: known, IAM: []string{"s3:GetBucketVersioning"}, serve: getVersioning},
		{Scope: bucket, Method: put, Sub: "versioning", Action: "PutBucketVersioning", Need: owns, IAM: []string{"s3:PutBucketVersioning"}, Changes: true, serve: putVersioning},
		{Scope: bucket, Method: get, Sub: "acl", Action: "GetBucketAcl", Partly: "what anybody may do by the bucket's grants is shown; grants of keys and the policy are not", Need: known, IAM: []string{"s3:GetBucketAcl"}, serve: getACL},
		{Scope: bucket, Method: head, Action: "HeadBucket", Need: uploads, IAM: []string{"s3:ListBucket"}, serve: headBucket},
		{Scope: bucket, Method: put, Sub: "acl", Action: "PutBucketAcl", Partly: "only the ACL that gives all to the owner; everything else is AccessControlListNotSupported", Need: owns, IAM: []string{"s3:PutBucketAcl"}, Changes: true, serve: putACL},
		{Scope: bucket, Method: post, Sub: "delete", Action: "DeleteObjects", Need: writes, IAM: []string{"s3:DeleteObject"}, Versioned: []string{"s3:DeleteObjectVersion"}, Each: true, Changes: true, serve: deleteObjects, early: true},
		{Scope: bucket, Method: get, Sub: "policy", Action: "GetBucketPolicy", Need: owns, IAM: []string{"s3:GetBucketPolicy"}, serve: getPolicy},
		{Scope: bucket, Method: put, Sub: "policy", Action: "PutBucketPolicy", Need: owns, IAM: []string{"s3:PutBucketPolicy"}, Changes: true, serve: putPolicy},
		{Scope: bucket, Method: del, Sub: "policy", Action: "DeleteBucketPolicy", Need: owns, IAM: []string{"s3:DeleteBucketPolicy"}, Changes: true, serve: deletePolicy},
		{Scope: bucket, Method: get, Sub: "policyStatus", Action: "GetBucketPolicyStatus", Need: known, IAM: []string{"s3:GetBucketPolicyStatus"}, serve: getPolicyStatus},
		{Scope: bucket, Method: get, Sub: "publicAccessBlock", Action: "GetPublicAccessBlock", Need: known, IAM: []string{"s3:GetBucketPublicAccessBlock"}, serve: getBlock},
		{Scope: bucket, Method: put, Sub: "publicAccessBlock", Action: "PutPublicAccessBlock", Need: owns, IAM: []string{"s3:PutBucketPublicAccessBlock"}, Changes: true, serve: putBlock},
		{Scope: bucket, Method: del, Sub: "publicAccessBlock", Action: "DeletePublicAccessBlock", Need: owns, IAM: []string{"s3:PutBucketPublicAccessBlock"}, Changes: true, serve: deleteBlock},
		{Scope: bucket, Method: get, Sub: "cors", Action: "GetBucketCors", Need: known, IAM: []string{"s3:GetBucketCORS"}, serve: getCORS},
		{Scope: bucket, Method: put, Sub: "cors", Action: "PutBucketCors", Need: owns, IAM: []string{"s3:PutBucketCORS"}, Changes: true, serve: putCORS},
		{Scope: bucket, Method: del, Sub: "cors", Action: "DeleteBucketCors", Need: owns, IAM: []string{"s3:PutBucketCORS"}, Changes: true, serve: deleteCORS},
		{Scope: bucket, Method: get, Sub: "tagging", Action: "GetBucketTagging", Need: known, IAM: []string{"s3:GetBucketTagging"}, serve: getBucketTags},
		{Scope: bucket, Method: put, Sub: "tagging", Action: "PutBucketTagging", Need: owns, IAM: []string{"s3:PutBucketTagging"}, Changes: true, serve: putBucketTags},
		{Scope: bucket, Method: del, Sub: "tagging", Action: "DeleteBucketTagging", Need: owns, IAM: []string{"s3:PutBucketTagging"}, Changes: true, serve: deleteBucketTags},
		{Scope: bucket, Method: get, Sub: "object-lock", Action: "GetObjectLockConfiguration", Need: known, IAM: []string{"s3:GetBucketObjectLockConfiguration"}, serve: getLock},
		{Scope: bucket, Method: put, Sub: "object-lock", Action: "PutObjectLockConfiguration", Need: owns, IAM: []string{"s3:PutBucketObjectLockConfiguration"}, Changes: true, serve: putLock},
		{Scope: bucket, Method: get, Sub: "lifecycle", Action: "GetBucketLifecycleConfiguration", Need: known, IAM: []string{"s3:GetLifecycleConfiguration"}, serve: getLifecycle},
		{Scope: bucket, Method: put, Sub: "lifecycle", Action: "PutBucketLifecycleConfiguration", Partly: "no transitions: there is one storage class", Need: owns, IAM: []string{"s3:PutLifecycleConfiguration"}, Changes: true, serve: putLifecycle},
		{Scope: bucket, Method: del, Sub: "lifecycle", Action: "DeleteBucketLifecycle", Need: owns, IAM: []string{"s3:PutLifecycleConfiguration"}, Changes: true, serve: deleteLifecycle},
		{Scope: bucket, Method: get, Sub: "ownershipControls", Action: "GetBucketOwnershipControls", Need: known, IAM: []string{"s3:GetBucketOwnershipControls"}, serve: getOwnership},
		{Scope: bucket, Method: put, Sub: "ownershipControls", Action: "PutBucketOwnershipControls", Partly: "only BucketOwnerEnforced", Need: owns, IAM: []string{"s3:PutBucketOwnershipControls"}, Changes: true, serve: putOwnership},
		{Scope: bucket, Method: del, Sub: "ownershipControls", Action: "DeleteBucketOwnershipControls", Partly: "nothing changes: it stays BucketOwnerEnforced", Need: owns, IAM: []string{"s3:PutBucketOwnershipControls"}, Changes: true, serve: noContent},
		{Scope: bucket, Method: put, Sub: "encryption", Action: "PutBucketEncryption", Partly: "only AES256, which is what there is; SSE-C may be blocked", Need: owns, IAM: []string{"s3:PutEncryptionConfiguration"}, Changes: true, serve: putEncryption},
		{Scope: bucket, Method: get, Sub: "notification", Action: "GetBucketNotificationConfiguration", Need: known, IAM: []string{"s3:GetBucketNotification"}, serve: getNotification},
		{Scope: bucket, Method: put, Sub: "notification", Action: "PutBucketNotificationConfiguration", Partly: "queues that are webhooks of this rhizome: arn:rhizome:webhook::NAME:; what happens to replication is not told; rules may overlap; no test event is sent", Need: owns, IAM: []string{"s3:PutBucketNotification"}, Changes: true, serve: putNotification},
		{Scope: bucket, Method: get, Sub: "replication", Action: "GetBucketReplication", Need: known, IAM: []string{"s3:GetReplicationConfiguration"}, serve: getReplication},
		{Scope: bucket, Method: put, Sub: "replication", Action: "PutBucketReplication", Partly: "to buckets of remotes of the key's member: arn:rhizome:remote::NAME:BUCKET; the latest state of each key is copied, deletions by DeleteMarkerReplication; no metrics, time control, storage classes, other owners, KMS", Need: owns, IAM: []string{"s3:PutReplicationConfiguration"}, Changes: true, serve: putReplication},
		{Scope: bucket, Method: del, Sub: "replication", Action: "DeleteBucketReplication", Need: owns, IAM: []string{"s3:PutReplicationConfiguration"}, Changes: true, serve: deleteReplication},
		{Scope: bucket, Method: http.MethodOptions, Action: "OptionsBucket", Need: open, serve: preflight},

		{Scope: anObject, Method: get, Sub: "uploadId", Action: "ListParts", Need: uploads, IAM: []string{"s3:ListMultipartUploadParts"}, serve: listParts, foresee: foreseeParts},
		{Scope: anObject, Method: get, Sub: "attributes", Action: "GetObjectAttributes", Need: reads, IAM: []string{"s3:GetObject", "s3:GetObjectAttributes"}, Versioned: []string{"s3:GetObjectVersion", "s3:GetObjectVersionAttributes"}, serve: getAttributes, foresee: foreseeObject},
		{Scope: anObject, Method: get, Sub: "tagging", Action: "GetObjectTagging", Need: reads, IAM: []string{"s3:GetObjectTagging"}, Versioned: []string{"s3:GetObjectVersionTagging"}, serve: getObjectTagging, foresee: foreseeObject},
		{Scope: anObject, Method: get, Sub: "retention", Action: "GetObjectRetention", Need: reads, IAM: []string{"s3:GetObjectRetention"}, serve: getRetention, foresee: foreseeObject},
		{Scope: anObject, Method: put, Sub: "retention", Action: "PutObjectRetention", Need: writes, IAM: []string{"s3:PutObjectRetention"}, Each: true, Changes: true, serve: putRetention},
		{Scope: anObject, Method: get, Sub: "legal-hold", Action: "GetObjectLegalHold", Need: reads, IAM: []string{"s3:GetObjectLegalHold"}, serve: getHold, foresee: foreseeObject},
		{Scope: anObject, Method: put, Sub: "legal-hold", Action: "PutObjectLegalHold", Need: writes, IAM: []string{"s3:PutObjectLegalHold"}, Each: true, Changes: true, serve: putHold},
		{Scope: anObject, Method: get, Sub: "acl", Action: "GetObjectAcl", Partly: "the bucket's", Need: known, IAM: []string{"s3:GetObjectAcl"}, Versioned: []string{"s3:GetObjectVersionAcl"}, serve: getObjectACL},
		{Scope: anObject, Method: head, Action: "HeadObject", Need: reads, IAM: []string{"s3:GetObject"}, Versioned: []string{"s3:GetObjectVersion"}, serve: headObject, foresee: foreseeObject},
		{Scope: anObject, Method: put, Sub: "uploadId", Header: copySource, Action: "UploadPartCopy", Partly: "the source needs s3:GetObject", Need: writes, IAM: []string{"s3:PutObject"}, Changes: true,
			Params: []string{"partNumber"}, serve: copyPart, foresee: foreseeCopyPart},
		{Scope: anObject, Method: put, Sub: "uploadId", Action: "UploadPart", Need: writes, IAM: []string{"s3:PutObject"}, Changes: true,
			Params: []string{"partNumber"}, serve: putPart, foresee: foreseePart, early: true},
		{Scope: anObject, Method: put, Sub: "acl", Action: "PutObjectAcl", Partly: "only the ACL that gives all to the owner; everything else is AccessControlListNotSupported; none where anybody may do something to the bucket", Need: owns, IAM: []string{"s3:PutObjectAcl"}, Versioned: []string{"s3:PutObjectVersionAcl"}, Changes: true, serve: putACL},
		{Scope: anObject, Method: post, Sub: "uploads", Action: "CreateMultipartUpload", Partly: plainOnly, Need: writes, IAM: []string{"s3:PutObject"}, Changes: true, serve: createUpload},
		{Scope: anObject, Method: post, Sub: "uploadId", Action: "CompleteMultipartUpload", Need: writes, IAM: []string{"s3:PutObject"}, Changes: true, serve: completeUpload, foresee: foreseeComplete},
		{Scope: anObject, Method: del, Sub: "uploadId", Action: "AbortMultipartUpload", Need: writes, IAM: []string{"s3:AbortMultipartUpload"}, Changes: true, serve: abortUpload, foresee: foreseeAbort},
		{Scope: anObject, Method: put, Sub: "tagging", Action: "PutObjectTagging", Need: writes, IAM: []string{"s3:PutObjectTagging"}, Versioned: []string{"s3:PutObjectVersionTagging"}, Each: true, Changes: true, serve: putObjectTagging},
		{Scope: anObject, Method: del, Sub: "tagging", Action: "DeleteObjectTagging", Need: writes, IAM: []string{"s3:DeleteObjectTagging"}, Versioned: []string{"s3:DeleteObjectVersionTagging"}, Changes: true, serve: deleteObjectTagging},
		{Scope: anObject, Method: http.MethodOptions, Action: "OptionsObject", Need: open, serve: preflight},
	}
	done = append(done, websiteRoutes()...)
	done = append(done, loggingRoutes()...)
	done = append(done, inventoryRoutes()...)
	done = append(done, configurations()...)
	done = append(done, refused()...)
	return append(done, []route{
		{Scope: bucket, Method: put, Action: "CreateBucket", Need: signed, IAM: []string{"s3:CreateBucket"}, Changes: true, serve: createBucket},
		{Scope: bucket, Method: del, Action: "DeleteBucket", Need: owns, IAM: []string{"s3:DeleteBucket"}, Changes: true, serve: deleteBucket},
		{Scope: bucket, Method: post, Action: "PostObject", Partly: plainOnly, Need: form, IAM: []string{"s3:PutObject"}, Changes: true, serve: postObject},
		{Scope: bucket, Method: get, Sub: "list-type", Action: "ListObjectsV2", Need: reads, IAM: []string{"s3:ListBucket"}, serve: listV2, foresee: foreseeList},
		{Scope: bucket, Method: get, Action: "ListObjects", Need: reads, IAM: []string{"s3:ListBucket"}, serve: listV1, foresee: foreseeList},
		{Scope: anObject, Method: get, Action: "GetObject", Need: reads, IAM: []string{"s3:GetObject"}, Versioned: []string{"s3:GetObjectVersion"}, serve: getObject, foresee: foreseeObject},
		{Scope: anObject, Method: put, Header: copySource, Action: "CopyObject", Partly: plainOnly + "; the source needs s3:GetObject", Need: writes, IAM: []string{"s3:PutObject"}, Changes: true, serve: copyObject, foresee: foreseeCopy},
		{Scope: anObject, Method: put, Action: "PutObject", Partly: plainOnly, Need: writes, IAM: []string{"s3:PutObject"}, Changes: true, serve: putObject, foresee: foreseePut, early: true},
		{Scope: anObject, Method: del, Action: "DeleteObject", Need: writes, IAM: []string{"s3:DeleteObject"}, Versioned: []string{"s3:DeleteObjectVersion"}, Changes: true, serve: deleteObject, foresee: foreseeDelete},
	}...)
}

// plainOnly is what an object cannot be given.
const plainOnly = "SSE-KMS and other storage classes are refused"

const copySource = "X-Amz-Copy-Source"
