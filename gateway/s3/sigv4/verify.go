package sigv4

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
	"time"

	"rhizome/gateway/s3/s3err"
)

// MaxSkew is how far a request's time may lie from ours.
const MaxSkew = 15 * time.Minute

// MaxExpires is the longest life of a presigned URL.
const MaxExpires = 7 * 24 * time.Hour

// DefaultRegion is the region that is named when any is accepted.
const DefaultRegion = "us-east-1"

// Verifier checks signatures. It is safe for concurrent use; it keeps a bounded number
// of derived signing keys.
type Verifier struct {
	region  string
	keys    keyCache
	buffers sync.Pool // of *[]byte
}

// New returns a Verifier. With a region, every other region in a scope is refused; with
// "", any is accepted.
func New(region string) *Verifier {
	return &Verifier{region: region, buffers: sync.Pool{New: func() any {
		b := make([]byte, 0, 2048)
		return &b
	}}}
}

// UnknownKey is the error for an access key that does not exist.
func UnknownKey(accessKey string) error {
	return s3err.New(s3err.InvalidAccessKeyId, s3err.Field{Name: "AWSAccessKeyId", Value: accessKey})
}

// maxKept is the largest buffer that is kept for the next request.
const maxKept = 16 << 10

// Check checks a's signature with the secret of a.AccessKey, then its time. Anonymous passes.
func (v *Verifier) Check(a *Auth, secret string) error {
	if a.Kind == Anonymous {
		return nil
	}
	key, hit := v.keys.get(a.AccessKey, secret, a.Scope)
	buf := v.buffers.Get().(*[]byte)
	err := a.check(&key, buf)
	if cap(*buf) <= maxKept {
		v.buffers.Put(buf)
	}
	if err != nil {
		return err
	}
	a.key = key
	if !hit {
		v.keys.put(a.AccessKey, secret, a.Scope, key)
	}
	if a.late != nil {
		return a.late
	}
	return nil
}

func (a *Auth) check(key *[32]byte, buf *[]byte) error {
	if a.Kind == Form {
		if a.matches(key, []byte(a.policy)) {
			return nil
		}
		return a.mismatch(a.policy, "")
	}
	c := canonical{r: a.r, query: a.r.URL.RawQuery, presigned: a.Kind == Query, signed: a.signed, hash: a.hash}
	b, err := c.append((*buf)[:0])
	if err != nil {
		return err
	}
	n := len(b)
	b = a.appendStringToSign(b, n)
	*buf = b
	if a.matches(key, b[n:]) {
		return nil
	}
	if a.matchesAsSent(key, c) {
		return nil
	}
	return a.mismatch(string(b[n:]), string(b[:n]))
}

// matchesAsSent tries the path just as it was sent, if that is not its canonical encoding: some
// clients sign it so. Both encodings decode to the same path, so the meaning is signed
// either way.
func (a *Auth) matchesAsSent(key *[32]byte, c canonical) bool {
	c.path = a.r.URL.EscapedPath()
	if c.path == "" || c.path == string(appendPath(nil, a.r.URL.Path)) {
		return false
	}
	b, err := c.append(nil)
	if err != nil {
		return false
	}
	n := len(b)
	b = a.appendStringToSign(b, n)
	return a.matches(key, b[n:])
}

// appendStringToSign writes the string to sign of the canonical request dst[:n] behind it.
func (a *Auth) appendStringToSign(dst []byte, n int) []byte {
	sum := sha256.Sum256(dst[:n])
	dst = append(dst, algorithm...)
	dst = append(dst, '\n')
	dst = append(dst, a.stamp...)
	dst = append(dst, '\n')
	for _, s := range [...]string{a.Scope.Date, a.Scope.Region, a.Scope.Service} {
		dst = append(dst, s...)
		dst = append(dst, '/')
	}
	dst = append(dst, terminal...)
	dst = append(dst, '\n')
	return hex.AppendEncode(dst, sum[:])
}

func (a *Auth) matches(key *[32]byte, text []byte) bool {
	want := sign(key, text)
	return len(a.signature) == len(want) && subtle.ConstantTimeCompare(want[:], []byte(a.signature)) == 1
}

// mismatch tells the client what was signed here, as AWS does, so that it can compare.
func (a *Auth) mismatch(stringToSign, request string) error {
	e := s3err.New(s3err.SignatureDoesNotMatch,
		s3err.Field{Name: "AWSAccessKeyId", Value: a.AccessKey},
		s3err.Field{Name: "StringToSign", Value: stringToSign},
		s3err.Field{Name: "SignatureProvided", Value: a.signature},
		s3err.Field{Name: "StringToSignBytes", Value: spaced(stringToSign)})
	if request == "" {
		return e
	}
	return e.With("CanonicalRequest", request).With("CanonicalRequestBytes", spaced(request))
}

// spaced returns the bytes of s in hexadecimal with spaces between.
func spaced(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if i > 0 {
			b.WriteByte(' ')
		}
		fmt.Fprintf(&b, "%02x", s[i])
	}
	return b.String()
}
