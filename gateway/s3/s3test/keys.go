package s3test

import (
	"maps"
	"time"

	"rhizome/gateway/s3"
	"rhizome/model/account"
)

// limit gives a key an end and a rate.
func (e *env) limit(c *client, expires time.Time, rate int) {
	e.Helper()
	id := c.cred.AccessKey
	keys := maps.Clone(e.keys)
	k := *keys[id]
	k.Expires, k.Rate = expires, rate
	keys[id] = &k
	if e.accounts == nil {
		e.keys = keys
		e.serve(s3.Config{Objects: e.service})
		return
	}
	if _, err := e.accounts.Expire(e.Context(), id, expires); err != nil {
		e.Fatal(err)
	}
	if _, err := e.accounts.SetRate(e.Context(), id, rate); err != nil {
		e.Fatal(err)
	}
}

func testKeyExpiry(e *env) {
	e.put("k")
	e.limit(e.alice, e.clock.Now().Add(time.Minute), 0)
	link := e.presign("GET", "/alpha/k")
	e.alice.do("GET", "/alpha/k", "").is(200)
	e.clock.Advance(time.Minute - time.Second)
	e.alice.do("PUT", "/alpha/k", "x").is(200)
	e.nobody.do("GET", link, "").is(200)
	e.clock.Advance(time.Second)
	for _, method := range []string{"GET", "PUT", "DELETE"} {
		e.alice.do(method, "/alpha/k", "").is(400, "ExpiredToken")
	}
	e.nobody.do("GET", link, "").is(400, "ExpiredToken")
	// Who does not know the secret is not told.
	stranger := e.client(e.alice.cred.AccessKey)
	stranger.cred.Secret = "another"
	stranger.do("GET", "/alpha/k", "").is(403, "SignatureDoesNotMatch")
	e.limit(e.alice, time.Time{}, 0)
	e.alice.do("GET", "/alpha/k", "").is(200).holds("x")
}

func testKeyRate(e *env) {
	e.put("k")
	e.limit(e.alice, time.Time{}, 3)
	e.alice.do("GET", "/alpha/k", "").is(200)
	e.alice.do("PUT", "/alpha/k", "x").is(200)
	e.alice.do("DELETE", "/alpha/none", "").is(204)
	for _, method := range []string{"GET", "PUT", "DELETE"} {
		if r := e.alice.do(method, "/alpha/k", "").is(503, "SlowDown"); r.header.Get("Retry-After") == "" {
			e.Error("it is not said when to try again")
		}
	}
	e.bob.do("GET", "/alpha/k", "").is(403)
	e.clock.Advance(400 * time.Millisecond)
	e.alice.do("GET", "/alpha/k", "").is(200).holds("x")
	e.alice.do("GET", "/alpha/k", "").is(503, "SlowDown")
	e.limit(e.alice, time.Time{}, 0)
	for range 10 {
		e.alice.do("GET", "/alpha/k", "").is(200)
	}
	if e.accounts != nil {
		for _, bad := range []int{-1, account.MaxRate + 1} {
			if _, err := e.accounts.SetRate(e.Context(), e.alice.cred.AccessKey, bad); err == nil {
				e.Errorf("a rate of %d is taken", bad)
			}
		}
	}
}
