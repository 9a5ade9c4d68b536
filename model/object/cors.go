package object

import (
	"slices"
	"strconv"
	"strings"
)

// FindCORS returns the first rule that allows a method to pages of an origin, which may
// send the headers, given in lower case; nil if there is none. pattern is the origin as
// the rule has it.
func FindCORS(rules []CORSRule, origin, method string, headers []string) (r *CORSRule, pattern string) {
	for i := range rules {
		r := &rules[i]
		at := slices.IndexFunc(r.Origins, func(p string) bool { return fitsStar(p, origin) })
		if at >= 0 && slices.Contains(r.Methods, method) && !slices.ContainsFunc(headers, func(h string) bool { return !r.takes(h) }) {
			return r, r.Origins[at]
		}
	}
	return nil, ""
}

// takes reports whether a rule allows a header, given in lower case.
func (r *CORSRule) takes(header string) bool {
	return slices.ContainsFunc(r.Headers, func(p string) bool { return fitsStar(strings.ToLower(p), header) })
}

// fitsStar reports whether a pattern with at most one * stands for s.
func fitsStar(pattern, s string) bool {
	before, after, wild := strings.Cut(pattern, "*")
	if !wild {
		return pattern == s
	}
	return len(s) >= len(before)+len(after) && strings.HasPrefix(s, before) && strings.HasSuffix(s, after)
}

// Answer returns the headers of an answer to a page of an origin that the rule allows by a pattern.
func (r *CORSRule) Answer(pattern, origin string) [][2]string {
	const allow = "Access-Control-Allow-"
	out := [][2]string{{allow + "Methods", strings.Join(r.Methods, ", ")}}
	if pattern == "*" {
		out = append(out, [2]string{allow + "Origin", "*"})
	} else {
		out = append(out, [2]string{allow + "Origin", origin}, [2]string{allow + "Credentials", "true"})
	}
	if len(r.Expose) > 0 {
		out = append(out, [2]string{"Access-Control-Expose-Headers", strings.Join(r.Expose, ", ")})
	}
	if r.MaxAge >= 0 {
		out = append(out, [2]string{"Access-Control-Max-Age", strconv.Itoa(r.MaxAge)})
	}
	return out
}
