package sigv4

import (
	"context"
	"net/http"
	"time"
)

// lookup returns the secret of an access key.
type lookup func(ctx context.Context, accessKey string) (secret string, err error)

// verify is Parse, find and Check in one.
func (v *Verifier) verify(r *http.Request, now time.Time, find lookup) (*Auth, error) {
	a, err := v.Parse(r, now)
	if err != nil || a.Kind == Anonymous {
		return a, err
	}
	secret, err := find(r.Context(), a.AccessKey)
	if err != nil {
		return nil, err
	}
	if err := v.Check(a, secret); err != nil {
		return nil, err
	}
	return a, nil
}
