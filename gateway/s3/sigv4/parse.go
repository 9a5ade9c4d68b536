package sigv4

import (
	"net/http"
	"strings"
	"time"

	"rhizome/gateway/s3/s3err"
)

// Parse reads how r is signed and checks all that needs no secret: shape, algorithm,
// scope, that all that must be signed is named, and that a presigned URL is good by now.
// Whether the time of other requests is right it finds
// out too, but Check says so, after the signature, as S3 does. A request without any
// signature is Anonymous, no error. r must not change before Check.
func (v *Verifier) Parse(r *http.Request, now time.Time) (*Auth, error) {
	auth := r.Header["Authorization"]
	if len(auth) == 1 && auth[0] == "" {
		auth = nil
	}
	query := queryAuth(r.URL.RawQuery)
	switch {
	case len(auth) > 1, len(auth) == 1 && query != noAuth:
		return nil, s3err.Argument("Authorization", strings.Join(auth, ","),
			"Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, "+
				"Signature query string parameter or the Authorization header should be specified")
	case len(auth) == 1:
		return v.parseHeader(r, auth[0], now)
	case query == v4Auth:
		return v.parseQuery(r, now)
	case query == v2Auth:
		return nil, errOldSignature()
	}
	return parseAnonymous(r)
}

func parseAnonymous(r *http.Request) (*Auth, error) {
	value, err := single(r.Header, "X-Amz-Content-Sha256")
	if err != nil {
		return nil, err
	}
	p, err := parsePayload(value)
	if err != nil {
		return nil, err
	}
	if p.Mode.Signed() {
		return nil, s3err.Newf(s3err.InvalidRequest, "Anonymous requests don't support this x-amz-content-sha256 value. Please use UNSIGNED-PAYLOAD or STREAMING-UNSIGNED-PAYLOAD-TRAILER.")
	}
	return &Auth{Payload: p, r: r}, nil
}

func errOldSignature() error {
	return s3err.Newf(s3err.InvalidRequest,
		"The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.")
}

// single returns the value of a header that may be there once only.
func single(h http.Header, name string) (string, error) {
	v := h[name]
	switch len(v) {
	case 0:
		return "", nil
	case 1:
		return v[0], nil
	}
	return "", s3err.Argument(strings.ToLower(name), strings.Join(v, ","), "The header may be given only once.")
}

func (v *Verifier) parseHeader(r *http.Request, value string, now time.Time) (*Auth, error) {
	scheme, rest, apart := strings.Cut(value, " ")
	switch {
	case !apart:
		return nil, s3err.Argument("Authorization", value, "Authorization header is invalid -- one and only one ' ' (space) required.")
	case scheme == algorithm:
	case scheme == "AWS" || strings.HasPrefix(scheme, "AWS4-"):
		return nil, errOldSignature()
	default:
		return nil, s3err.Argument("Authorization", scheme, "Unsupported Authorization Type")
	}
	if len(r.Header["X-Amz-Security-Token"]) > 0 {
		return nil, s3err.New(s3err.InvalidToken)
	}
	a := &Auth{Kind: Header, r: r}
	credential, err := a.splitHeader(rest)
	if err != nil {
		return nil, err
	}
	if err := v.credential(a, credential, headerErrors); err != nil {
		return nil, err
	}
	if err := a.headerTime(r.Header, now); err != nil {
		return nil, err
	}
	if a.Scope.Date != a.stamp[:8] {
		return nil, headerErrors.fail("Invalid credential date. Date is not the same as X-Amz-Date.") // S3's words, which differ for a URL
	}
	return a, a.headerPayload(r.Header)
}

// splitHeader reads "Credential=…, SignedHeaders=…, Signature=…" and returns the first.
func (a *Auth) splitHeader(s string) (credential string, err error) {
	count := 0
	for s != "" {
		var part string
		part, s, _ = strings.Cut(s, ",")
		part = strings.TrimSpace(part)
		name, value, ok := strings.Cut(part, "=")
		if !ok {
			return "", headerErrors.fail("the authorization component %q is malformed.", part)
		}
		count++
		dst := &credential
		switch name {
		case "Credential":
		case "SignedHeaders":
			dst = &a.signed
		case "Signature":
			dst = &a.signature
		default:
			continue // AWS passes over it, and misses one of the three
		}
		if *dst != "" {
			return "", headerErrors.fail("%s is given twice.", name)
		}
		*dst = value
	}
	if count != 3 {
		return "", headerErrors.fail("the authorization header requires three components: " +
			"Credential, SignedHeaders, and Signature.")
	}
	for _, c := range [...][2]string{{"Credential", credential}, {"SignedHeaders", a.signed}, {"Signature", a.signature}} {
		if c[1] == "" {
			return "", headerErrors.fail("missing %s.", c[0])
		}
	}
	return credential, nil
}

// headerTime reads X-Amz-Date, or Date without it.
func (a *Auth) headerTime(h http.Header, now time.Time) error {
	value, err := single(h, "X-Amz-Date")
	if err != nil {
		return err
	}
	ok := false
	if value != "" {
		a.Time, ok = parseStamp(value)
		a.stamp = value
	} else if a.Time, ok = parseDate(h.Get("Date")); ok {
		a.stamp = a.Time.Format(timeFormat)
	}
	if !ok {
		return s3err.Newf(s3err.AccessDenied, "AWS authentication requires a valid Date or x-amz-date header.")
	}
	if d := now.Sub(a.Time); d > MaxSkew || d < -MaxSkew {
		a.late = s3err.New(s3err.RequestTimeTooSkewed,
			s3err.Field{Name: "RequestTime", Value: a.stamp},
			s3err.Field{Name: "ServerTime", Value: now.UTC().Format(time.RFC3339)},
			s3err.Field{Name: "MaxAllowedSkewMilliseconds", Value: "900000"})
	}
	return nil
}

func parseDate(s string) (time.Time, bool) {
	if t, ok := parseStamp(s); ok {
		return t, true
	}
	t, err := http.ParseTime(s)
	return t.UTC(), err == nil
}

// parseStamp reads yyyymmddThhmmssZ. It is by hand because time.Parse takes a tenth of
// a verification.
func parseStamp(s string) (time.Time, bool) {
	if len(s) != len(timeFormat) || s[8] != 'T' || s[15] != 'Z' {
		return time.Time{}, false
	}
	num := func(i, n int) int {
		x := 0
		for _, c := range []byte(s[i : i+n]) {
			if c < '0' || c > '9' {
				return -1
			}
			x = 10*x + int(c-'0')
		}
		return x
	}
	year, month, day := num(0, 4), num(4, 2), num(6, 2)
	hour, minute, second := num(9, 2), num(11, 2), num(13, 2)
	if year < 0 || month < 1 || month > 12 || day < 1 || hour < 0 || hour > 23 ||
		minute < 0 || minute > 59 || second < 0 || second > 59 {
		return time.Time{}, false
	}
	t := time.Date(year, time.Month(month), day, hour, minute, second, 0, time.UTC)
	return t, t.Day() == day
}

// headerPayload reads x-amz-content-sha256, which a signed request must have.
func (a *Auth) headerPayload(h http.Header) (err error) {
	if a.hash, err = single(h, "X-Amz-Content-Sha256"); err != nil {
		return err
	}
	if a.hash == "" {
		return s3err.Newf(s3err.InvalidRequest, "Missing required header for this request: x-amz-content-sha256")
	}
	if a.Payload, err = parsePayload(a.hash); err != nil {
		return err
	}
	return a.covers(h)
}
