package web_test

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rhizome/gateway/web"
	"rhizome/model/object"
	"rhizome/model/object/objecttest"
	"rhizome/model/site"
)

// oneTrip is a round trip between homes. All else takes no time.
const oneTrip = 100 * time.Millisecond

// trip is a visitor of homes that are a round trip from each other.
type trip struct {
	*testing.T
	homes  *objecttest.Homes
	sites  []*site.Store
	fronts []http.Handler
	b      *object.Bucket
	at     int
}

// onATrip runs f in virtual time on three homes, through one of them and through a gateway
// that keeps nothing.
func onATrip(t *testing.T, f func(*trip)) {
	for _, at := range []int{0, 3} {
		t.Run(fmt.Sprint(at), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := &trip{T: t, homes: objecttest.OpenHomes(t, 3, 1, oneTrip/2), at: at}
				for _, h := range x.homes.All {
					s := site.New(site.Config{Registers: h.Regs, Buckets: h.Objects, Clock: h.Clock, Domains: []string{"web.example"}})
					x.sites = append(x.sites, s)
					x.fronts = append(x.fronts, web.New(web.Config{Live: web.Source{Sites: s, Objects: h.Objects}, Clock: h.Clock}))
				}
				o, s := x.homes.All[1].Objects, x.sites[1]
				var err error
				x.b, err = o.CreateBucket(t.Context(), "blog", nil, false)
				x.must(err)
				_, err = s.Create(t.Context(), x.b, object.Site{Index: "index.html"})
				x.must(err)
				_, err = s.Claim(t.Context(), x.b, host, "")
				x.must(err)
				<-time.After(20 * oneTrip)
				f(x)
				synctest.Wait()
			})
		})
	}
}

func (x *trip) must(err error) {
	x.Helper()
	if err != nil {
		x.Fatal(err)
	}
}

// in asks for a path and says how many round trips that must take.
func (x *trip) in(trips, status int, path, want string, header ...string) {
	x.Helper()
	synctest.Wait()
	r := httptest.NewRequest("GET", "http://"+host+path, nil).WithContext(x.Context())
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	if h := r.Header.Get("Host"); h != "" {
		r.Host = h
	}
	w := httptest.NewRecorder()
	began := time.Now()
	x.fronts[x.at].ServeHTTP(w, r)
	if took := time.Since(began); trips >= 0 && took != time.Duration(trips)*oneTrip {
		x.Errorf("GET %s took %v, want %d round trips", path, took, trips)
	}
	if w.Code != status || want != "*" && w.Body.String() != want {
		x.Errorf("GET %s: %d %.100q, want %d %.100q", path, w.Code, w.Body, status, want)
	}
	<-time.After(20 * oneTrip)
}

// TestTrips: a visitor waits for one round trip, whoever is asked and whatever changed
// meanwhile in another home.
func TestTrips(t *testing.T) {
	onATrip(t, func(x *trip) {
		o := x.homes.All[1].Objects
		put(x, o, x.b, "index.html", "home", object.Attrs{})
		put(x, o, x.b, "a/index.html", "a's", object.Attrs{})
		x.in(-1, 200, "/", "home")
		x.in(1, 200, "/", "home")
		x.in(1, 200, "/a/", "a's")
		x.in(1, 301, "/a", "")
		x.in(1, 404, "/none", "*")
		x.in(1, 404, "/none.php", "*")
		x.in(1, 404, "/none/", "*")
		x.in(-1, 200, "/", "home", "Host", "blog.web.example")
		x.in(1, 200, "/", "home", "Host", "blog.web.example")
		x.in(1, 404, "/", "*", "Host", "other.example")
		put(x, o, x.b, "index.html", "new", object.Attrs{})
		x.in(1, 200, "/", "new")
		big := strings.Repeat("x", 100<<10)
		put(x, o, x.b, "big.bin", big, object.Attrs{})
		<-time.After(20 * oneTrip)
		x.in(-1, 200, "/big.bin", big)
		x.in(1, 200, "/big.bin", big)
		put(x, o, x.b, "big.bin", big+"y", object.Attrs{})
		x.in(-1, 200, "/big.bin", big+"y")
	})
}

// TestTripsOfADeployment: what is in memory needs the host and the record alone.
func TestTripsOfADeployment(t *testing.T) {
	onATrip(t, func(x *trip) {
		for _, content := range []string{"one", "two"} {
			h := site.Hash(sha256.Sum256([]byte(content)))
			s := x.sites[1]
			begun, err := s.Begin(x.Context(), x.b, &site.Wanted{Files: []site.File{{Path: "index.html", Hash: h, Size: 3}}})
			x.must(err)
			b, err := x.homes.All[1].Objects.BucketByID(x.Context(), x.b.ID)
			x.must(err)
			x.must(s.Bring(x.Context(), b, begun.ID, h, strings.NewReader(content), 3))
			_, _, err = s.Finish(x.Context(), x.b, begun.ID)
			x.must(err)
			<-time.After(20 * oneTrip)
			x.in(-1, 200, "/", content)
			x.in(1, 200, "/", content)
			x.in(1, 404, "/none", "*")
		}
	})
}
