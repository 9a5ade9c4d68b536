package sigv4

import (
	"time"

	"rhizome/gateway/s3/s3err"
)

// ParseForm reads how a browser's POST is signed from its fields, by lower-case name.
// What is signed is the field "policy" as sent; whether that policy is still good is the
// caller's to check. Without any signing field the form is Anonymous.
func (v *Verifier) ParseForm(field func(name string) (string, bool), now time.Time) (*Auth, error) {
	names := [...]string{"policy", "x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature"}
	var f [len(names)]string
	given := 0
	for i, n := range names {
		if s, ok := field(n); ok {
			f[i] = s
			given++
		}
	}
	if _, old := field("awsaccesskeyid"); old {
		return nil, errOldSignature()
	}
	if given == 0 {
		return &Auth{}, nil
	}
	if _, token := field("x-amz-security-token"); token {
		return nil, s3err.New(s3err.InvalidToken)
	}
	for i, n := range names {
		if _, ok := field(n); f[i] == "" && !(ok && i == 0) { // an empty policy is a bad one
			return nil, s3err.Argument(n, "", "Bucket POST must contain a field named '"+n+
				"'.  If it is specified, please check the order of the fields.")
		}
	}
	if f[1] != algorithm {
		return nil, s3err.Argument("X-Amz-Algorithm", f[1], "Only "+algorithm+" is supported")
	}
	a := &Auth{Kind: Form, policy: f[0], stamp: f[3], signature: f[4]}
	if err := v.credential(a, f[2], formErrors); err != nil {
		return nil, s3err.Argument(names[2], f[2], s3err.As(err).Message)
	}
	var ok bool
	if a.Time, ok = parseStamp(a.stamp); !ok || a.Scope.Date != a.stamp[:8] {
		return nil, s3err.Argument("X-Amz-Date", f[3], "X-Amz-Date must be formated via ISO8601 Long format")
	}
	if a.Time.Sub(now) > MaxSkew {
		a.late = s3err.New(s3err.RequestTimeTooSkewed)
	}
	return a, nil
}
