package events

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"

	"rhizome/base/errs"
	"rhizome/model/hook"
)

// Bounds of one call.
const (
	attemptTime = 10 * time.Second
	maxAnswer   = 64 << 10
)

// Headers of a POST.
const (
	SignatureHeader = "X-Rhizome-Signature"
	IDHeader        = "X-Rhizome-Event-Id"
)

func newClient() *http.Client {
	return &http.Client{
		Timeout: attemptTime,
		Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, TLSHandshakeTimeout: attemptTime, MaxIdleConnsPerHost: InFlight,
			IdleConnTimeout: time.Minute, ResponseHeaderTimeout: attemptTime, MaxResponseHeaderBytes: maxAnswer},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// errRefused says that a webhook answered and does not want this very event as it is.
var errRefused = errors.New("the webhook refuses the event")

// post posts a body once.
func (d *Deliverer) post(ctx context.Context, w *hook.Webhook, id string, body []byte) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL, bytes.NewReader(body))
	if err != nil {
		return errs.New(errs.Invalid, "the address is no URL")
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "rhizome")
	r.Header.Set(IDHeader, id)
	r.Header.Set(SignatureHeader, Signature(w.Secret, d.Clock.Now(), body))
	resp, err := d.http.Do(r)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err // the address may hold a secret
		}
		return errs.Newf(errs.Unavailable, "the webhook cannot be reached: %w", err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxAnswer)) // what it says is not needed
	switch s := resp.StatusCode; {
	case s >= 200 && s < 300:
		return nil
	case s == http.StatusBadRequest, s == http.StatusRequestEntityTooLarge, s == http.StatusUnsupportedMediaType, s == http.StatusUnprocessableEntity:
		return errs.Newf(errs.Denied, "the webhook answered %d: %w", s, errRefused)
	default:
		return errs.Newf(errs.Unavailable, "the webhook answered %d", s)
	}
}
