package accesslog

import (
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Record is one line. A text that is empty, and a number below 0, is unknown.
type Record struct {
	Bucket    string
	Time      time.Time // when the request came
	Remote    string    // the client's address, without port
	Requester string    // empty: anybody
	Request   string    // its ID
	Operation string    // as REST.GET.OBJECT
	Key       string
	// Method, URI and Proto are the first line of the request; without a Method there was none.
	Method, URI, Proto string
	Status             int
	Error              string
	Sent               int64 // bytes of the answer's body
	Size               int64 // of the object
	// Took is from the first byte of the request to the last of the answer, Turn from the last
	// of the request to the first of the answer.
	Took, Turn      time.Duration
	Referer, Agent  string
	Version         string // the version that was asked for
	HostID          string
	Signature, Auth string // SigV4; AuthHeader or QueryString
	Cipher, TLS     string
	Host            string // the header
}

// maxField is how many bytes of a client's words a line holds.
const maxField = 8 << 10

// timeForm is how a line says when.
const timeForm = "[02/Jan/2006:15:04:05 -0700]"

// appendLine appends the line without its first field, which is the bucket's owner.
func (r *Record) appendLine(b []byte) []byte {
	b = appendWord(b, r.Bucket)
	b = r.Time.UTC().AppendFormat(append(b, ' '), timeForm)
	for _, w := range [...]string{r.Remote, r.Requester, r.Request, r.Operation, escapeKey(hidden(r.Key))} {
		b = appendWord(append(b, ' '), w)
	}
	line := ""
	if r.Method != "" {
		line = r.Method + " " + withoutSecrets(r.URI) + " " + r.Proto
	}
	b = appendQuoted(append(b, ' '), line)
	b = appendNumber(b, int64(r.Status), r.Status > 0)
	b = appendWord(append(b, ' '), r.Error)
	b = appendNumber(b, r.Sent, r.Sent > 0)
	b = appendNumber(b, r.Size, r.Size >= 0)
	b = appendNumber(b, r.Took.Milliseconds(), r.Took >= 0)
	b = appendNumber(b, r.Turn.Milliseconds(), r.Turn >= 0)
	b = appendQuoted(append(b, ' '), strings.ReplaceAll(withoutSecrets(r.Referer), " ", "%20"))
	b = appendQuoted(append(b, ' '), r.Agent)
	// There are no access points, no ACLs that decide, and no regions that requests come from.
	for _, w := range [...]string{r.Version, r.HostID, r.Signature, r.Cipher, r.Auth, r.Host, r.TLS, "", "", ""} {
		b = appendWord(append(b, ' '), w)
	}
	return append(b, '\n')
}

func appendNumber(b []byte, n int64, known bool) []byte {
	if b = append(b, ' '); !known {
		return append(b, '-')
	}
	return strconv.AppendInt(b, n, 10)
}

// appendWord appends a field that has no quotes: so it has neither space nor line end.
func appendWord(b []byte, s string) []byte {
	if s == "" {
		return append(b, '-')
	}
	return appendSafe(b, s, true)
}

// appendQuoted appends a field in quotes, in which no other quote is.
func appendQuoted(b []byte, s string) []byte {
	if s == "" {
		s = "-"
	}
	return append(appendSafe(append(b, '"'), s, false), '"')
}

const hexDigits = "0123456789ABCDEF"

// appendSafe appends what a client says: what could end a field or a line, and what is not
// ASCII, is percent-encoded.
func appendSafe(b []byte, s string, word bool) []byte {
	if len(s) > maxField {
		s = s[:maxField]
	}
	for i := range len(s) {
		c := s[i]
		if c < ' ' || c >= 0x7f || c == '"' || word && c == ' ' {
			b = append(b, '%', hexDigits[c>>4], hexDigits[c&15])
			continue
		}
		b = append(b, c)
	}
	return b
}

// escapeKey percent-encodes a key but for its slashes.
func escapeKey(key string) string {
	return strings.ReplaceAll(strings.ReplaceAll(url.QueryEscape(key), "+", "%20"), "%2F", "/")
}

// secrets are the parameters of a query that let whoever has them do something.
var secrets = [...]string{"x-amz-signature", "x-amz-security-token", "signature",
	"x-amz-server-side-encryption-customer-key", "x-amz-copy-source-server-side-encryption-customer-key"}

// withoutSecrets returns a URI whose query names signatures and does not hold them.
func withoutSecrets(uri string) string {
	i := strings.IndexByte(uri, '?')
	if i < 0 {
		return hidden(uri)
	}
	params := strings.Split(uri[i+1:], "&")
	for j, p := range params {
		name, value, _ := strings.Cut(p, "=")
		if isSecret(name, value) {
			params[j] = name + "=-"
		}
	}
	return hidden(uri[:i]) + "?" + strings.Join(params, "&")
}

// hidden returns a path or a key, and "-" for one with a signature in it: of a link whose question
// mark was encoded.
func hidden(path string) string {
	lower := plain(path)
	for _, s := range secrets[:2] {
		if strings.Contains(lower, s+"=") {
			return "-"
		}
	}
	return path
}

// isSecret reports whether a parameter is a signature, or another address with one in it,
// however often that is encoded.
func isSecret(name, value string) bool {
	name = plain(name)
	for _, s := range secrets {
		if name == s {
			return true
		}
	}
	name, value = name+" ", plain(value)
	for _, s := range secrets[:2] {
		if strings.Contains(name, s) || strings.Contains(value, s) {
			return true
		}
	}
	return strings.Contains(value, "?signature=") || strings.Contains(value, "&signature=")
}

// plain undoes percent-encoding as often as it takes, and returns lower case. What is not
// encoded right is left as it is there.
func plain(s string) string {
	for range 8 {
		if strings.IndexByte(s, '%') < 0 {
			break
		}
		next := unescape(s)
		if next == s {
			break
		}
		s = next
	}
	return strings.ToLower(s)
}

func unescape(s string) string {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				out = append(out, byte(n))
				i += 2
				continue
			}
		}
		out = append(out, s[i])
	}
	return string(out)
}
