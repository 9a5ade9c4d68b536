package s3

import (
	"net/url"
	"strings"
	"unicode/utf8"

	"rhizome/gateway/s3/s3err"
)

// maxParams bounds the number of query parameters.
const maxParams = 64

type param struct{ name, value string }

// query is a decoded query string, in the order sent.
type query []param

// parseQuery decodes raw. Unlike url.ParseQuery it makes no map and takes a
// semicolon as a character.
func parseQuery(raw string) (query, error) {
	if raw == "" {
		return nil, nil
	}
	if strings.Count(raw, "&") >= maxParams {
		return nil, s3err.Newf(s3err.InvalidRequest, "The query string has more than %d parameters.", maxParams)
	}
	q := make(query, 0, 8)
	for raw != "" {
		var pair string
		pair, raw, _ = strings.Cut(raw, "&")
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		n, err1 := url.QueryUnescape(name)
		v, err2 := url.QueryUnescape(value)
		if err1 != nil || err2 != nil || !utf8.ValidString(n) || !utf8.ValidString(v) {
			return nil, s3err.New(s3err.InvalidURI)
		}
		q = append(q, param{n, v})
	}
	return q, nil
}

// has reports whether the parameter is there, with or without a value.
func (q query) has(name string) bool {
	for i := range q {
		if q[i].name == name {
			return true
		}
	}
	return false
}

// get returns the first value of the parameter, "" without one.
func (q query) get(name string) string {
	for i := range q {
		if q[i].name == name {
			return q[i].value
		}
	}
	return ""
}
