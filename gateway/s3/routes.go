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
		{Scope: service, Method: get, Action: "ListBuckets", Need: signed, serve: listBuckets, foresee: foreseeBuckets},

		{Scope: bucket, Method: get, Sub: "location", Action: "GetBucketLocation", Need: known, serve: getLocation},
		{Scope: bucket, Method: get, Sub: "uploads", Action: "ListMultipartUploads", Need: uploads, serve: listUploads, foresee: foreseeUploads},
		{Scope: bucket, Method: get, Sub: "versions", Action: "ListObjectVersions", Need: reads, serve: listVersions, foresee: foreseeVersions},
		{Scope: bucket, Method: get, Sub: "versioning", Action: "GetBucketVersioning", Need: known, serve: getVersioning},
		{Scope: bucket, Method: put, Sub: "versioning", Action: "PutBucketVersioning", Need: owns, Changes: true, serve: putVersioning},
		{Scope: bucket, Method: get, Sub: "acl", Action: "GetBucketAcl", Need: known, serve: getACL},
		{Scope: bucket, Method: head, Action: "HeadBucket", Need: uploads, serve: headBucket},
		{Scope: bucket, Method: put, Sub: "acl", Action: "PutBucketAcl", Need: owns, Changes: true, serve: putACL},
		{Scope: bucket, Method: post, Sub: "delete", Action: "DeleteObjects", Need: writes, Changes: true, serve: deleteObjects, early: true},
		{Scope: bucket, Method: http.MethodOptions, Action: "OptionsBucket", Need: open, serve: preflight},

		{Scope: anObject, Method: get, Sub: "uploadId", Action: "ListParts", Need: uploads, serve: listParts, foresee: foreseeParts},
		{Scope: anObject, Method: get, Sub: "attributes", Action: "GetObjectAttributes", Need: reads, serve: getAttributes, foresee: foreseeObject},
		{Scope: anObject, Method: get, Sub: "tagging", Action: "GetObjectTagging", Need: reads, serve: getObjectTagging, foresee: foreseeObject},
		{Scope: anObject, Method: get, Sub: "acl", Action: "GetObjectAcl", Need: known, serve: getObjectACL},
		{Scope: anObject, Method: head, Action: "HeadObject", Need: reads, serve: headObject, foresee: foreseeObject},
		{Scope: anObject, Method: put, Sub: "uploadId", Header: copySource, Action: "UploadPartCopy", Need: writes, Changes: true,
			Params: []string{"partNumber"}, serve: copyPart, foresee: foreseeCopyPart},
		{Scope: anObject, Method: put, Sub: "uploadId", Action: "UploadPart", Need: writes, Changes: true,
			Params: []string{"partNumber"}, serve: putPart, foresee: foreseePart, early: true},
		{Scope: anObject, Method: put, Sub: "acl", Action: "PutObjectAcl", Need: owns, Changes: true, serve: putACL},
		{Scope: anObject, Method: post, Sub: "uploads", Action: "CreateMultipartUpload", Need: writes, Changes: true, serve: createUpload},
		{Scope: anObject, Method: post, Sub: "uploadId", Action: "CompleteMultipartUpload", Need: writes, Changes: true, serve: completeUpload, foresee: foreseeComplete},
		{Scope: anObject, Method: del, Sub: "uploadId", Action: "AbortMultipartUpload", Need: writes, Changes: true, serve: abortUpload, foresee: foreseeAbort},
		{Scope: anObject, Method: del, Sub: "tagging", Action: "DeleteObjectTagging", Need: writes, Changes: true, serve: deleteObjectTagging, foresee: foreseeObject},
		{Scope: anObject, Method: http.MethodOptions, Action: "OptionsObject", Need: open, serve: preflight},
	}
	done = append(done, configurations()...)
	done = append(done, refused()...)
	return append(done, []route{
		{Scope: bucket, Method: put, Action: "CreateBucket", Need: signed, Changes: true, serve: createBucket},
		{Scope: bucket, Method: del, Action: "DeleteBucket", Need: owns, Changes: true, serve: deleteBucket},
		{Scope: bucket, Method: post, Action: "PostObject", Need: form, Changes: true, serve: postObject},
		{Scope: bucket, Method: get, Sub: "list-type", Action: "ListObjectsV2", Need: reads, serve: listV2, foresee: foreseeList},
		{Scope: bucket, Method: get, Action: "ListObjects", Need: reads, serve: listV1, foresee: foreseeList},
		{Scope: anObject, Method: get, Action: "GetObject", Need: reads, serve: getObject, foresee: foreseeObject},
		{Scope: anObject, Method: put, Header: copySource, Action: "CopyObject", Need: writes, Changes: true, serve: copyObject, foresee: foreseeCopy},
		{Scope: anObject, Method: put, Action: "PutObject", Need: writes, Changes: true, serve: putObject, foresee: foreseePut, early: true},
		{Scope: anObject, Method: del, Action: "DeleteObject", Need: writes, Changes: true, serve: deleteObject, foresee: foreseeDelete},
	}...)
}

const copySource = "X-Amz-Copy-Source"
