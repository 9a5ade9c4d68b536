package alarm

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"

	"rhizome/base/errs"
)

// Bounds of one call.
const (
	attempts    = 5
	attemptTime = 10 * time.Second
	firstPause  = time.Second // twice as long after each attempt
	maxAnswer   = 64 << 10
)

// poster posts to one address.
type poster struct {
	address string
	http    *http.Client
	pause   time.Duration
}

func newPoster(address string) *poster {
	return &poster{address, &http.Client{
		Timeout:       attemptTime,
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true, TLSHandshakeTimeout: attemptTime},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, firstPause}
}

// send posts body until it is taken, a few times.
func (p *poster) send(ctx context.Context, body []byte) (err error) {
	pause := p.pause
	for i := range attempts {
		var again bool
		if again, err = p.once(ctx, body); err == nil || !again || i == attempts-1 {
			return err
		}
		timer := time.NewTimer(pause)
		pause *= 2
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
	return err
}

// once makes one attempt, and says whether another may help.
func (p *poster) once(ctx context.Context, body []byte) (again bool, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.address, bytes.NewReader(body))
	if err != nil {
		return false, errs.New(errs.Invalid, "the address is no URL")
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "rhizome")
	resp, err := p.http.Do(r)
	if err != nil {
		return true, errs.Newf(errs.Unavailable, "the address cannot be reached: %w", hide(err))
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxAnswer)) // what it says is not needed
	switch s := resp.StatusCode; {
	case s >= 200 && s < 300:
		return false, nil
	case s == http.StatusRequestTimeout, s == http.StatusTooManyRequests, s >= 500:
		return true, errs.Newf(errs.Unavailable, "the address answered %d", s)
	default:
		return false, errs.Newf(errs.Denied, "the address answered %d", s)
	}
}

// hide takes the address, which may hold a secret, out of an error.
func hide(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
