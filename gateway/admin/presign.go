package admin

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"strconv"
	"strings"
	"time"

	"rhizome/base/errs"
)

// signing is what a presigned GET is made of.
type signing struct {
	Base, Bucket, Object, Region string
	Key, Secret                  string
	Now                          time.Time
	Seconds                      int64
}

// presign returns a URL signed as "Signature Version 4, query string" of AWS
// describes: AWS4-HMAC-SHA256 over the canonical request with UNSIGNED-PAYLOAD.
func presign(s signing) (string, error) {
	u, err := url.Parse(s.Base)
	if err != nil {
		return "", errs.Newf(errs.Internal, "the S3 address %q is no URL: %w", s.Base, err)
	}
	day, stamp := s.Now.UTC().Format("20060102"), s.Now.UTC().Format("20060102T150405Z")
	scope := day + "/" + s.Region + "/s3/aws4_request"
	query := strings.Join([]string{ // in byte order, as the canonical form asks
		"X-Amz-Algorithm=AWS4-HMAC-SHA256",
		"X-Amz-Credential=" + escape(s.Key+"/"+scope, false),
		"X-Amz-Date=" + stamp,
		"X-Amz-Expires=" + strconv.FormatInt(s.Seconds, 10),
		"X-Amz-SignedHeaders=host",
	}, "&")
	path := "/" + escape(s.Bucket, false) + "/" + escape(s.Object, true)
	canonical := "GET\n" + path + "\n" + query + "\nhost:" + u.Host + "\n\nhost\nUNSIGNED-PAYLOAD"
	hashed := sha256.Sum256([]byte(canonical))
	toSign := "AWS4-HMAC-SHA256\n" + stamp + "\n" + scope + "\n" + hex.EncodeToString(hashed[:])
	key := []byte("AWS4" + s.Secret)
	for _, part := range []string{day, s.Region, "s3", "aws4_request"} {
		key = mac(key, part)
	}
	return u.Scheme + "://" + u.Host + path + "?" + query + "&X-Amz-Signature=" + hex.EncodeToString(mac(key, toSign)), nil
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// escape is AWS's UriEncode: all but unreserved characters as %XX, slashes kept in paths.
func escape(s string, path bool) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9',
			c == '-', c == '.', c == '_', c == '~', path && c == '/':
			b.WriteByte(c)
		default:
			b.WriteString("%" + strings.ToUpper(hex.EncodeToString([]byte{c})))
		}
	}
	return b.String()
}
