package sigv4

import (
	"net/http"
	"slices"
	"strings"

	"rhizome/gateway/s3/s3err"
)

// wording is how the errors about a credential begin, by where it stands.
type wording struct {
	code   s3err.Code
	prefix string
}

var (
	headerErrors = wording{s3err.AuthorizationHeaderMalformed, "The authorization header is malformed; "}
	queryErrors  = wording{s3err.AuthorizationQueryParametersError, "Error parsing the X-Amz-Credential parameter; "}
	formErrors   = wording{s3err.InvalidArgument, ""}
)

func (w wording) fail(format string, args ...any) *s3err.Error {
	return s3err.Newf(w.code, w.prefix+format, args...)
}

func (w wording) malformed() error {
	return w.fail(`the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".`)
}

// credential reads "KEY/yyyymmdd/region/s3/aws4_request" into a and checks its scope.
func (v *Verifier) credential(a *Auth, s string, w wording) error {
	var parts [4]string // from the right, because a key may hold a slash
	rest := s
	for i := len(parts) - 1; i >= 0; i-- {
		n := strings.LastIndexByte(rest, '/')
		if n < 0 {
			return w.malformed()
		}
		rest, parts[i] = rest[:n], rest[n+1:]
	}
	a.AccessKey = rest
	a.Scope = Scope{Date: parts[0], Region: parts[1], Service: parts[2]}
	switch {
	case strings.Count(s, "/") > len(parts) && (parts[3] != terminal || parts[2] != service):
		return w.malformed() // a key with a slash, or too much of it
	case rest == "":
		return w.fail("a non-empty Access Key (AKID) must be provided in the credential.")
	case len(rest) > maxAccessKey:
		return w.fail("the Access Key (AKID) is longer than %d bytes.", maxAccessKey)
	case parts[3] != terminal:
		return w.fail("incorrect terminal %q. This endpoint uses %q.", parts[3], terminal)
	case parts[2] != service:
		return w.fail("incorrect service %q. This endpoint belongs to %q.", parts[2], service)
	case parts[1] == "" || v.region != "" && parts[1] != v.region:
		return w.fail("the region '%s' is wrong; expecting '%s'", parts[1], v.expected()).With("Region", v.expected())
	case len(parts[0]) != len(dateFormat) || strings.Trim(parts[0], "0123456789") != "":
		return w.fail(`incorrect date format %q. This date in the credential must be in the format "yyyyMMdd".`, parts[0])
	}
	return nil
}

func (v *Verifier) expected() string {
	if v.region == "" {
		return DefaultRegion
	}
	return v.region
}

// covers checks that SignedHeaders names Host and every x-amz-* header that is there. Those
// that the signature covers anyway, the hash and the time, may be left out.
func (a *Auth) covers(h http.Header) error {
	if strings.Count(a.signed, ";") >= maxSignedHeaders {
		return s3err.Newf(s3err.InvalidRequest, "More than %d headers are signed.", maxSignedHeaders)
	}
	var missing []string
	if !names(a.signed, "host") {
		missing = append(missing, "host")
	}
	for name := range h {
		if len(name) < 6 || name[:6] != "X-Amz-" || name == "X-Amz-Content-Sha256" || name == "X-Amz-Date" {
			continue
		}
		if !names(a.signed, name) {
			missing = append(missing, strings.ToLower(name))
		}
	}
	if missing == nil {
		return nil
	}
	slices.Sort(missing)
	return s3err.Newf(s3err.AccessDenied, "There were headers present in the request which were not signed").
		With("HeadersNotSigned", strings.Join(missing, ", "))
}

// names reports whether the list of signed headers has name, in any case.
func names(signed, name string) bool {
	for signed != "" {
		var s string
		s, signed, _ = strings.Cut(signed, ";")
		if len(s) == len(name) && strings.EqualFold(s, name) {
			return true
		}
	}
	return false
}
