package s3

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"rhizome/base/errs"
)

// TestARemovedNodeSaysSo at once, whatever it is asked, and in a way that is not tried again.
func TestARemovedNodeSaysSo(t *testing.T) {
	g := New(Config{Closed: func() error { return errs.New(errs.Denied, "removed") }})
	for _, path := range []string{"/", "/photos", "/photos/garden.jpg"} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.Header.Set("Origin", "https://example.org")
		g.ServeHTTP(w, r)
		if w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "removed from its rhizome") {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}
