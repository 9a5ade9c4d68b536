// Package sigv4 owns AWS Signature Version 4 as S3 uses it: it reads how a request is
// signed, says which key it names, and checks the signature once the caller has that
// key's secret; it also makes presigned URLs.
//
// Parse touches nothing but the request and the time, so that the caller can look the
// key, the bucket and the object up side by side before Check. The signature is over
// the path and the Host as they were sent; which bucket they mean is not looked at.
// Every failure is an *s3err.Error with AWS's code. Secrets and derived keys are never
// part of an error. Comparisons of signatures take constant time.
//
// Sources: "Authenticating Requests (AWS Signature Version 4)", Amazon S3 API
// Reference; RFC 2104; RFC 3986 section 2.
package sigv4
