package s3

import (
	"net/http"
	"slices"
	"strings"

	"rhizome/gateway/s3/s3err"
)

// index finds routes by scope and method.
type index [scopes]map[string][]route

func newIndex(routes []route) index {
	var x index
	for i := range x {
		x[i] = map[string][]route{}
	}
	for _, r := range routes {
		x[r.Scope][r.Method] = append(x[r.Scope][r.Method], r)
	}
	return x
}

// find returns the route of a request, or why there is none.
func (x *index) find(s scope, r *http.Request, q query) (*route, error) {
	routes := x[s][r.Method]
	for i := range routes {
		if routes[i].fits(r, q) {
			return &routes[i], nil
		}
	}
	if len(routes) > 0 && s == bucket && r.Method == http.MethodPost {
		return nil, notImplemented("This sub-resource is not implemented.")
	}
	return nil, s3err.New(s3err.MethodNotAllowed,
		s3err.Field{Name: "Method", Value: r.Method}, s3err.Field{Name: "ResourceType", Value: s.String()})
}

func (t *route) fits(r *http.Request, q query) bool {
	return (t.Sub == "" || q.has(t.Sub)) && (t.Header == "" || len(r.Header[t.Header]) > 0)
}

// allow lists the methods that a scope has, for the Allow header.
func (x *index) allow(s scope) string {
	var methods []string
	for m := range x[s] {
		methods = append(methods, m)
	}
	slices.Sort(methods)
	return strings.Join(methods, ", ")
}

func notImplemented(why string) *s3err.Error { return s3err.Newf(s3err.NotImplemented, "%s", why) }
