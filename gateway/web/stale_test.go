package web_test

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"rhizome/cluster/register"
	"rhizome/gateway/web"
	"rhizome/model/object"
	"rhizome/model/site"
)

// TestCutOff: a home that reaches nobody goes on with what it has, for a site that wants that, and
// says so; when it reaches the others again, it shows what is true.
func TestCutOff(t *testing.T) {
	onATrip(t, func(x *trip) {
		h := x.homes.All[0]
		last := register.LastOnly{Replica: h.Replica}
		oc := h.Objects.Config
		oc.Registers = last
		objects := object.New(oc)
		front := web.New(web.Config{Live: web.Source{Sites: x.sites[0], Objects: h.Objects}, Clock: h.Clock,
			Stale: web.Source{Sites: site.New(site.Config{Registers: last, Buckets: objects, Clock: h.Clock}), Objects: objects}})
		get := func(path string, status int, want string, stale bool) {
			x.Helper()
			w := httptest.NewRecorder()
			front.ServeHTTP(w, httptest.NewRequest("GET", "http://"+host+path, nil).WithContext(x.Context()))
			if w.Code != status || want != "" && w.Body.String() != want || (w.Header().Get("X-Rhizome-Stale") == "1") != stale && want != "" {
				x.Errorf("GET %s: %d %.100q %v, want %d %.100q", path, w.Code, w.Body, w.Header(), status, want)
			}
		}
		big := strings.Repeat("x", 100<<10)
		put(x, x.homes.All[1].Objects, x.b, "index.html", "home", object.Attrs{})
		put(x, x.homes.All[1].Objects, x.b, "big.bin", big, object.Attrs{})
		<-time.After(20 * oneTrip)
		get("/", 200, "home", false)
		cut := func(f func(from, to int)) {
			for _, other := range []int{1, 2, 3} {
				f(0, other)
				f(other, 0)
			}
		}
		cut(x.homes.Cut)
		get("/", 503, "", false)
		cut(x.homes.Heal)
		_, err := x.sites[1].Change(x.Context(), x.b, func(t *object.Site) error { t.Stale = true; return nil })
		x.must(err)
		<-time.After(20 * oneTrip)
		cut(x.homes.Cut)
		put(x, x.homes.All[1].Objects, x.b, "index.html", "newer", object.Attrs{})
		began := time.Now()
		get("/", 200, "home", true)
		if took := time.Since(began); took > 5*time.Second {
			x.Errorf("it took %v", took)
		}
		began = time.Now()
		get("/", 200, "home", true)
		get("/big.bin", 200, big, true)
		get("/none", 404, "", true)
		if took := time.Since(began); took != 0 {
			x.Errorf("the next ones took %v", took)
		}
		cut(x.homes.Heal)
		<-time.After(time.Minute)
		get("/", 200, "newer", false)
	})
}
