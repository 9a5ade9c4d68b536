// Package postform owns browser uploads: the multipart/form-data body of a POST to a
// bucket and the policy document that says what it may hold.
//
// The form is read as a stream: all fields up to the file, which must come last; what
// follows the file is not read. Limits: 20 KiB of fields, MaxFields of them; the policy
// is JSON of at most 20 KiB. Errors are *s3err.Error.
//
// Source: "Browser-Based Uploads Using POST", Amazon S3 API Reference; RFC 7578.
package postform

import (
	"io"
	"net/http"
	"time"

	"rhizome/gateway/s3/s3err"
	"rhizome/gateway/s3/sigv4"
)

// Limits of a form.
const (
	MaxFieldBytes = 20 << 10 // names and values before the file
	MaxFields     = 100
	MaxPolicy     = 20 << 10 // decoded
)

// Form is a browser's upload. Field names are in lower case.
type Form struct {
	Fields      map[string]string
	Filename    string // base name that the browser gave
	ContentType string // of the file part; the field content-type is what counts
	// File yields the file's bytes, once. It ends with io.EOF only at the boundary;
	// with EntityTooLarge or EntityTooSmall when the policy's content-length-range is violated (see Limit).
	File io.Reader
}

// Parse reads the fields of a form up to the file. contentType is the request's
// Content-Type. It fails with RequestIsNotMultiPartContent, MalformedPOSTRequest,
// MaxPostPreDataLengthExceeded, IncorrectNumberOfFilesInPostRequest (no file).
func Parse(body io.Reader, contentType string) (*Form, error) {
	return nil, s3err.New(s3err.NotImplemented)
}

// Key returns the field key with ${filename} replaced; UserKeyMustBeSpecified if it is
// missing or empty.
func (f *Form) Key() (string, error) { return "", nil }

// Header returns the fields that stand for headers of a PUT: Content-Type, Cache-Control,
// x-amz-meta-* and so on, under canonical names.
func (f *Form) Header() http.Header { return nil }

// Auth reads the form's signature with v; give the result to v.Check.
func (f *Form) Auth(v *sigv4.Verifier, now time.Time) (*sigv4.Auth, error) { return nil, nil }

// Authorize checks the policy of a signed form: expiry, every condition, and that every
// field is covered by one. It fails with AccessDenied ("Invalid according to Policy: …"),
// InvalidPolicyDocument. It makes f.File enforce content-length-range. A form without
// a policy is the caller's to refuse or accept as anonymous.
func (f *Form) Authorize(bucket string, now time.Time) error { return nil }

// Success is what the client wants to hear after the upload.
type Success struct {
	Status   int    // 200, 201, 204, or 303 with Redirect
	Redirect string // complete URL with bucket, key and etag
}

// Success returns the answer for a stored object; etag is without quotes. An invalid
// success_action_redirect or status is ignored, as AWS does.
func (f *Form) Success(bucket, key, etag string) Success { return Success{} }
