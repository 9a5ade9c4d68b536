package sigv4

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"rhizome/gateway/s3/s3err"
)

type queryKind uint8

const (
	noAuth queryKind = iota
	v2Auth
	v4Auth
)

// queryAuth tells whether a raw query carries a signature.
func queryAuth(raw string) queryKind {
	kind := noAuth
	for raw != "" {
		var pair string
		pair, raw, _ = strings.Cut(raw, "&")
		name, _, _ := strings.Cut(pair, "=")
		name, _ = reencode(name)
		switch {
		case isParam(name, qAlgorithm), isParam(name, qCredential), isParam(name, qSignature):
			return v4Auth
		case name == "AWSAccessKeyId", name == "Signature":
			kind = v2Auth
		}
	}
	return kind
}

func queryError(format string, args ...any) error {
	return s3err.Newf(s3err.AuthorizationQueryParametersError, format, args...)
}

// The parameters of a presigned URL.
const (
	qAlgorithm = iota
	qCredential
	qDate
	qExpires
	qSignedHeaders
	qSignature
	qToken
	qHash
	qCount
)

var queryNames = [qCount]string{"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires",
	"X-Amz-SignedHeaders", "X-Amz-Signature", "X-Amz-Security-Token", "X-Amz-Content-Sha256"}

// isParam reports whether name is the parameter, in any case, as S3 takes it.
func isParam(name string, param int) bool {
	n := queryNames[param]
	return len(name) == len(n) && strings.EqualFold(name, n)
}

// signingParams picks the parameters of the signature out of a raw query.
func signingParams(raw string) (p [qCount]string, err error) {
	var seen [qCount]bool
	for raw != "" {
		var pair string
		pair, raw, _ = strings.Cut(raw, "&")
		name, value, _ := strings.Cut(pair, "=")
		name, _ = reencode(name)
		for i, n := range queryNames {
			if !isParam(name, i) {
				continue
			}
			if seen[i] {
				return p, queryError("%s must be given only once.", n)
			}
			seen[i] = true
			if p[i], err = url.QueryUnescape(value); err != nil {
				return p, s3err.New(s3err.InvalidURI, s3err.Field{Name: "URI", Value: pair})
			}
		}
	}
	for _, v := range p[:qSignature+1] {
		if v == "" {
			return p, queryError("Query-string authentication version 4 requires the X-Amz-Algorithm, " +
				"X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.")
		}
	}
	if seen[qToken] {
		return p, s3err.New(s3err.InvalidToken)
	}
	return p, nil
}

func (v *Verifier) parseQuery(r *http.Request, now time.Time) (*Auth, error) {
	p, err := signingParams(r.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	if p[qAlgorithm] != algorithm {
		return nil, queryError("X-Amz-Algorithm only supports %q", algorithm)
	}
	a := &Auth{Kind: Query, r: r, signed: p[qSignedHeaders], signature: p[qSignature], stamp: p[qDate]}
	if err := v.credential(a, p[qCredential], queryErrors); err != nil {
		return nil, err
	}
	ok := false
	if a.Time, ok = parseStamp(a.stamp); !ok {
		return nil, queryError(`X-Amz-Date must be in the ISO8601 Long Format "yyyyMMdd'T'HHmmss'Z'"`)
	}
	if a.Scope.Date != a.stamp[:8] {
		return nil, queryError(`Invalid credential date "%s". This date is not the same as X-Amz-Date: "%s".`,
			a.Scope.Date, a.stamp[:8])
	}
	if err := a.lifetime(p[qExpires], now); err != nil {
		return nil, err
	}
	return a, a.queryPayload(r.Header, p[qHash])
}

// lifetime reads X-Amz-Expires and refuses a time outside: no secret is needed to see it.
func (a *Auth) lifetime(expires string, now time.Time) error {
	seconds, err := strconv.ParseInt(expires, 10, 64)
	switch {
	case err != nil:
		return queryError("X-Amz-Expires should be a number")
	case seconds < 0:
		return queryError("X-Amz-Expires must be non-negative")
	case seconds > int64(MaxExpires/time.Second):
		return queryError("X-Amz-Expires must be less than a week (in seconds); that is, " +
			"the given X-Amz-Expires must be less than 604800 seconds")
	}
	end := a.Time.Add(time.Duration(seconds) * time.Second)
	a.Expires = time.Duration(seconds) * time.Second
	serverTime := s3err.Field{Name: "ServerTime", Value: now.UTC().Format(time.RFC3339)}
	ends := s3err.Field{Name: "Expires", Value: end.Format(time.RFC3339)}
	switch {
	case a.Time.Sub(now) > MaxSkew:
		e := s3err.Newf(s3err.AccessDenied, "Request is not valid yet.")
		e.Fields = []s3err.Field{{Name: "X-Amz-Date", Value: strconv.FormatInt(a.Time.UnixMilli(), 10)}, ends, serverTime}
		return e
	case seconds == 0 || now.After(end):
		e := s3err.Newf(s3err.AccessDenied, "Request has expired.")
		e.Fields = []s3err.Field{{Name: "X-Amz-Expires", Value: expires}, ends, serverTime}
		return e
	}
	return nil
}

// queryPayload finds how the body of a presigned request is covered: as the query says,
// else as a header says, else not at all.
func (a *Auth) queryPayload(h http.Header, hash string) (err error) {
	if len(h["X-Amz-Security-Token"]) > 0 {
		return s3err.New(s3err.InvalidToken)
	}
	said, err := single(h, "X-Amz-Content-Sha256")
	switch a.hash = hash; {
	case err != nil:
		return err
	case hash == "":
		a.hash = said
	case said != "" && said != hash:
		return s3err.Argument("x-amz-content-sha256", said, "The header is not what the query says.")
	}
	if a.hash == "" {
		a.hash = UnsignedPayload
	}
	if a.Payload, err = parsePayload(a.hash); err != nil {
		return err
	}
	return a.covers(h)
}
