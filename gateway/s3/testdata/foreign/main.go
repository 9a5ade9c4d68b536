// Command foreign records requests signed by other people's clients, as the bytes on
// the wire, for the tests of sigv4 and chunked. It is a module of its own so that the
// program does not depend on those clients. Run it in this folder: go run .
package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/json"
	"hash"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/minio/minio-go/v7/pkg/signer"
)

const (
	key      = "AKIAIOSFODNN7EXAMPLE"
	secret   = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	base     = "http://127.0.0.1:3900"
	unsigned = "UNSIGNED-PAYLOAD"
	emptySHA = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
)

// record is one request.
type record struct {
	Signer string
	Time   time.Time
	Path   []byte // decoded
	Wire   string
}

var paths = []string{
	"/", "/bucket", "/bucket/", "/bucket/a b", "/bucket/a+b", "/bucket/a%2Bb", "/bucket/a%2Fb", "/bucket//a",
	"//bucket//a//", "/bucket/./a", "/bucket/../a", "/bucket/a/..", "/bucket/a/.", "/bucket/é/日本/🌱",
	"/bucket/%", "/bucket/a?b", "/bucket/a#b", "/bucket/~!*'();:@&=+$,[]", "/bucket/a\\b\"c<d>e^f`g{h|i}j",
	"/bucket/\x01\x7f", "/bucket/\xff\xfe", "/bucket/%20", "/bucket/%25", "/bucket/a=b&c=d",
}

var queries = []url.Values{
	{}, {"acl": {""}}, {"prefix": {""}, "delimiter": {"/"}}, {"prefix": {"a b+c/d%2F"}},
	{"list-type": {"2"}, "continuation-token": {"1/+=="}, "prefix": {"é~-._"}},
	{"x": {"b", "a", "c c"}}, {"uploads": {""}, "key-marker": {"a&b=c"}}, {"A": {"1"}, "a": {"2"}, "a-b": {"3"}},
	{"response-content-disposition": {`attachment; filename="a b;c.txt"`}},
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func request(target string, body []byte) *http.Request {
	r, err := http.NewRequest("PUT", target, bytes.NewReader(body))
	check(err)
	return r
}

// strict encodes a path as S3 clients do.
func strict(path string) string {
	var b strings.Builder
	for _, part := range strings.SplitAfter(path, "/") {
		for _, c := range []byte(part) {
			if c == '/' || strings.IndexByte("-._~", c) >= 0 || c < 128 && (c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9') {
				b.WriteByte(c)
			} else {
				b.WriteString("%" + strings.ToUpper(string("0123456789abcdef"[c>>4])+string("0123456789abcdef"[c&15])))
			}
		}
	}
	return b.String()
}

var creds = aws.Credentials{AccessKeyID: key, SecretAccessKey: secret}

var signers = map[string]func(r *http.Request, now time.Time) *http.Request{
	"aws header": func(r *http.Request, now time.Time) *http.Request {
		r.Header.Set("X-Amz-Content-Sha256", unsigned)
		check(awsSigner().SignHTTP(context.Background(), creds, r, unsigned, "s3", "eu-west-3", now))
		return r
	},
	"aws presigned": func(r *http.Request, now time.Time) *http.Request {
		q := r.URL.Query()
		q.Set("X-Amz-Expires", "60")
		r.URL.RawQuery = q.Encode()
		u, h, err := awsSigner().PresignHTTP(context.Background(), creds, r, unsigned, "s3", "us-east-1", now)
		check(err)
		n := request(u, []byte("body"))
		h.Del("Host")
		n.Header = h
		return n
	},
	"minio header": func(r *http.Request, _ time.Time) *http.Request {
		r.Header.Set("X-Amz-Content-Sha256", emptySHA)
		return signer.SignV4(*r, key, secret, "", "us-east-1")
	},
	"minio presigned": func(r *http.Request, _ time.Time) *http.Request {
		return signer.PreSignV4(*r, key, secret, "", "us-east-1", 60)
	},
}

func awsSigner() *v4.Signer {
	return v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
}

func requests() (list []record) {
	for name, sign := range signers {
		for i, p := range paths {
			for j, q := range queries {
				if i != 3 && j != 3 {
					continue
				}
				if strings.HasPrefix(name, "minio") && (!utf8.ValidString(p) || len(q["x"]) > 0) {
					continue // this signer takes paths for UTF-8 and does not sort repeated parameters
				}
				now := time.Now().UTC()
				r := request(base+strict(p)+"?"+strings.ReplaceAll(q.Encode(), "+", "%20"), []byte("body"))
				r.Header.Set("X-Amz-Meta-A", "  two   spaces é ")
				r.Header.Set("X-Amz-Storage-Class", "")
				list = append(list, wire(name, p, now, sign(r, now)))
			}
		}
	}
	return list
}

func wire(name, path string, now time.Time, r *http.Request) record {
	b, err := httputil.DumpRequestOut(r, true)
	check(err)
	return record{name, now, []byte(path), string(b)}
}

type hasher struct{ hash.Hash }

func (hasher) Close() {}

func streams() (list []record) {
	for _, size := range []int{0, 1, 8191, 65536, 65537, 200000} {
		for _, mode := range []string{"signed", "signed trailer", "unsigned trailer"} {
			r := request(base+"/b/k", bytes.Repeat([]byte{'x'}, size))
			trailers := http.Header{"X-Amz-Checksum-Crc32c": {"AAAAAA=="}}
			now := time.Now().UTC()
			switch mode {
			case "unsigned trailer":
				r = signer.UnsignedTrailer(*r, trailers)
				r.Trailer = nil
				r.Header.Set("X-Amz-Content-Sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER")
				r = signer.SignV4(*r, key, secret, "", "us-east-1")
			case "signed trailer":
				r.Trailer = trailers
				fallthrough
			default:
				r = signer.StreamingSignV4(r, key, secret, "", "us-east-1", int64(size), now, hasher{sha256.New()})
			}
			list = append(list, wire(mode, "/b/k", now, r))
		}
	}
	return list
}

// save writes records as gzipped JSON, one a line.
func save(name string, list []record) {
	check(os.MkdirAll(name[:strings.LastIndex(name, "/")], 0o755))
	f, err := os.Create(name)
	check(err)
	z := gzip.NewWriter(f)
	e := json.NewEncoder(z)
	for _, r := range list {
		check(e.Encode(r))
	}
	check(z.Close())
	check(f.Close())
	_, _ = io.WriteString(os.Stderr, name+"\n")
}

func main() {
	save("../../sigv4/testdata/foreign.jsonl.gz", requests())
	save("../../chunked/testdata/foreign.jsonl.gz", streams())
}
