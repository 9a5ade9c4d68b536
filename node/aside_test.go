package node

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"rhizome/net/rpc"
)

// TestLookingIsNoLoad: what is asked of others because somebody looks at the node's state
// does not count as load that repair gives way to; what a person orders does.
func TestLookingIsNoLoad(t *testing.T) {
	for method, want := range map[string]rpc.Class{http.MethodGet: rpc.Control, http.MethodPost: rpc.Urgent, http.MethodPut: rpc.Urgent} {
		met := false
		h := aside(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			met = true
			if got := rpc.ClassOf(r.Context(), rpc.Urgent); got != want {
				t.Errorf("%s asks others by calls of class %d, not %d", method, got, want)
			}
		}))
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(method, "/v1/status", nil))
		if !met {
			t.Errorf("%s does not come through", method)
		}
	}
}
