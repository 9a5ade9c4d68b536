package s3

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"rhizome/base/clock"
	"rhizome/base/ident"
	"rhizome/gateway/s3/sigv4"
	"rhizome/model/account"
	"rhizome/model/object/memobject"
)

// TestCallsDoWhatThePageSays: a call that the table says is refused answers NotImplemented to
// the owner, and one that is done, or partly, never does when it is asked plainly.
func TestCallsDoWhatThePageSays(t *testing.T) {
	seen := 0
	for _, r := range table() {
		if r.Action == "-" {
			continue
		}
		seen++
		status, answer := asked(t, &r) // that of HEAD has no body
		if got, want := status == http.StatusNotImplemented, r.Refused != ""; got != want {
			t.Errorf("%s (%s ?%s): refused %t, want %t: %s", r.Action, r.Method, r.Sub, got, want, answer)
		}
	}
	if seen < 100 {
		t.Errorf("%d calls", seen)
	}
}

// asked is what a route answers the owner of a bucket with an object.
func asked(t *testing.T, r *route) (status int, answer string) {
	t.Helper()
	k := &account.Key{ID: "RZ0123456789ABCDEF0123", Secret: "a secret that nobody knows", Member: ident.New(), CreateBuckets: true}
	g := New(Config{Objects: memobject.New(clock.System{}), Clock: clock.System{}, Keys: func(context.Context, string) (*account.Key, error) { return k, nil }})
	do := func(method, path, header string) *httptest.ResponseRecorder {
		req := httptest.NewRequestWithContext(t.Context(), method, "http://s3.test"+path, nil)
		if header != "" {
			req.Header.Set(header, "/garden/a")
		}
		if err := sigv4.Sign(req, sigv4.Credentials{AccessKey: k.ID, Secret: k.Secret}, "UNSIGNED-PAYLOAD", time.Now()); err != nil { // when it is signed
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		g.ServeHTTP(w, req)
		return w
	}
	for _, path := range []string{"/garden", "/garden/a"} {
		if w := do(http.MethodPut, path, ""); w.Code != http.StatusOK {
			t.Fatalf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	path := []string{service: "/", bucket: "/garden", anObject: "/garden/a"}[r.Scope]
	if r.Sub != "" {
		path += "?" + r.Sub
	}
	w := do(r.Method, path, r.Header)
	return w.Code, w.Body.String()
}
