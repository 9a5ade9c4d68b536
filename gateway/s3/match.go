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
	if err := misread(s, r, q); err != nil {
		return nil, err
	}
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

// misread refuses sub-resources of one thing that are asked of another, in S3's words.
func misread(s scope, r *http.Request, q query) error {
	if s != anObject || len(q) == 0 {
		return nil
	}
	switch {
	case r.Method == http.MethodGet && q.has("uploads"):
		return s3err.Newf(s3err.InvalidRequest, "Key is not expected for the GET method ?uploads subresource")
	case r.Method == http.MethodGet && q.has("versions"):
		return s3err.Newf(s3err.InvalidRequest, "There is no such thing as the ?versions sub-resource for a key")
	case r.Method != http.MethodPut || q.has("partNumber") == q.has("uploadId"):
		return nil
	case q.has("partNumber"):
		return s3err.Argument("partNumber", "partNumber", "This operation does not accept partNumber without uploadId")
	}
	return s3err.New(s3err.MethodNotAllowed, s3err.Field{Name: "Method", Value: r.Method}, s3err.Field{Name: "ResourceType", Value: "UPLOAD"})
}

// tooLong refuses a header with more in it than AWS takes.
func (q *request) tooLong() error {
	size := 0
	for name, values := range q.r.Header {
		for _, v := range values {
			size += len(name) + len(v)
		}
	}
	if size > maxFields {
		return s3err.New(s3err.RequestHeaderSectionTooLarge, s3err.Field{Name: "MaxSizeAllowed", Value: itoa(maxFields)})
	}
	return nil
}

// misplaced refuses a header that means something only where it does not stand.
func (q *request) misplaced() error {
	from := q.r.Header[copySource]
	if len(from) == 0 {
		return nil
	}
	switch m := q.r.Method; {
	case m == http.MethodGet, m == http.MethodHead, m == http.MethodDelete, m == http.MethodPost && q.query.has("uploadId"):
		return s3err.Argument("x-amz-copy-source", from[0], "You can only specify a copy source header for copy requests.")
	}
	return nil
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
