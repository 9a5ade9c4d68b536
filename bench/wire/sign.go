package wire

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"sort"
	"strings"
	"time"
)

// Key is an S3 key pair.
type Key struct{ ID, Secret string }

// Unsigned is the payload hash of a request whose body is not signed.
const Unsigned = "UNSIGNED-PAYLOAD"

// Header is one header field of a request; names are written as given.
type Header struct{ Name, Value string }

// signer signs requests of one key on one day; it keeps the derived key and its buffers.
type signer struct {
	key    Key
	region string
	day    string
	mac    hash.Hash
	buf    []byte
}

const service = "s3"

// derive makes the signing key of a day.
func (s *signer) derive(day string) {
	key := []byte("AWS4" + s.key.Secret)
	for _, step := range []string{day, s.region, service, "aws4_request"} {
		m := hmac.New(sha256.New, key)
		m.Write([]byte(step))
		key = m.Sum(nil)
	}
	s.day, s.mac = day, hmac.New(sha256.New, key)
}

// sign appends the signing headers of a request to dst. signed are headers beyond host
// whose names begin with x-amz-, in any order.
func (s *signer) sign(dst []byte, r *Request, host string, now time.Time) []byte {
	stamp := now.UTC().Format("20060102T150405Z")
	if day := stamp[:8]; day != s.day {
		s.derive(day)
	}
	payload := r.PayloadHash
	if payload == "" {
		payload = Unsigned
	}
	signed := []Header{{"host", host}, {"x-amz-content-sha256", payload}, {"x-amz-date", stamp}}
	for _, h := range r.Headers {
		if name := strings.ToLower(h.Name); strings.HasPrefix(name, "x-amz-") || name == "content-md5" {
			signed = append(signed, Header{name, strings.TrimSpace(h.Value)})
		}
	}
	if len(signed) > 3 {
		sort.Slice(signed, func(i, j int) bool { return signed[i].Name < signed[j].Name })
	}
	names, sum := s.canonical(r, signed, payload)
	scope := s.day + "/" + s.region + "/" + service + "/aws4_request"
	s.mac.Reset()
	s.mac.Write([]byte("AWS4-HMAC-SHA256\n" + stamp + "\n" + scope + "\n"))
	s.mac.Write(sum)
	dst = append(dst, "x-amz-date: "+stamp+"\r\nx-amz-content-sha256: "+payload+"\r\nAuthorization: AWS4-HMAC-SHA256 Credential="+
		s.key.ID+"/"+scope+", SignedHeaders="+names+", Signature="...)
	dst = hex.AppendEncode(dst, s.mac.Sum(s.buf[:0]))
	return append(dst, "\r\n"...)
}

// canonical returns the names of the signed headers and the hexadecimal hash of the
// canonical request.
func (s *signer) canonical(r *Request, signed []Header, payload string) (names string, sum []byte) {
	b := s.buf[:0]
	b = append(b, r.Method...)
	b = append(b, '\n')
	b = append(b, r.Path...)
	b = append(b, '\n')
	b = append(b, canonicalQuery(r.Query)...)
	b = append(b, '\n')
	list := make([]string, len(signed))
	for i, h := range signed {
		b = append(b, h.Name...)
		b = append(b, ':')
		b = append(b, h.Value...)
		b = append(b, '\n')
		list[i] = h.Name
	}
	names = strings.Join(list, ";")
	b = append(b, '\n')
	b = append(b, names...)
	b = append(b, '\n')
	b = append(b, payload...)
	s.buf = b
	h := sha256.Sum256(b)
	return names, hex.AppendEncode(nil, h[:])
}

// canonicalQuery sorts the parameters and gives each an equals sign.
func canonicalQuery(query string) string {
	if query == "" {
		return ""
	}
	parts := strings.Split(query, "&")
	for i, p := range parts {
		if !strings.Contains(p, "=") {
			parts[i] = p + "="
		}
	}
	sort.Strings(parts)
	return strings.Join(parts, "&")
}

// Escape writes s as a path does: all but unreserved bytes and slashes become %XX.
func Escape(s string) string { return escape(s, true) }

// EscapeQuery writes s as the value of a query parameter.
func EscapeQuery(s string) string { return escape(s, false) }

func escape(s string, slash bool) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9',
			c == '-', c == '.', c == '_', c == '~', c == '/' && slash:
			b.WriteByte(c)
		default:
			b.WriteByte('%')
			b.WriteByte(digits[c>>4])
			b.WriteByte(digits[c&15])
		}
	}
	return b.String()
}
