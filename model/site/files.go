package site

import (
	"net/http"
	"net/textproto"
	"strconv"
	"strings"

	"rhizome/base/errs"
)

// The files with which a generator's output says more than its files do, in Netlify's
// format: https://docs.netlify.com/routing/redirects/ and .../headers/ (November 2026).
const (
	RedirectsFile = "_redirects"
	HeadersFile   = "_headers"
	maxLines      = 1000
	maxRuleFile   = 256 << 10
)

// Redirect is a line of _redirects. In From a path's last part may be * and any :name; To
// has :splat and :name for them.
type Redirect struct {
	From   string `cbor:"1,keyasint"`
	To     string `cbor:"2,keyasint"`
	Status int    `cbor:"3,keyasint"`
	// Force: also where there is a file.
	Force bool `cbor:"4,keyasint,omitempty"`
}

// Headers are lines of _headers: what is added to answers for the paths that fit Path.
type Headers struct {
	Path   string      `cbor:"1,keyasint"`
	Fields [][2]string `cbor:"2,keyasint"`
}

// ParseRedirects reads a _redirects file; a line that is not understood is an error that
// names it.
func ParseRedirects(text []byte) ([]Redirect, error) {
	var out []Redirect
	if len(text) > maxRuleFile {
		return nil, errs.Newf(errs.TooLarge, "%s has more than %d bytes", RedirectsFile, maxRuleFile)
	}
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		line, _, _ = strings.Cut(strings.TrimSpace(line), " #")
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		r, err := parseRedirect(words)
		if err != nil {
			return nil, errs.Newf(errs.Invalid, "%s, line %d: %w", RedirectsFile, n, err)
		}
		if out = append(out, r); len(out) > maxLines {
			return nil, errs.Newf(errs.TooLarge, "%s has more than %d rules", RedirectsFile, maxLines)
		}
	}
	return out, nil
}

func parseRedirect(words []string) (r Redirect, err error) {
	if len(words) < 2 || len(words) > 3 || !strings.HasPrefix(words[1], "/") && !isURL(words[1]) {
		return r, errs.New(errs.Invalid, "it is written as: FROM TO STATUS; conditions and queries are not understood")
	}
	r = Redirect{From: words[0], To: words[1], Status: http.StatusMovedPermanently}
	if err := checkPattern(r.From); err != nil {
		return r, err
	}
	if len(words) == 3 {
		var status string
		status, r.Force = strings.CutSuffix(words[2], "!")
		if r.Status, err = strconv.Atoi(status); err != nil {
			return r, errs.Newf(errs.Invalid, "%q is no status", words[2])
		}
	}
	switch r.Status {
	case 301, 302, 303, 307, 308:
	case 200, 404:
		if isURL(r.To) {
			return r, errs.New(errs.Invalid, "pages of other sites are not fetched: only redirected to")
		}
	default:
		return r, errs.Newf(errs.Invalid, "the status %d is not understood", r.Status)
	}
	return r, nil
}

func isURL(s string) bool { return strings.HasPrefix(s, "https://") || strings.HasPrefix(s, "http://") }

func checkPattern(p string) error {
	if !strings.HasPrefix(p, "/") || strings.ContainsAny(p, "?#") || strings.Contains(strings.TrimSuffix(p, "*"), "*") ||
		strings.HasSuffix(p, "*") && !strings.HasSuffix(p, "/*") {
		return errs.Newf(errs.Invalid, "%q is no path with at most one * as its last part", p)
	}
	return nil
}

// fits reports whether a pattern stands for a path, and what its names stand for.
// There is a map only if there are names: most rules fit nothing.
func fits(pattern, p string) (names map[string]string, ok bool) {
	stands := func(name, what string) {
		if names == nil {
			names = map[string]string{}
		}
		names[name] = what
	}
	for {
		if pattern == "/*" {
			stands("splat", strings.TrimPrefix(p, "/"))
			return names, true
		}
		if pattern == "" || p == "" {
			return names, strings.Trim(pattern, "/") == "" && strings.Trim(p, "/") == ""
		}
		var part, here string
		part, pattern = cutPart(pattern)
		here, p = cutPart(p)
		if name, named := strings.CutPrefix(part, ":"); named && name != "" && here != "" {
			stands(name, here)
		} else if part != here {
			return nil, false
		}
	}
}

// cutPart takes the first part off a path, which begins with a slash.
func cutPart(p string) (part, rest string) {
	p = p[1:]
	if i := strings.IndexByte(p, '/'); i >= 0 {
		return p[:i], p[i:]
	}
	return p, ""
}

// Redirected returns the first rule that fits a path, with its names filled in; nil if
// there is none. With force, only rules that count before files do.
func (m *Manifest) Redirected(p string, force bool) *Redirect {
	for i := range m.Redirects {
		if force && !m.Redirects[i].Force {
			continue
		}
		if names, ok := fits(m.Redirects[i].From, p); ok {
			r := m.Redirects[i]
			r.To = fill(r.To, names)
			return &r
		}
	}
	return nil
}

// fill puts what the names stand for into a target: :splat, :name.
func fill(to string, names map[string]string) string {
	head := ""
	if i := strings.Index(to, "://"); i >= 0 {
		head, to = to[:i+3], to[i+3:]
	}
	var b strings.Builder
	for to != "" {
		n := 1
		if to[0] == ':' {
			for n < len(to) && isToken(to[n:n+1]) && to[n] != '-' {
				n++
			}
		}
		if v, known := names[to[1:n]]; known && n > 1 {
			b.WriteString(escaped(v))
		} else {
			b.WriteString(to[:n])
		}
		to = to[n:]
	}
	tail := b.String()
	if head == "" {
		tail = "/" + strings.TrimLeft(tail, "/\\")
	}
	return head + printed(tail)
}

// ParseHeaders reads a _headers file.
func ParseHeaders(text []byte) ([]Headers, error) {
	if len(text) > maxRuleFile {
		return nil, errs.Newf(errs.TooLarge, "%s has more than %d bytes", HeadersFile, maxRuleFile)
	}
	var out []Headers
	n, fields := 0, 0
	for line := range strings.Lines(string(text)) {
		n++
		trimmed := strings.TrimSpace(line)
		if trimmed == "" || strings.HasPrefix(trimmed, "#") {
			continue
		}
		var err error
		if line[0] != ' ' && line[0] != '\t' {
			err = checkPattern(trimmed)
			out = append(out, Headers{Path: trimmed})
		} else if err = addField(out, trimmed); err == nil {
			fields++
		}
		if err == nil && (len(out) > maxLines || fields > maxLines) {
			err = errs.New(errs.TooLarge, "there are too many rules")
		}
		if err != nil {
			return nil, errs.Newf(errs.Invalid, "%s, line %d: %w", HeadersFile, n, err)
		}
	}
	return out, nil
}

func addField(to []Headers, line string) error {
	name, value, ok := strings.Cut(line, ":")
	name, value = textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(name)), strings.TrimSpace(value)
	switch {
	case !ok || len(to) == 0 || !isToken(name) || value != printable(value):
		return errs.New(errs.Invalid, "a path is followed by lines with NAME: VALUE, which begin with a space")
	case !mayBeSet(name):
		return errs.Newf(errs.Invalid, "%s is the server's to say", name)
	}
	last := &to[len(to)-1]
	last.Fields = append(last.Fields, [2]string{name, value})
	return nil
}

// mayBeSet refuses what belongs to the connection or to the bytes.
func mayBeSet(name string) bool {
	switch name {
	case "Connection", "Content-Length", "Transfer-Encoding", "Upgrade", "Trailer", "Te", "Keep-Alive", "Proxy-Connection", "Date", "Server",
		"Content-Encoding", "Content-Range", "Accept-Ranges", "Etag", "Last-Modified", "Vary", "Location", "Set-Cookie", "Age", "Allow":
		return false
	}
	return true
}

func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return s != ""
}

func printable(s string) string {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return ""
		}
	}
	return s
}

// HeadersOf returns what is added to the answer for a path.
func (m *Manifest) HeadersOf(p string) (out [][2]string) {
	for i := range m.Headers {
		if _, ok := fits(m.Headers[i].Path, p); ok {
			out = append(out, m.Headers[i].Fields...)
		}
	}
	return out
}
