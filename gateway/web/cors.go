package web

import (
	"net/http"
	"strings"

	"rhizome/model/object"
)

const (
	askMethod  = "Access-Control-Request-Method"
	askHeaders = "Access-Control-Request-Headers"
	maxAsked   = 128
)

// preflight answers OPTIONS: to a browser, by the bucket's CORS configuration.
func (v *visit) preflight() error {
	h := v.w.Header()
	origin, method := v.r.Header.Get("Origin"), v.r.Header.Get(askMethod)
	if origin == "" || method == "" {
		h.Set("Allow", methods)
		v.w.WriteHeader(http.StatusNoContent)
		return nil
	}
	var asked []string
	for _, line := range v.r.Header[askHeaders] {
		for name := range strings.SplitSeq(line, ",") {
			if name = strings.ToLower(strings.TrimSpace(name)); name != "" && len(asked) <= maxAsked {
				asked = append(asked, name)
			}
		}
	}
	r, pattern := object.FindCORS(v.at.Settings.CORS, origin, method, asked)
	if r == nil || len(asked) > maxAsked || method != http.MethodGet && method != http.MethodHead {
		return v.plainError(http.StatusForbidden)
	}
	v.allow(r, pattern, origin)
	if len(asked) > 0 {
		h.Set("Access-Control-Allow-Headers", strings.Join(asked, ", "))
	}
	v.w.WriteHeader(http.StatusNoContent)
	return nil
}

// shareWithPage lets a page of another origin see the answer, if the bucket's rules do.
func (v *visit) shareWithPage() {
	if len(v.at.Settings.CORS) == 0 {
		return
	}
	v.w.Header().Add("Vary", "Origin")
	origin := v.r.Header.Get("Origin")
	if origin == "" {
		return
	}
	if r, pattern := object.FindCORS(v.at.Settings.CORS, origin, v.r.Method, nil); r != nil {
		v.allow(r, pattern, origin)
	}
}

func (v *visit) allow(r *object.CORSRule, pattern, origin string) {
	for _, h := range r.Answer(pattern, origin) {
		v.w.Header().Set(h[0], h[1])
	}
}
