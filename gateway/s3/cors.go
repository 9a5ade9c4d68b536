package s3

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"rhizome/gateway/s3/s3err"
	"rhizome/model/object"
)

// Limits of a CORS configuration; the first two are AWS's.
const (
	maxCORS        = 64 << 10 // bytes of the document
	maxRules       = 100
	maxAskedFor    = 128 // headers that a browser asks for at once
	corsRoot       = "CORSConfiguration"
	askMethod      = "Access-Control-Request-Method"
	askHeaders     = "Access-Control-Request-Headers"
	varyCORS       = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"
	corsNotEnabled = "CORSResponse: CORS is not enabled for this bucket."
)

// corsMethods are those that a rule may allow.
var corsMethods = []string{http.MethodGet, http.MethodPut, http.MethodHead, http.MethodPost, http.MethodDelete}

func getCORS(q *request) error {
	rules := q.bucket.Settings.CORS
	if len(rules) == 0 {
		return s3err.New(s3err.NoSuchCORSConfiguration, s3err.Field{Name: "BucketName", Value: q.bucketName})
	}
	d := newDoc(corsRoot)
	for i := range rules {
		d.rule(&rules[i])
	}
	return q.xml(http.StatusOK, d, corsRoot)
}

func (d *doc) rule(r *object.CORSRule) {
	d.begin("CORSRule")
	d.some("ID", r.ID)
	for _, l := range []struct {
		name string
		of   []string
	}{{"AllowedMethod", r.Methods}, {"AllowedOrigin", r.Origins}, {"AllowedHeader", r.Headers}, {"ExposeHeader", r.Expose}} {
		for _, v := range l.of {
			d.text(l.name, v)
		}
	}
	if r.MaxAge >= 0 {
		d.int("MaxAgeSeconds", int64(r.MaxAge))
	}
	d.end("CORSRule")
}

func putCORS(q *request) error {
	body, err := q.document(maxCORS, false)
	if err != nil {
		return err
	}
	root, err := parseXML(body, corsRoot)
	if err != nil {
		return err
	}
	rules, err := readCORS(root)
	if err != nil {
		return err
	}
	return q.change(http.StatusOK, func(s *object.Settings) error {
		s.CORS = rules
		return nil
	})
}

func deleteCORS(q *request) error {
	return q.change(http.StatusNoContent, func(s *object.Settings) error {
		s.CORS = nil
		return nil
	})
}

func readCORS(root *node) ([]object.CORSRule, error) {
	var out []object.CORSRule
	for _, n := range root.kids {
		if n.name != "CORSRule" {
			return nil, malformed(nil)
		}
		r := object.CORSRule{MaxAge: -1}
		for _, k := range n.kids {
			if err := readRule(&r, k.name, strings.TrimSpace(k.text)); err != nil {
				return nil, err
			}
		}
		if len(r.Methods) == 0 || len(r.Origins) == 0 {
			return nil, malformed(nil)
		}
		out = append(out, r)
	}
	if len(out) == 0 || len(out) > maxRules {
		return nil, malformed(nil)
	}
	return out, nil
}

// readRule reads one element of a rule.
func readRule(r *object.CORSRule, name, v string) error {
	switch name {
	case "ID":
		if len(v) > 255 || r.ID != "" {
			return malformed(nil)
		}
		r.ID = v
	case "AllowedMethod":
		if !slices.Contains(corsMethods, v) {
			return s3err.Newf(s3err.InvalidRequest, "Found unsupported HTTP method in CORS config. Unsupported method is %s", v)
		}
		r.Methods = append(r.Methods, v)
	case "AllowedOrigin":
		r.Origins = append(r.Origins, v)
		return oneWildcard(name, v)
	case "AllowedHeader":
		r.Headers = append(r.Headers, v)
		return oneWildcard(name, v)
	case "ExposeHeader":
		if strings.Contains(v, "*") {
			return s3err.Newf(s3err.InvalidRequest, "ExposeHeader %q contains wildcard. We currently do not support wildcard for ExposeHeader.", v)
		}
		r.Expose = append(r.Expose, v)
		return headerName("AllowedHeader", v) // as AWS words it
	case "MaxAgeSeconds":
		n, err := strconv.ParseInt(v, 10, 32)
		if err != nil || n < 0 || r.MaxAge >= 0 {
			return malformed(nil)
		}
		r.MaxAge = int(n)
	default:
		return malformed(nil)
	}
	return nil
}

func oneWildcard(name, v string) error {
	if strings.Count(v, "*") > 1 {
		return s3err.Newf(s3err.InvalidRequest, "%s %q can not have more than one wildcard.", name, v)
	}
	if name == "AllowedHeader" {
		return headerName(name, v)
	}
	return printable(v)
}

// headerName refuses what is no name of a header, * for any part of one.
func headerName(element, v string) error {
	if !isToken(v) {
		return s3err.Newf(s3err.InvalidRequest, "%s \"%s\" contains invalid character.", element, v)
	}
	return nil
}

// isToken reports whether s is a token of RFC 9110.
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0) {
			return false
		}
	}
	return s != ""
}

// printable refuses what cannot stand in a header.
func printable(v string) error {
	for i := range len(v) {
		if v[i] <= ' ' || v[i] > '~' || v[i] == ',' {
			return malformed(nil)
		}
	}
	if v == "" {
		return malformed(nil)
	}
	return nil
}

// preflight answers a browser that asks what a page may do. It needs no key: what it
// tells is what the bucket's rules say.
func preflight(q *request) error {
	h := q.r.Header
	origin, method := h.Get("Origin"), h.Get(askMethod)
	switch {
	case origin == "":
		return s3err.Newf(s3err.BadRequest, "Insufficient information. Origin request header needed.")
	case !slices.Contains(corsMethods, method):
		return s3err.Newf(s3err.BadRequest, "Invalid Access-Control-Request-Method: %s", method)
	}
	asked, err := askedFor(h)
	if err != nil {
		return err
	}
	b, err := q.lookup(q.bucketName)
	if err != nil {
		return err
	}
	if len(b.Settings.CORS) == 0 {
		return s3err.Newf(s3err.AccessForbidden, corsNotEnabled)
	}
	r, pattern := object.FindCORS(b.Settings.CORS, origin, method, asked)
	if r == nil || len(asked) > maxAskedFor {
		return s3err.New(s3err.AccessForbidden)
	}
	q.allowOrigin(r, pattern, origin)
	q.some("Access-Control-Allow-Headers", strings.Join(asked, ", "))
	q.set("Content-Length", "0")
	q.reply(http.StatusOK)
	return nil
}

// askedFor returns the headers that a browser asks for, in lower case, a few too many at
// most.
func askedFor(h http.Header) (out []string, err error) {
	for _, line := range h[askHeaders] {
		for name := range strings.SplitSeq(line, ",") {
			if trimmed := strings.TrimSpace(name); trimmed != "" && !isToken(trimmed) {
				return nil, s3err.Newf(s3err.BadRequest, "Access-Control-Request-Headers \"%s\" contains invalid character.", name)
			}
			if name = strings.ToLower(strings.TrimSpace(name)); name != "" && len(out) <= maxAskedFor {
				out = append(out, name)
			}
		}
	}
	return out, nil
}

// allowOrigin sets the headers of an answer to a page that a rule allows.
func (q *request) allowOrigin(r *object.CORSRule, pattern, origin string) {
	for _, h := range r.Answer(pattern, origin) {
		q.set(h[0], h[1])
	}
	q.set("Vary", varyCORS)
}

// shareWithPage sets the headers that let a page of another origin see the answer, if the
// bucket's rules allow it.
func (q *request) shareWithPage() {
	origin := q.r.Header.Get("Origin")
	if origin == "" || q.bucket == nil || q.r.Method == http.MethodOptions {
		return
	}
	if r, pattern := object.FindCORS(q.bucket.Settings.CORS, origin, q.r.Method, nil); r != nil {
		q.allowOrigin(r, pattern, origin)
	}
}

// findPage looks the bucket up for the answer to a page whose request was refused before
// that: without the bucket's rules a browser does not even tell the page why.
func (q *request) findPage(e *s3err.Error) {
	if q.bucket != nil || q.bucketName == "" || e.Status >= http.StatusInternalServerError || q.r.Header.Get("Origin") == "" ||
		q.r.Method == http.MethodOptions {
		return
	}
	if b, err := q.lookup(q.bucketName); err == nil {
		q.bucket = b
	}
}
