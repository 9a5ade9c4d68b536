package sigv4

import (
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"strings"

	"rhizome/gateway/s3/s3err"
)

const upperHex = "0123456789ABCDEF"

func unreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		c == '-' || c == '.' || c == '_' || c == '~'
}

// appendEscaped percent-encodes s as S3 does; slash keeps '/' as it is.
func appendEscaped(dst []byte, s string, slash bool) []byte {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if unreserved(c) || slash && c == '/' {
			dst = append(dst, c)
			continue
		}
		dst = append(dst, '%', upperHex[c>>4], upperHex[c&15])
	}
	return dst
}

// appendPath writes the canonical URI: the decoded path encoded once. Dot segments and
// doubled slashes are parts of a key and stay.
func appendPath(dst []byte, path string) []byte {
	if path == "" {
		return append(dst, '/')
	}
	return appendEscaped(dst, path, true)
}

// param is one query parameter, both sides in canonical encoding.
type param struct{ name, value string }

func (p param) compare(o param) int {
	if c := strings.Compare(p.name, o.name); c != 0 {
		return c
	}
	return strings.Compare(p.value, o.value)
}

// splitQuery appends the parameters of a raw query to dst in canonical encoding and order.
// As in HTML forms '+' is a space; a name without '=' has an empty value.
func splitQuery(dst []param, raw string) ([]param, error) {
	for raw != "" {
		var pair string
		pair, raw, _ = strings.Cut(raw, "&")
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		n, ok1 := reencode(name)
		v, ok2 := reencode(value)
		if !ok1 || !ok2 {
			return nil, s3err.New(s3err.InvalidURI, s3err.Field{Name: "URI", Value: pair})
		}
		dst = append(dst, param{n, v})
	}
	slices.SortFunc(dst, param.compare)
	return dst, nil
}

// reencode returns the canonical encoding of an encoded query piece.
func reencode(s string) (string, bool) {
	i := 0
	for i < len(s) && unreserved(s[i]) {
		i++
	}
	if i == len(s) {
		return s, true
	}
	dst := append(make([]byte, 0, len(s)+16), s[:i]...)
	for ; i < len(s); i++ {
		c := s[i]
		switch {
		case unreserved(c):
			dst = append(dst, c)
			continue
		case c == '+':
			c = ' '
		case c == '%':
			if i+2 >= len(s) {
				return "", false
			}
			hi, lo := unhex(s[i+1]), unhex(s[i+2])
			if hi > 15 || lo > 15 {
				return "", false
			}
			c = hi<<4 | lo
			i += 2
		}
		if unreserved(c) {
			dst = append(dst, c)
		} else {
			dst = append(dst, '%', upperHex[c>>4], upperHex[c&15])
		}
	}
	return string(dst), true
}

// unhex returns the value of a hexadecimal digit, 255 for another byte.
func unhex(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	}
	return 255
}

// appendQuery writes the canonical query string, without X-Amz-Signature if presigned.
func appendQuery(dst []byte, raw string, presigned bool) ([]byte, error) {
	if raw == "" {
		return dst, nil
	}
	var array [16]param
	params, err := splitQuery(array[:0], raw)
	if err != nil {
		return nil, err
	}
	first := true
	for _, p := range params {
		if presigned && isParam(p.name, qSignature) {
			continue
		}
		if !first {
			dst = append(dst, '&')
		}
		first = false
		dst = append(dst, p.name...)
		dst = append(dst, '=')
		dst = append(dst, p.value...)
	}
	return dst, nil
}

// headerValues looks a header up by its lower-case name, among those too that net/http
// takes out of the map. It does not allocate for the usual ones.
func headerValues(r *http.Request, name string, one *[1]string) []string {
	var buf [64]byte
	if len(name) > len(buf) {
		return r.Header[textproto.CanonicalMIMEHeaderKey(name)]
	}
	upper := true
	for i := 0; i < len(name); i++ {
		c := name[i]
		if upper && 'a' <= c && c <= 'z' {
			c -= 'a' - 'A'
		}
		buf[i] = c
		upper = c == '-'
	}
	if v, ok := r.Header[string(buf[:len(name)])]; ok {
		return v
	}
	switch name {
	case "host":
		one[0] = r.Host
	case "content-length":
		if r.ContentLength < 0 {
			return nil
		}
		one[0] = strconv.FormatInt(r.ContentLength, 10)
	case "transfer-encoding":
		return r.TransferEncoding
	default:
		return nil
	}
	return one[:]
}

// appendHeaders writes the canonical headers named in signed, in its order. A header that
// is absent has an empty value.
func appendHeaders(dst []byte, r *http.Request, signed string) []byte {
	for signed != "" {
		var name string
		var one [1]string
		name, signed, _ = strings.Cut(signed, ";")
		dst = append(dst, name...)
		dst = append(dst, ':')
		for i, v := range headerValues(r, name, &one) {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendTrimmed(dst, v)
		}
		dst = append(dst, '\n')
	}
	return dst
}

// appendTrimmed writes v without outer spaces, inner runs of them and of tabs made one
// space. A single tab stays.
func appendTrimmed(dst []byte, v string) []byte {
	v = strings.Trim(v, " \t")
	for i := 0; i < len(v); i++ {
		if blank(v[i]) && blank(v[i-1]) {
			dst[len(dst)-1] = ' '
			continue
		}
		dst = append(dst, v[i])
	}
	return dst
}

func blank(c byte) bool { return c == ' ' || c == '\t' }

// canonical is all of a request that a signature is over.
type canonical struct {
	r         *http.Request
	path      string // in canonical encoding; "" encodes r.URL.Path
	query     string // raw
	presigned bool
	signed    string // header names
	hash      string
}

// append writes the canonical request.
func (c canonical) append(dst []byte) ([]byte, error) {
	dst = append(dst, c.r.Method...)
	dst = append(dst, '\n')
	if c.path != "" {
		dst = append(dst, c.path...)
	} else {
		dst = appendPath(dst, c.r.URL.Path)
	}
	dst = append(dst, '\n')
	dst, err := appendQuery(dst, c.query, c.presigned)
	if err != nil {
		return nil, err
	}
	dst = append(dst, '\n')
	dst = appendHeaders(dst, c.r, c.signed)
	dst = append(dst, '\n')
	dst = append(dst, c.signed...)
	dst = append(dst, '\n')
	return append(dst, c.hash...), nil
}
