package postform

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"rhizome/gateway/s3/s3err"
	"rhizome/gateway/s3/sigv4"
)

// Key returns the object key that the form asks for; UserKeyMustBeSpecified if it is
// missing or empty.
func (f *Form) Key() (string, error) {
	if k := f.Fields["key"]; k != "" {
		return k, nil
	}
	return "", s3err.New(s3err.UserKeyMustBeSpecified)
}

// Auth reads the form's signature with v; give the result to v.Check.
func (f *Form) Auth(v *sigv4.Verifier, now time.Time) (*sigv4.Auth, error) {
	return v.ParseForm(func(name string) (string, bool) {
		s, ok := f.Fields[name]
		return s, ok
	}, now)
}

// Header returns the fields that stand for headers of a PUT, under canonical names.
func (f *Form) Header() http.Header {
	h := make(http.Header)
	for name, value := range f.Fields {
		switch {
		case name == "acl":
			h.Set("x-amz-acl", value)
		case isHeader(name):
			h.Set(name, value)
		}
	}
	return h
}

// isHeader reports whether a field, by its lower-case name, stands for a header.
func isHeader(name string) bool {
	switch name {
	case "cache-control", "content-type", "content-disposition", "content-encoding", "content-language",
		"content-md5", "expires":
		return true
	case "x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature", "x-amz-security-token":
		return false
	}
	return strings.HasPrefix(name, "x-amz-")
}

// isToken reports whether s could be the name of a header.
func isToken(s string) bool {
	for _, c := range []byte(s) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`()<>@,;:\"/[]?={}`, c) >= 0 {
			return false
		}
	}
	return true
}

// isText reports whether s could be the value of a header.
func isText(s string) bool {
	for _, c := range []byte(s) {
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// Success is what the client wants to hear after the upload.
type Success struct {
	Status   int    // 200, 201, 204, or 303 with Redirect
	Redirect string // complete URL with bucket, key and etag
}

// Success returns the answer for a stored object; etag is without quotes. An invalid
// success_action_redirect or success_action_status is ignored, as AWS does.
func (f *Form) Success(bucket, key, etag string) Success {
	target := f.Fields["success_action_redirect"]
	if target == "" {
		target = f.Fields["redirect"]
	}
	if u, err := url.Parse(target); err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" {
		if u.RawQuery != "" {
			u.RawQuery += "&"
		}
		u.RawQuery += "bucket=" + url.QueryEscape(bucket) + "&key=" + url.QueryEscape(key) +
			"&etag=" + url.QueryEscape(`"`+etag+`"`)
		return Success{Status: http.StatusSeeOther, Redirect: u.String()}
	}
	switch f.Fields["success_action_status"] {
	case "200":
		return Success{Status: http.StatusOK}
	case "201":
		return Success{Status: http.StatusCreated}
	}
	return Success{Status: http.StatusNoContent}
}
