package sigv4

import (
	"net/http"
	"time"

	"rhizome/gateway/s3/s3err"
)

// Credentials sign requests.
type Credentials struct {
	AccessKey, Secret string
	Region            string // "" is us-east-1
}

// Presign returns the URL of r with a signature in its query that is good from now for
// expires, 1 s to MaxExpires. Of r's headers, Host and all in r.Header are signed. r is not changed.
func Presign(r *http.Request, c Credentials, now time.Time, expires time.Duration) (string, error) {
	return "", s3err.New(s3err.NotImplemented)
}

// Sign signs r in its Authorization header, setting X-Amz-Date and X-Amz-Content-Sha256
// (to payload, such as UNSIGNED-PAYLOAD or the hexadecimal SHA-256 of the body).
func Sign(r *http.Request, c Credentials, payload string, now time.Time) error {
	return s3err.New(s3err.NotImplemented)
}
