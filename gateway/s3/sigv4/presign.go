package sigv4

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"rhizome/base/errs"
)

// Credentials sign requests.
type Credentials struct {
	AccessKey, Secret string
	Region            string // "" is DefaultRegion
}

func (c Credentials) scope(now time.Time) Scope {
	s := Scope{Date: now.UTC().Format(dateFormat), Region: c.Region, Service: service}
	if s.Region == "" {
		s.Region = DefaultRegion
	}
	return s
}

// signedNames lists Host and all of h, as SignedHeaders does.
func signedNames(h http.Header) string {
	names := []string{"host"}
	for n := range h {
		if n != "Host" && n != "Authorization" {
			names = append(names, strings.ToLower(n))
		}
	}
	slices.Sort(names)
	return strings.Join(names, ";")
}

// withHost returns r with the Host that r will be sent with.
func withHost(r *http.Request) *http.Request {
	if r.Host != "" {
		return r
	}
	n := *r
	n.Host = r.URL.Host
	return &n
}

// sign signs c as a, whose stamp and scope are set.
func (a *Auth) sign(c canonical, secret string) (string, error) {
	b, err := c.append(nil)
	if err != nil {
		return "", err
	}
	n := len(b)
	key := signingKey(secret, a.Scope)
	s := sign(&key, a.appendStringToSign(b, n)[n:])
	return string(s[:]), nil
}

// Presign returns the URL of r with a signature in its query that is good from now for
// expires, 1 s to MaxExpires, else errs.Invalid. Host and all of r.Header are signed:
// whoever uses the URL must send those headers. r is not changed.
func Presign(r *http.Request, c Credentials, now time.Time, expires time.Duration) (string, error) {
	if expires < time.Second || expires > MaxExpires {
		return "", errs.New(errs.Invalid, "a link can be good for one second to seven days")
	}
	a := Auth{Scope: c.scope(now), stamp: now.UTC().Format(timeFormat), signed: signedNames(r.Header)}
	params, err := splitQuery(nil, r.URL.RawQuery)
	if err != nil {
		return "", err
	}
	for _, p := range [...]param{
		{"X-Amz-Algorithm", algorithm},
		{"X-Amz-Credential", c.AccessKey + "/" + a.Scope.String()},
		{"X-Amz-Date", a.stamp},
		{"X-Amz-Expires", strconv.Itoa(int(expires / time.Second))},
		{"X-Amz-SignedHeaders", a.signed},
	} {
		params = append(params, param{p.name, string(appendEscaped(nil, p.value, false))})
	}
	var query strings.Builder
	for _, p := range params {
		query.WriteString(p.name + "=" + p.value + "&")
	}
	raw := strings.TrimSuffix(query.String(), "&")
	hash := r.Header.Get("X-Amz-Content-Sha256")
	if hash == "" {
		hash = UnsignedPayload
	}
	s, err := a.sign(canonical{r: withHost(r), query: raw, signed: a.signed, hash: hash}, c.Secret)
	if err != nil {
		return "", err
	}
	u := url.URL{Scheme: r.URL.Scheme, Host: r.URL.Host}
	return u.String() + string(appendPath(nil, r.URL.Path)) + "?" + raw + "&X-Amz-Signature=" + s, nil
}

// Sign signs r in its Authorization header, over Host and all of r.Header, having set
// X-Amz-Date and X-Amz-Content-Sha256 (to payload: UnsignedPayload or the hexadecimal
// SHA-256 of the body). r's path should be sent in canonical encoding.
func Sign(r *http.Request, c Credentials, payload string, now time.Time) error {
	a := Auth{Scope: c.scope(now), stamp: now.UTC().Format(timeFormat)}
	r.Header.Set("X-Amz-Date", a.stamp)
	r.Header.Set("X-Amz-Content-Sha256", payload)
	a.signed = signedNames(r.Header)
	s, err := a.sign(canonical{r: withHost(r), query: r.URL.RawQuery, signed: a.signed, hash: payload}, c.Secret)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", algorithm+" Credential="+c.AccessKey+"/"+a.Scope.String()+
		", SignedHeaders="+a.signed+", Signature="+s)
	return nil
}
