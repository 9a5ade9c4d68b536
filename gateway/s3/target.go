package s3

import (
	"net/http"
	"strings"
	"unicode/utf8"

	"rhizome/gateway/s3/s3err"
	"rhizome/model/object"
)

// target says what a request's Host and path name. The path is taken as it was
// sent but for its percent-escapes: "..", "." and "//" are characters of a key.
func (g *gateway) target(r *http.Request) (bucket, key string, err error) {
	path := r.URL.Path
	if path == "" || path[0] != '/' || !utf8.ValidString(path) {
		return "", "", s3err.New(s3err.InvalidURI)
	}
	path = path[1:]
	if b := g.bucketOfHost(r.Host); b != "" {
		bucket, key = b, path
	} else {
		bucket, key, _ = strings.Cut(path, "/")
	}
	if bucket == "" && key != "" {
		return "", "", s3err.New(s3err.InvalidBucketName, s3err.Field{Name: "BucketName"})
	}
	return bucket, key, checkKey(key)
}

// climbs reports whether ".." segments of a key lead above the bucket: S3 takes no such key.
func climbs(key string) bool {
	if !strings.Contains(key, "..") {
		return false
	}
	deep := 0
	for s := range strings.SplitSeq(key, "/") {
		switch s {
		case "", ".":
		case "..":
			if deep--; deep < 0 {
				return true
			}
		default:
			deep++
		}
	}
	return false
}

// checkNewKey refuses a key that no object may be given. Those that are there, from
// another store or an older release, can be read and deleted.
func checkNewKey(key string) error {
	if climbs(key) {
		return s3err.New(s3err.BadRequest)
	}
	return nil
}

func checkKey(key string) error {
	if len(key) > object.MaxKey {
		return s3err.New(s3err.KeyTooLongError,
			s3err.Field{Name: "Size", Value: itoa(int64(len(key)))},
			s3err.Field{Name: "MaxSizeAllowed", Value: itoa(object.MaxKey)})
	}
	return nil
}

// bucketOfHost returns the bucket that a virtual host names, or "".
func (g *gateway) bucketOfHost(host string) string {
	if len(g.domains) == 0 {
		return ""
	}
	if i := strings.LastIndexByte(host, ':'); i >= 0 {
		host = host[:i] // a domain has no colon of its own
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	for _, d := range g.domains {
		if b, ok := strings.CutSuffix(host, d); ok && strings.HasSuffix(b, ".") {
			return b[:len(b)-1]
		}
	}
	return ""
}
