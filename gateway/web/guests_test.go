package web_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"rhizome/gateway/web"
	"rhizome/model/object"
	"rhizome/model/site"
)

// from has a request come from an address, and says for whom if that is a proxy's.
func from(r *http.Request, address string, forwarded ...string) *http.Request {
	r.RemoteAddr = address
	for _, f := range forwarded {
		r.Header.Add("X-Forwarded-For", f)
	}
	return r
}

// waiting are objects whose reading waits until it is let go on.
type waiting struct {
	*object.Store
	begun chan struct{}
	on    chan struct{}
}

func (w *waiting) Stat(ctx context.Context, b *object.Bucket, g object.Get) (*object.Object, error) {
	select {
	case w.begun <- struct{}{}:
		<-w.on
	case <-w.on:
	}
	return w.Store.Stat(ctx, b, g)
}

// TestOneGuestAmongMany: who has as many requests as one may have keeps out nobody else, and a proxy
// is not taken for one visitor.
func TestOneGuestAmongMany(t *testing.T) {
	f := newFixture(t, object.Site{Index: "index.html"})
	f.put("index.html", "home", object.Attrs{})
	slow := &waiting{f.home.Objects, make(chan struct{}), make(chan struct{})}
	front := web.New(web.Config{Live: web.Source{Sites: f.sites, Objects: slow}, Clock: f.home.Clock, MaxConcurrent: 30, MaxPerGuest: 4})
	var all sync.WaitGroup
	defer all.Wait()
	ask := func(address string, forwarded ...string) int {
		w := httptest.NewRecorder()
		front.ServeHTTP(w, from(httptest.NewRequest("GET", "http://"+host+"/", nil), address, forwarded...))
		return w.Code
	}
	hold := func(n int, address string, forwarded ...string) {
		for range n {
			all.Go(func() { ask(address, forwarded...) })
			<-slow.begun
		}
	}
	hold(4, "203.0.113.7:1")
	hold(4, "[2001:db8:1:2:3::1]:1")
	hold(4, "127.0.0.1:1", "192.168.1.1, 198.51.100.9", "198.51.100.7")
	hold(6, "192.168.1.2:1")
	for address, refused := range map[string]bool{"203.0.113.7:2": true, "203.0.113.8:2": false, "[2001:db8:1:2:4::9]:2": true, "[2001:db8:1:3::1]:2": false,
		"198.51.100.7:1": true, "198.51.100.9:1": false, "127.0.0.1:2": false} {
		if !refused {
			hold(1, address)
			continue
		}
		if got := ask(address); got != 503 {
			t.Errorf("%s: %d", address, got)
		}
	}
	if got := ask("203.0.113.7:2", "192.0.2.1"); got != 503 {
		t.Errorf("a stranger's X-Forwarded-For is believed: %d", got)
	}
	close(slow.on)
}

// TestGuessesOfOne: who guesses passwords all the time keeps out nobody but himself.
func TestGuessesOfOne(t *testing.T) {
	hash, err := site.HashPassword("garden gate")
	if err != nil {
		t.Fatal(err)
	}
	f := newFixture(t, object.Site{Index: "index.html", Password: hash})
	f.put("index.html", "home", object.Attrs{})
	ask := func(address, password string) int {
		r := from(httptest.NewRequest("GET", "http://"+host+"/", nil), address)
		r.SetBasicAuth("anybody", password)
		w := httptest.NewRecorder()
		f.web.ServeHTTP(w, r)
		return w.Code
	}
	guess := func(n int, address func(int) string) (limited int32) {
		var count atomic.Int32
		var wg sync.WaitGroup // at once, so that none of them takes the time in which another may be tried
		for i := range n {
			wg.Go(func() {
				if ask(address(i), "guess") == 429 {
					count.Add(1)
				}
			})
		}
		wg.Wait()
		return count.Load()
	}
	if guess(40, func(int) string { return "203.0.113.7:1" }) == 0 {
		t.Error("guessing is not limited")
	}
	if got := ask("203.0.113.8:1", "garden gate"); got != 200 {
		t.Errorf("who knows the password is kept out: %d", got)
	}
	if guess(160, func(i int) string { return fmt.Sprintf("198.51.%d.1:1", i) }) == 0 {
		t.Error("guessing from many addresses is not limited")
	}
}

// TestLongFileThatWasChanged: long files of a deployment are not served either once somebody changed
// them, be they of the same length.
func TestLongFileThatWasChanged(t *testing.T) {
	f := newFixture(t, object.Site{Index: "index.html"})
	long := strings.Repeat("0123456789abcdef", 3<<16)
	d := f.deploy("index.html", "one", "setup.exe", long)
	f.get("/setup.exe", 200, long)
	key := site.Prefix + d.ID.String() + "/" + sha(long)
	f.put(key, "X"+long[1:], object.Attrs{})
	f.get("/setup.exe", 500, "*")
	f.get("/setup.exe", 500, "*", "Range", "bytes=0-0")
	f.put(key, long+"!", object.Attrs{})
	f.get("/setup.exe", 500, "*")
	f.put(key, long, object.Attrs{}) // as it was stored before hashes were
	f.get("/setup.exe", 200, long)
	f.get("/setup.exe", 206, "0", "Range", "bytes=0-0")
}

// TestFolderPageWithPolicy: a page whose names a policy is asked about is short, and leads on.
func TestFolderPageWithPolicy(t *testing.T) {
	f := newFixture(t, object.Site{Listing: true})
	for i := range 120 {
		f.put(fmt.Sprintf("file-%03d", i), "x", object.Attrs{})
	}
	_, err := f.home.Objects.ChangeSettings(t.Context(), f.b, func(s *object.Settings) error { s.Policy = &object.Policy{}; return nil })
	f.must(err)
	asked := 0
	f.may = func(key string) bool { asked++; return key != "file-110" }
	body := f.ask("GET", "/").Body.String()
	if asked > 110 || strings.Count(body, "file-") != 2*100+1 || !strings.Contains(body, "?after=file-099") {
		t.Errorf("the policy is asked %d times; %s", asked, body)
	}
	if rest := f.ask("GET", "/?after=file-099").Body.String(); strings.Count(rest, "file-") != 2*19 || strings.Contains(rest, "file-110") {
		t.Error(rest)
	}
}

// TestWhatCachesKeep: of a site with a password shared caches keep nothing, whatever the owner says.
func TestWhatCachesKeep(t *testing.T) {
	hash, err := site.HashPassword("garden gate")
	if err != nil {
		t.Fatal(err)
	}
	f := newFixture(t, object.Site{})
	f.deploy("index.html", "one", "_headers", "/*\n Cache-Control: public, max-age=31536000\n Expires: Thu, 01 Jan 2099 00:00:00 GMT\n CDN-Cache-Control: max-age=9\n Surrogate-Control: max-age=9\n X-A: b\n")
	has(t, f.get("/", 200, "one"), "Cache-Control", "public, max-age=31536000", "Surrogate-Control", "max-age=9")
	_, err = f.sites.Change(t.Context(), f.b, func(s *object.Site) error { s.Password = hash; return nil })
	f.must(err)
	has(t, f.get("/", 200, "one", "Authorization", "Basic eDpnYXJkZW4gZ2F0ZQ=="), "Cache-Control", "private, max-age=0, must-revalidate",
		"Expires", "", "Cdn-Cache-Control", "", "Surrogate-Control", "", "X-A", "b")
}
