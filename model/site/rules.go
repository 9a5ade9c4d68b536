package site

import (
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"

	"rhizome/model/object"
)

const maxRules = 50 // as AWS has it

// Asked is what a redirect is worked out from: the host that was asked for, and the key,
// which is the path without its first slash.
type Asked struct {
	Host, Key, Query string
}

// RedirectAll returns where a site sends every visitor.
func RedirectAll(t *object.SiteTarget, a Asked) (location string, status int) {
	return locate(t, a, "")
}

// Rule returns where S3's routing rules send a visitor; "" if nowhere. status is that of
// the error which the request would be answered with, 0 before that is known: rules that
// name an error are asked then, the others before.
func Rule(rules []object.SiteRule, a Asked, status int) (location string, code int) {
	for i := range rules {
		r := &rules[i]
		if r.Status == status && strings.HasPrefix(a.Key, r.Prefix) {
			return locate(&r.To, a, r.Prefix)
		}
	}
	return "", 0
}

func locate(t *object.SiteTarget, a Asked, prefix string) (string, int) {
	path := escaped(a.Key)
	switch {
	case t.Key != nil:
		path = printed(*t.Key)
	case t.Prefix != nil:
		path = printed(*t.Prefix) + escaped(strings.TrimPrefix(a.Key, prefix))
	}
	path = "/" + strings.TrimLeft(path, "/\\")
	if a.Query != "" && !strings.ContainsAny(path, "?#") {
		path += "?" + printed(a.Query)
	}
	code := t.Status
	if code == 0 {
		code = http.StatusMovedPermanently
	}
	host := t.Host
	if host == "" && t.Protocol != "" {
		host = a.Host
	}
	switch {
	case host == "":
		return path, code
	case t.Protocol == "": // the one that the visitor used
		return "//" + host + path, code
	}
	return t.Protocol + "://" + host + path, code
}

func escaped(key string) string { return (&url.URL{Path: key}).EscapedPath() }

// printed is what an owner wrote, with ? and # as they are, but nothing that could not
// stand in a header.
func printed(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c > '~' || strings.IndexByte("\"<>\\^`{|}", c) >= 0 {
			b.WriteString("%" + strings.ToUpper(hex.EncodeToString([]byte{c})))
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
