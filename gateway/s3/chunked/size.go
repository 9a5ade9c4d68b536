package chunked

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"hash"
	"io"
	"net/http"
	"strconv"
	"strings"

	"rhizome/gateway/s3/s3err"
	"rhizome/gateway/s3/sigv4"
)

// Size returns the length of the body that r will decode to, from
// x-amz-decoded-content-length for streaming modes and Content-Length else. A missing
// or malformed one is MissingContentLength.
func Size(r *http.Request, m sigv4.Mode) (int64, error) {
	if !m.Streaming() {
		if r.ContentLength < 0 {
			return 0, s3err.New(s3err.MissingContentLength)
		}
		return r.ContentLength, nil
	}
	const name = "X-Amz-Decoded-Content-Length"
	v := r.Header[name]
	if len(v) == 0 {
		return 0, s3err.New(s3err.MissingContentLength)
	}
	n, err := strconv.ParseInt(v[0], 10, 64)
	if err != nil || n < 0 || len(v) > 1 || v[0][0] == '+' {
		return 0, s3err.New(s3err.MissingContentLength)
	}
	return n, nil
}

// ContentEncoding returns a Content-Encoding without the aws-chunked coding, which is
// never stored.
func ContentEncoding(s string) string {
	if !strings.Contains(s, "aws-chunked") {
		return s
	}
	var kept []string
	for c := range strings.SplitSeq(s, ",") {
		if c = strings.TrimSpace(c); c != "" && c != "aws-chunked" {
			kept = append(kept, c)
		}
	}
	return strings.Join(kept, ",")
}

// checkHash compares the hash of a plain body; io.EOF says that it is right.
func checkHash(h hash.Hash, want [32]byte) error {
	var sum [32]byte
	h.Sum(sum[:0])
	if subtle.ConstantTimeCompare(sum[:], want[:]) == 1 {
		return io.EOF
	}
	return s3err.New(s3err.XAmzContentSHA256Mismatch,
		s3err.Field{Name: "ClientComputedContentSHA256", Value: hex.EncodeToString(want[:])},
		s3err.Field{Name: "S3ComputedContentSHA256", Value: hex.EncodeToString(sum[:])})
}

// CheckEmpty fails with XAmzContentSHA256Mismatch unless want is the hash of no bytes.
func CheckEmpty(want [32]byte) error {
	if err := checkHash(sha256.New(), want); err != io.EOF {
		return err
	}
	return nil
}
