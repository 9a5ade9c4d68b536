package site

import (
	"net"
	"strings"

	"golang.org/x/net/publicsuffix"

	"rhizome/base/errs"
)

// CheckHost refuses what cannot be the name of a site: labels of [a-z0-9-] of at most 63
// bytes, two at least, together at most 253, and no address. Names that are not ASCII
// are given as browsers send them (xn--).
func CheckHost(name string) error {
	labels := strings.Split(name, ".")
	ok := len(name) <= 253 && len(labels) > 1 && net.ParseIP(name) == nil
	for _, l := range labels {
		ok = ok && isLabel(l)
	}
	if last := labels[len(labels)-1]; ok && strings.Trim(last, "0123456789") == "" {
		ok = false
	}
	if !ok {
		return errs.Newf(errs.Invalid, "%q is no name for a site: it is written like example.org, in lower case and with a dot. A name with accents is written in the form that begins with xn--, which a browser shows once it went there", name)
	}
	return nil
}

func isLabel(l string) bool {
	if l == "" || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' {
		return false
	}
	for i := range len(l) {
		if c := l[i]; c != '-' && (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// Host returns the name in a Host header: lower case, without port and final dot; "" if
// it is none that could lead to a site.
func Host(header string) string {
	h := header
	if i := strings.LastIndexByte(h, ':'); i >= 0 && strings.IndexByte(h, ']') < 0 {
		h = h[:i]
	}
	h = strings.ToLower(strings.TrimSuffix(h, "."))
	if len(h) > 253 {
		return ""
	}
	for l := range strings.SplitSeq(h, ".") {
		if !isLabel(l) {
			return ""
		}
	}
	return h
}

// Companion returns www.NAME for the bare name of a domain, the bare one for that, and ""
// for every other name.
func Companion(name string) string {
	bare, www := strings.CutPrefix(name, "www.")
	if top, err := publicsuffix.EffectiveTLDPlusOne(bare); err != nil || top != bare {
		return ""
	}
	if www {
		return bare
	}
	return "www." + bare
}
