package web_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"rhizome/base/vfs"
	"rhizome/gateway/web"
	"rhizome/model/object"
	"rhizome/model/object/objecttest"
	"rhizome/model/site"
)

type fixture struct {
	*testing.T
	home  *objecttest.Home
	sites *site.Store
	web   http.Handler
	b     *object.Bucket
	may   func(key string) bool
}

const host = "example.org"

// newFixture makes the site example.org of the bucket "blog".
func newFixture(t *testing.T, made object.Site) *fixture {
	f := &fixture{T: t, home: objecttest.Open(t, vfs.NewCrashable(), objecttest.NewIdentity())}
	t.Cleanup(func() { f.home.Close(t) })
	f.sites = site.New(site.Config{Registers: f.home.Regs, Buckets: f.home.Objects, Clock: f.home.Clock, Domains: []string{"web.example"}})
	f.home.Objects.Gone = f.sites.Gone
	f.web = web.New(web.Config{Live: web.Source{Sites: f.sites, Objects: f.home.Objects}, Clock: f.home.Clock,
		May: func(_ *http.Request, _ *object.Bucket, key string) bool { return f.may == nil || f.may(key) }})
	var err error
	f.b, err = f.home.Objects.CreateBucket(t.Context(), "blog", nil, false)
	f.must(err)
	f.b, err = f.sites.Create(t.Context(), f.b, made)
	f.must(err)
	f.b, err = f.sites.Claim(t.Context(), f.b, host, "")
	f.must(err)
	return f
}

func (f *fixture) must(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

func (f *fixture) put(key, content string, attrs object.Attrs) {
	f.Helper()
	put(f, f.home.Objects, f.b, key, content, attrs)
}

func put(t interface{ must(error) }, o *object.Store, b *object.Bucket, key, content string, attrs object.Attrs) {
	sum := md5.Sum([]byte(content))
	_, err := o.Put(context.Background(), b, object.Put{Key: key, Attrs: attrs, Body: object.Body{Reader: strings.NewReader(content),
		Size: int64(len(content)), Finish: func() (object.Digest, error) { return object.Digest{ETag: hex.EncodeToString(sum[:])}, nil }}})
	t.must(err)
}

func (f *fixture) ask(method, path string, header ...string) *httptest.ResponseRecorder {
	f.Helper()
	r := httptest.NewRequest(method, "http://"+host+path, nil)
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
			continue
		}
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	f.web.ServeHTTP(w, r)
	return w
}

// get is ask with GET and what must come.
func (f *fixture) get(path string, status int, want string, header ...string) http.Header {
	f.Helper()
	w := f.ask("GET", path, header...)
	if w.Code != status || want != "*" && w.Body.String() != want {
		f.Errorf("GET %s %v: %d %.200q, want %d %.100q", path, header, w.Code, w.Body, status, want)
	}
	return w.Header()
}

func has(t *testing.T, h http.Header, pairs ...string) {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if got := strings.Join(h.Values(pairs[i]), ", "); got != pairs[i+1] {
			t.Errorf("%s: %q, want %q", pairs[i], got, pairs[i+1])
		}
	}
}

func TestPlainSite(t *testing.T) {
	f := newFixture(t, object.Site{Index: "index.html", Error: "oops.html"})
	f.put("index.html", "home", object.Attrs{})
	f.put("a/index.html", "a's", object.Attrs{ContentType: "text/html; charset=latin1", CacheControl: "max-age=60"})
	f.put("style.css", "body{}", object.Attrs{ContentType: "binary/octet-stream"})
	f.put("moved", "", object.Attrs{WebsiteRedirect: "https://example.com/"})
	f.put("é à.txt", "words", object.Attrs{})
	f.put(".rhizome/site/x", "hidden", object.Attrs{})
	h := f.get("/", 200, "home")
	has(f.T, h, "Content-Type", "text/html; charset=utf-8", "X-Content-Type-Options", "nosniff", "Cache-Control", "public, max-age=0, must-revalidate",
		"Vary", "Accept-Encoding", "Content-Length", "4", "X-Frame-Options", "SAMEORIGIN")
	f.get("/", 304, "", "If-None-Match", h.Get("ETag"))
	f.get("/", 304, "", "If-Modified-Since", h.Get("Last-Modified"))
	f.get("/", 412, "*", "If-Match", `"other"`)
	has(f.T, f.get("/a/", 200, "a's"), "Content-Type", "text/html; charset=latin1", "Cache-Control", "max-age=60")
	has(f.T, f.get("/a?x=1", 301, ""), "Location", "/a/?x=1")
	has(f.T, f.get("/style.css", 200, "body{}"), "Content-Type", "text/css; charset=utf-8")
	has(f.T, f.get("/moved", 301, ""), "Location", "https://example.com/")
	f.get("/%C3%A9%20%C3%A0.txt", 200, "words")
	w := f.ask("HEAD", "/")
	if w.Code != 200 || w.Body.Len() != 0 {
		t.Error(w.Code, w.Body)
	}
	has(f.T, w.Header(), "Content-Length", "4")
	if !strings.Contains(f.ask("GET", "/none", "Accept-Language", "fr").Body.String(), `lang="fr"`) {
		t.Error("an error is not said in French")
	}
	f.get("/none", 404, "*")
	f.put("oops.html", "oops", object.Attrs{})
	has(f.T, f.get("/none", 404, "oops"), "Cache-Control", "no-cache", "Etag", "")
	for _, p := range []string{"/.rhizome/site/x", "/a//index.html", "/a/../index.html", "/%2e%2e/index.html", "/a\\index.html", "/%00", "//example.com/",
		"/a%0d%0ax", "/" + strings.Repeat("a", 5000), "/%ff", "/.rhizome/"} {
		f.get(p, 404, "oops")
	}
	for _, m := range []string{"PUT", "POST", "DELETE", "PATCH", "TRACE"} {
		w := f.ask(m, "/")
		if w.Code != 405 {
			t.Error(m, w.Code)
		}
		has(f.T, w.Header(), "Allow", "GET, HEAD, OPTIONS")
	}
	has(f.T, f.ask("OPTIONS", "/").Header(), "Allow", "GET, HEAD, OPTIONS")
	f.get("/", 404, "*", "Host", "other.example")
	f.get("/", 404, "*", "Host", "[::1]")
	f.get("/", 200, "home", "Host", "Blog.web.example:80")
	f.put("index.html", "new", object.Attrs{})
	f.get("/", 200, "new")
	f.get("/", 200, "new", "If-None-Match", h.Get("ETag"))
}

func TestNamesThatLeadOn(t *testing.T) {
	f := newFixture(t, object.Site{Index: "index.html"})
	_, err := f.sites.Claim(t.Context(), f.b, "www."+host, host)
	f.must(err)
	has(t, f.get("/a%20b?c=d", 301, "", "Host", "www."+host), "Location", "//example.org/a%20b?c=d")
}

func TestRoutingRules(t *testing.T) {
	to := "documents/"
	f := newFixture(t, object.Site{Index: "index.html", Rules: []object.SiteRule{{Prefix: "docs/", To: object.SiteTarget{Prefix: &to}},
		{Status: 404, Prefix: "gone/", To: object.SiteTarget{Host: "example.com", Status: 302}}}})
	f.put("gone/there", "there", object.Attrs{})
	has(t, f.get("/docs/a", 301, ""), "Location", "/documents/a")
	f.get("/gone/there", 200, "there")
	has(t, f.get("/gone/x", 302, ""), "Location", "//example.com/gone/x")
	_, err := f.sites.Change(t.Context(), f.b, func(t *object.Site) error { t.RedirectAll = &object.SiteTarget{Host: "example.net"}; return nil })
	f.must(err)
	has(t, f.get("/x", 301, ""), "Location", "//example.net/x")
}

func TestRanges(t *testing.T) {
	f := newFixture(t, object.Site{Index: "index.html"})
	big := strings.Repeat("0123456789abcdef", 3<<16)
	f.put("small.bin", "0123456789", object.Attrs{})
	f.put("big.bin", big, object.Attrs{})
	h := f.get("/small.bin", 206, "234", "Range", "bytes=2-4")
	has(t, h, "Content-Range", "bytes 2-4/10")
	f.get("/small.bin", 206, "89", "Range", "bytes=-2", "If-Range", h.Get("ETag"))
	f.get("/small.bin", 200, "0123456789", "Range", "bytes=-2", "If-Range", `"other"`)
	f.get("/small.bin", 416, "*", "Range", "bytes=20-")
	f.get("/big.bin", 200, big)
	f.get("/big.bin", 206, big[1<<20:1<<20+100], "Range", fmt.Sprintf("bytes=%d-%d", 1<<20, 1<<20+99))
	w := f.ask("GET", "/big.bin", "Range", "bytes=0-3,1048576-1048579,-2")
	_, params, err := mime.ParseMediaType(w.Header().Get("Content-Type"))
	f.must(err)
	var parts []string
	for r := multipart.NewReader(w.Body, params["boundary"]); ; {
		p, err := r.NextPart()
		if err == io.EOF {
			break
		}
		f.must(err)
		b, _ := io.ReadAll(p)
		parts = append(parts, string(b))
	}
	if strings.Join(parts, " ") != "0123 0123 ef" {
		t.Error(parts)
	}
	f.get("/big.bin", 200, big, "Range", "bytes="+strings.Repeat("0-0,", 30)+"0-0")
}

func TestCodings(t *testing.T) {
	f := newFixture(t, object.Site{Index: "index.html"})
	page := strings.Repeat("<p>garden</p>", 500)
	f.put("index.html", page, object.Attrs{})
	f.put("photo.jpg", page, object.Attrs{})
	f.put("packed.html", "not really", object.Attrs{ContentEncoding: "gzip"})
	plain := f.get("/", 200, page)
	etags := map[string]bool{plain.Get("ETag"): true}
	for want, accept := range map[string]string{"br": "gzip, deflate, br, zstd", "zstd": "zstd;q=1, br;q=0.5", "gzip": "gzip", "": "identity", "gzip ": "br;q=0, zstd;q=0, *"} {
		want = strings.TrimSpace(want)
		for range 2 {
			w := f.ask("GET", "/", "Accept-Encoding", accept)
			has(t, w.Header(), "Content-Encoding", want, "Vary", "Accept-Encoding", "Content-Length", fmt.Sprint(w.Body.Len()))
			etags[w.Header().Get("ETag")] = true
			f.get("/", 304, "", "Accept-Encoding", accept, "If-None-Match", w.Header().Get("ETag"))
			if got := decode(t, want, w.Body); got != page {
				t.Errorf("%s: %d bytes", accept, len(got))
			}
		}
	}
	if len(etags) != 4 {
		t.Error(etags)
	}
	has(t, f.get("/", 206, page[:10], "Accept-Encoding", "br", "Range", "bytes=0-9"), "Content-Encoding", "", "ETag", plain.Get("ETag"))
	has(t, f.get("/photo.jpg", 200, page, "Accept-Encoding", "br"), "Content-Encoding", "")
	has(t, f.get("/packed.html", 200, "not really", "Accept-Encoding", "br"), "Content-Encoding", "gzip")
	_, err := f.sites.Change(t.Context(), f.b, func(t *object.Site) error { t.Neighbours = true; return nil })
	f.must(err)
	f.put("index.html.zst", "pressed before", object.Attrs{})
	has(t, f.get("/", 200, "pressed before", "Accept-Encoding", "zstd"), "Content-Encoding", "zstd", "Content-Type", "text/html; charset=utf-8")
}

func decode(t *testing.T, coding string, r io.Reader) string {
	t.Helper()
	var err error
	switch coding {
	case "br":
		r = brotli.NewReader(r)
	case "gzip":
		r, err = gzip.NewReader(r)
	case "zstd":
		var z *zstd.Decoder
		if z, err = zstd.NewReader(r); err == nil {
			defer z.Close()
		}
		r = z
	}
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Error(err)
	}
	return string(b)
}

func TestListing(t *testing.T) {
	f := newFixture(t, object.Site{Index: "index.html"})
	f.put("a b&<c>.txt", "x", object.Attrs{})
	f.put("sub/one", "x", object.Attrs{})
	f.put(".rhizome/site/x", "x", object.Attrs{})
	f.get("/", 404, "*")
	_, err := f.sites.Change(t.Context(), f.b, func(t *object.Site) error { t.Listing = true; return nil })
	f.must(err)
	for _, l := range []string{"en", "fr"} {
		body := f.ask("GET", "/", "Accept-Language", l).Body.String()
		if !strings.Contains(body, `href="./a%20b&amp;%3Cc%3E.txt"`) || !strings.Contains(body, `lang="`+l) || strings.Contains(body, "rhizome/") || !strings.Contains(body, `href="./sub/"`) {
			t.Error(body)
		}
	}
	if w := f.ask("GET", "/sub/"); w.Code != 200 || !strings.Contains(w.Body.String(), `href="../"`) {
		t.Error(w.Code, w.Body)
	}
	f.get("/none/", 404, "*")
}

func TestPolicyAndBlock(t *testing.T) {
	f := newFixture(t, object.Site{Index: "index.html", Error: "secret/error.html"})
	f.put("secret/a", "x", object.Attrs{})
	f.put("open", "y", object.Attrs{})
	_, err := f.home.Objects.ChangeSettings(t.Context(), f.b, func(s *object.Settings) error { s.Policy = &object.Policy{}; return nil })
	f.must(err)
	f.may = func(key string) bool { return !strings.HasPrefix(key, "secret/") }
	f.get("/secret/a", 403, "*")
	f.get("/open", 200, "y")
	_, err = f.home.Objects.ChangeSettings(t.Context(), f.b, func(s *object.Settings) error { s.Block.Restrict = true; return nil })
	f.must(err)
	f.get("/open", 403, "*")
}

// TestPolicyOfDeployedFiles: the policy is asked about the file that is served, by whatever path.
func TestPolicyOfDeployedFiles(t *testing.T) {
	f := newFixture(t, object.Site{})
	f.deploy("index.html", "home", "about.html", "us", "404.html", "lost", "open.html", "y")
	_, err := f.home.Objects.ChangeSettings(t.Context(), f.b, func(s *object.Settings) error { s.Policy = &object.Policy{}; return nil })
	f.must(err)
	f.may = func(key string) bool { return key == "" || key == "open" || key == "open.html" || key == "about" }
	f.get("/open", 200, "y")
	f.get("/", 403, "*")
	f.get("/about", 403, "*")
	f.may = func(key string) bool { return key != "404.html" }
	r, w := httptest.NewRequest("GET", "http://"+host+"/none", nil), httptest.NewRecorder()
	f.web.ServeHTTP(w, r)
	if w.Code != 404 || strings.Contains(w.Body.String(), "lost") {
		t.Errorf("an error document that is denied: %d %s", w.Code, w.Body)
	}
}

func TestPassword(t *testing.T) {
	hash, err := site.HashPassword("garden gate")
	if err != nil {
		t.Fatal(err)
	}
	f := newFixture(t, object.Site{Index: "index.html", Password: hash})
	f.put("index.html", "home", object.Attrs{})
	ask := func(password string) int {
		r := httptest.NewRequest("GET", "http://"+host+"/", nil)
		r.SetBasicAuth("anybody", password)
		w := httptest.NewRecorder()
		f.web.ServeHTTP(w, r)
		return w.Code
	}
	has(t, f.get("/", 401, "*"), "WWW-Authenticate", `Basic realm="example.org", charset="UTF-8"`)
	if got := fmt.Sprint(ask("garden gate"), ask("garden gates")); got != "200 401" {
		t.Error(got)
	}
	var limited atomic.Int32 // at once, so that none of them takes the time in which another may be tried
	var wg sync.WaitGroup
	for range 40 {
		wg.Go(func() {
			if ask("guess") == 429 {
				limited.Add(1)
			}
		})
	}
	wg.Wait()
	if limited.Load() == 0 || ask("garden gate") != 200 {
		t.Error("guessing is not limited, or keeps those out who were in")
	}
}

func TestCORS(t *testing.T) {
	f := newFixture(t, object.Site{Index: "index.html"})
	f.put("index.html", "home", object.Attrs{})
	has(t, f.get("/", 200, "home", "Origin", "https://a.example"), "Access-Control-Allow-Origin", "")
	_, err := f.home.Objects.ChangeSettings(t.Context(), f.b, func(s *object.Settings) error {
		s.CORS = []object.CORSRule{{Methods: []string{"GET", "PUT"}, Origins: []string{"https://*.example"}, Headers: []string{"x-*"}, MaxAge: 60}}
		return nil
	})
	f.must(err)
	has(t, f.get("/", 200, "home", "Origin", "https://a.example"), "Access-Control-Allow-Origin", "https://a.example", "Vary", "Origin, Accept-Encoding")
	has(t, f.get("/", 200, "home"), "Access-Control-Allow-Origin", "", "Vary", "Origin, Accept-Encoding")
	ask := func(method string) *httptest.ResponseRecorder {
		return f.ask("OPTIONS", "/", "Origin", "https://a.example", "Access-Control-Request-Method", method, "Access-Control-Request-Headers", "X-A")
	}
	has(t, ask("GET").Header(), "Access-Control-Allow-Headers", "x-a", "Access-Control-Max-Age", "60")
	if w := ask("PUT"); w.Code != 403 {
		t.Error(w.Code)
	}
}

func sha(content string) string { return site.Hash(sha256.Sum256([]byte(content))).String() }

// deploy deploys path, content pairs.
func (f *fixture) deploy(files ...string) *object.SiteDeployment {
	f.Helper()
	w, content := &site.Wanted{}, map[site.Hash]string{}
	var err, err2 error
	for i := 0; i < len(files); i += 2 {
		switch files[i] {
		case site.RedirectsFile:
			w.Redirects, err = site.ParseRedirects([]byte(files[i+1]))
		case site.HeadersFile:
			w.Headers, err2 = site.ParseHeaders([]byte(files[i+1]))
		default:
			h := site.Hash(sha256.Sum256([]byte(files[i+1])))
			content[h] = files[i+1]
			w.Files = append(w.Files, site.File{Path: files[i], Hash: h, Size: int64(len(files[i+1]))})
		}
	}
	f.must(errors.Join(err, err2))
	begun, err := f.sites.Begin(f.Context(), f.b, w)
	f.must(err)
	b, err := f.home.Objects.BucketByID(f.Context(), f.b.ID)
	f.must(err)
	for _, m := range begun.Missing {
		f.must(f.sites.Bring(f.Context(), b, begun.ID, m.Hash, strings.NewReader(content[m.Hash]), m.Size))
	}
	_, d, err := f.sites.Finish(f.Context(), f.b, begun.ID)
	f.must(err)
	return d
}

func TestDeployedSite(t *testing.T) {
	f := newFixture(t, object.Site{})
	f.put("index.html", "plain", object.Attrs{})
	f.put("only-plain.txt", "plain", object.Attrs{})
	big := strings.Repeat("0123456789abcdef", 3<<16)
	f.deploy("index.html", "one", "404.html", "not here", "a/index.html", "a's", "about.html", "about us", "app.js", strings.Repeat("x", 600),
		"app.js.br", "pressed", "big.bin", big, ".well-known/x", "known",
		"_redirects", "/old /new 302\n/a/* /about 301\n/about /elsewhere 301!\n/spa/* /index.html 200\n/gone /a/ 404\n", "_headers", "/*\n X-A: b\n/app.js\n Cache-Control: immutable\n")
	h := f.get("/", 200, "one")
	has(t, h, "X-A", "b", "Cache-Control", "public, max-age=0, must-revalidate")
	f.get("/", 304, "", "If-None-Match", h.Get("ETag"))
	f.get("/only-plain.txt", 404, "not here")
	has(t, f.get("/a", 301, ""), "Location", "/a/")
	f.get("/a/", 200, "a's")
	has(t, f.get("/a/x", 301, ""), "Location", "/about")
	has(t, f.get("/about", 301, ""), "Location", "/elsewhere")
	f.get("/about.html", 200, "about us")
	has(t, f.get("/old?x=1", 302, ""), "Location", "/new?x=1")
	f.get("/spa/deep/link", 200, "one")
	f.get("/gone", 404, "a's")
	f.get("/.well-known/x", 200, "known")
	has(t, f.get("/app.js", 200, "pressed", "Accept-Encoding", "br"), "Content-Encoding", "br", "Cache-Control", "immutable", "Content-Type", "text/javascript; charset=utf-8")
	has(t, f.get("/app.js", 200, strings.Repeat("x", 600)), "Content-Encoding", "")
	f.get("/big.bin", 200, big)
	f.get("/big.bin", 206, big[:9], "Range", "bytes=0-8")
	f.get("/_redirects", 404, "not here")
	f.deploy("index.html", "two")
	f.get("/", 200, "two")
	f.get("/", 200, "two", "If-None-Match", h.Get("ETag"))
	f.get("/about.html", 404, "*")
	_, err := f.sites.Rollback(t.Context(), f.b, [16]byte{}, false)
	f.must(err)
	f.get("/", 200, "one")
	_, err = f.sites.Rollback(t.Context(), f.b, [16]byte{}, true)
	f.must(err)
	f.get("/only-plain.txt", 200, "plain")
}

// TestGenerators: folders as programs that make sites write them are served as they are: each path
// with its type, folders by their index, the page for what is not there.
func TestGenerators(t *testing.T) {
	const page, css, js = "text/html; charset=utf-8", "text/css; charset=utf-8", "text/javascript; charset=utf-8"
	type path struct {
		ask    string
		status int
		kind   string // the type of the answer, or where it leads to
		file   string // which it shows
	}
	for name, paths := range map[string][]path{
		"Jekyll": { // /:categories/:year/:month/:day/:title.html, a feed by its plugin
			{"/", 200, page, "index.html"}, {"/about.html", 200, page, "about.html"}, {"/garden/2026/11/22/first-frost.html", 200, page, "garden/2026/11/22/first-frost.html"},
			{"/feed.xml", 200, "application/xml", "feed.xml"}, {"/assets/main.css", 200, css, "assets/main.css"}, {"/assets/main.css.map", 200, "application/json", "assets/main.css.map"},
			{"/robots.txt", 200, "text/plain; charset=utf-8", "robots.txt"}, {"/garden/none.html", 404, page, "404.html"},
		},
		"Zola": { // a folder with an index for each page, feeds beside them
			{"/", 200, page, "index.html"}, {"/about/", 200, page, "about/index.html"}, {"/about", 301, "/about/", ""}, {"/blog/page/2/", 200, page, "blog/page/2/index.html"},
			{"/tags/caf%C3%A9/", 200, page, "tags/café/index.html"}, {"/tags/caf%C3%A9", 301, "/tags/caf%C3%A9/", ""}, {"/atom.xml", 200, "application/xml", "atom.xml"},
			{"/sitemap.xml", 200, "application/xml", "sitemap.xml"}, {"/search_index.en.js", 200, js, "search_index.en.js"}, {"/elasticlunr.min.js?h=1f2e", 200, js, "elasticlunr.min.js"},
			{"/processed_images/bed.1a2b3c4d.webp", 200, "image/webp", "processed_images/bed.1a2b3c4d.webp"}, {"/none/", 404, page, "404.html"},
		},
		"Astro": { // named by their content under _astro, whose name begins as what is hidden elsewhere
			{"/", 200, page, "index.html"}, {"/about/", 200, page, "about/index.html"}, {"/blog/a%20b%20c/", 200, page, "blog/a b c/index.html"},
			{"/_astro/hoisted.B2kq_-x9.js", 200, js, "_astro/hoisted.B2kq_-x9.js"}, {"/_astro/index.DlXy81aZ.css", 200, css, "_astro/index.DlXy81aZ.css"},
			{"/_astro/bed.CZ01_Zx.avif", 200, "image/avif", "_astro/bed.CZ01_Zx.avif"}, {"/fonts/a+b%26c.woff2", 200, "font/woff2", "fonts/a+b&c.woff2"},
			{"/sitemap-index.xml", 200, "application/xml", "sitemap-index.xml"}, {"/sitemap-0.xml", 200, "application/xml", "sitemap-0.xml"}, {"/rss.xml", 200, "application/xml", "rss.xml"},
			{"/favicon.svg", 200, "image/svg+xml", "favicon.svg"}, {"/site.webmanifest", 200, "application/manifest+json", "site.webmanifest"},
			{"/%E5%BA%AD/%E6%9C%A8.pdf", 200, "application/pdf", "庭/木.pdf"}, {"/_astro/gone.js", 404, page, "404.html"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, object.Site{})
			var files []string
			for _, p := range paths {
				if p.file != "" {
					files = append(files, p.file, "what "+p.file+" has")
				}
			}
			f.deploy(files...)
			for _, p := range paths {
				if p.file == "" {
					has(t, f.get(p.ask, p.status, ""), "Location", p.kind)
					continue
				}
				has(t, f.get(p.ask, p.status, "what "+p.file+" has"), "Content-Type", p.kind)
			}
		})
	}
}

// TestDeployedListing: folders of a deployment are listed as those of a bucket are.
func TestDeployedListing(t *testing.T) {
	f := newFixture(t, object.Site{})
	f.deploy("a b.txt", "x", "sub/deep/one", "x", "sub/two", "xyz", "sub.txt", "x", "with/index.html", "here")
	f.put("sub/plain", "x", object.Attrs{})
	f.get("/sub/", 404, "*")
	_, err := f.sites.Change(t.Context(), f.b, func(t *object.Site) error { t.Listing = true; return nil })
	f.must(err)
	for path, want := range map[string]string{"/": "./a%20b.txt ./sub.txt ./sub/ ./with/", "/sub/": "../ ./deep/ ./two", "/sub/?after=sub/deep/": "../ ./two"} {
		var links []string
		for _, part := range strings.Split(f.ask("GET", path).Body.String(), `href="`)[1:] {
			link, _, _ := strings.Cut(part, `"`)
			links = append(links, link)
		}
		slices.Sort(links)
		if got := strings.Join(links, " "); got != want {
			t.Errorf("%s lists %s, want %s", path, got, want)
		}
	}
	f.get("/with/", 200, "here")
	f.get("/none/", 404, "*")
	_, err = f.home.Objects.ChangeSettings(t.Context(), f.b, func(s *object.Settings) error { s.Policy = &object.Policy{}; return nil })
	f.must(err)
	f.may = func(key string) bool { return key != "sub/two" }
	if strings.Contains(f.ask("GET", "/sub/").Body.String(), "two") {
		t.Error("what a policy denies is listed")
	}
}

// TestListingPages: a folder of many names is listed in pages, each name once.
func TestListingPages(t *testing.T) {
	m := &site.Manifest{}
	for i := range 50 {
		m.Files = append(m.Files, site.File{Path: fmt.Sprintf("d/%02d/x", i)}, site.File{Path: fmt.Sprintf("d/%02d/y", i)}, site.File{Path: fmt.Sprintf("d/%02dz", i)})
	}
	seen, after := map[string]bool{}, ""
	for more := true; more; {
		l := m.In("d/", after, 7)
		for _, p := range l.Prefixes {
			seen[p] = true
		}
		for _, o := range l.Objects {
			seen[o.Key] = true
		}
		if len(l.Prefixes)+len(l.Objects) > 7 || l.Next <= after {
			t.Fatalf("%+v", l)
		}
		after, more = l.Next, l.More
	}
	if len(seen) != 100 {
		t.Errorf("%d names", len(seen))
	}
}

// TestDatesAfterRollback: who asks by date alone gets the page that is shown, though it is older than
// the one that he has.
func TestDatesAfterRollback(t *testing.T) {
	f := newFixture(t, object.Site{Index: "index.html"})
	f.put("index.html", "plain", object.Attrs{})
	f.deploy("index.html", "one")
	f.deploy("index.html", "two")
	date := f.get("/", 200, "two").Get("Last-Modified")
	f.get("/", 304, "", "If-Modified-Since", date)
	_, err := f.sites.Rollback(t.Context(), f.b, [16]byte{}, false)
	f.must(err)
	f.get("/", 200, "one", "If-Modified-Since", date)
	_, err = f.sites.Rollback(t.Context(), f.b, [16]byte{}, true)
	f.must(err)
	f.get("/", 200, "plain", "If-Modified-Since", date)
}

// TestWhatAPageWasMadeOf: who opened a page before a switch gets what it asks for after it, if that is
// named by its hash; pages that are gone are gone.
func TestWhatAPageWasMadeOf(t *testing.T) {
	f := newFixture(t, object.Site{})
	f.deploy("index.html", "one", "app.4f3a2b1c.css", "old", "photo.jpg", "x", "report-4f3a2b1c.html", "x", "secret/app.4f3a2b1c.js", "x")
	f.deploy("index.html", "two", "app.1c2b3a4f.css", "new", "404.html", "none")
	f.get("/app.4f3a2b1c.css", 200, "old")
	f.get("/app.1c2b3a4f.css", 200, "new")
	f.get("/photo.jpg", 404, "none")
	f.get("/report-4f3a2b1c.html", 404, "none")
	f.get("/report-4f3a2b1c", 404, "none")
	_, err := f.sites.Rollback(t.Context(), f.b, [16]byte{}, false)
	f.must(err)
	f.get("/app.1c2b3a4f.css", 200, "new")
	_, err = f.home.Objects.ChangeSettings(t.Context(), f.b, func(s *object.Settings) error { s.Policy = &object.Policy{}; return nil })
	f.must(err)
	f.may = func(key string) bool { return key != "app.1c2b3a4f.css" }
	f.get("/app.1c2b3a4f.css", 403, "*")
	for name, want := range map[string]bool{"a/index-DQ2yB3Zc.js": true, "main.min." + sha("x") + ".css": true, "IMG_20240101.jpg": false, "photograph.jpg": false, "v1.css": false,
		"a1b2c3d4/x.css": false} {
		if site.Hashed(name) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
}

// TestADeploymentThatWasChanged: what lies under the prefix is checked before it is served.
func TestADeploymentThatWasChanged(t *testing.T) {
	f := newFixture(t, object.Site{Index: "index.html"})
	d := f.deploy("index.html", "one")
	f.put(site.Prefix+d.ID.String()+"/"+site.Hash(sha256.Sum256([]byte("one"))).String(), "two", object.Attrs{})
	f.get("/", 500, "*")
}

func TestStatistics(t *testing.T) {
	f := newFixture(t, object.Site{Index: "index.html"})
	f.put("index.html", "home", object.Attrs{})
	f.get("/", 200, "home")
	w := f.ask("GET", "/none")
	days, err := f.sites.Stats(t.Context(), f.b.ID)
	if err != nil || len(days) != 1 || days[0].Visit != (site.Visit{Hits: 2, Missing: 1, Bytes: int64(4 + w.Body.Len())}) {
		t.Error(days, err)
	}
}

// TestHTTP2InClear: a client that knows speaks HTTP/2 without TLS, others HTTP/1.1.
func TestHTTP2InClear(t *testing.T) {
	f := newFixture(t, object.Site{Index: "index.html"})
	f.put("index.html", "home", object.Attrs{})
	srv := httptest.NewUnstartedServer(nil)
	srv.Config = web.NewServer(f.web)
	srv.Start()
	defer srv.Close()
	for _, h2 := range []bool{false, true} {
		p := new(http.Protocols)
		p.SetHTTP1(!h2)
		p.SetUnencryptedHTTP2(h2)
		tr := &http.Transport{Protocols: p}
		r, err := http.NewRequest("GET", srv.URL, nil)
		f.must(err)
		r.Host = host
		resp, err := (&http.Client{Transport: tr, Timeout: 10 * time.Second}).Do(r)
		f.must(err)
		b, err := io.ReadAll(resp.Body)
		f.must(errors.Join(err, resp.Body.Close()))
		if string(b) != "home" || (resp.ProtoMajor == 2) != h2 {
			t.Errorf("%s %q", resp.Proto, b)
		}
		tr.CloseIdleConnections()
	}
}

// FuzzPath asks for any path: it leads to an object of that very key, or nowhere.
func FuzzPath(f *testing.F) {
	for _, s := range []string{"/", "/a/../b", "/a%2fb", "/%2e%2e/x", "//x", "/\\x", "/a/", "/.rhizome/site/x", "/%00", "/a//", "*", "/.rhizome0"} {
		f.Add(s)
	}
	home := objecttest.Open(f, vfs.NewCrashable(), objecttest.NewIdentity())
	f.Cleanup(func() { home.Close(f) })
	sites := site.New(site.Config{Registers: home.Regs, Buckets: home.Objects, Clock: home.Clock})
	asked := &asking{Store: home.Objects}
	h := web.New(web.Config{Live: web.Source{Sites: sites, Objects: asked}, Clock: home.Clock})
	b, err := home.Objects.CreateBucket(f.Context(), "blog", nil, false)
	if err == nil {
		b, err = sites.Create(f.Context(), b, object.Site{Index: "index.html"})
	}
	if err == nil {
		_, err = sites.Claim(f.Context(), b, host, "")
	}
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, path string) {
		r, err := http.NewRequest("GET", "http://"+host+path, nil)
		if err != nil {
			return
		}
		r.Host = host
		asked.keys = nil
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		for _, k := range asked.keys {
			if strings.HasPrefix(k, ".rhizome/") || strings.ContainsAny(k, "\\\x00\n") || strings.Contains("/"+k+"/", "/../") || bytes.HasPrefix([]byte(k), []byte("/")) {
				t.Errorf("%q asked for %q", path, k)
			}
		}
		if loc := w.Header().Get("Location"); strings.HasPrefix(loc, "//") || strings.HasPrefix(loc, "/\\") {
			t.Errorf("%q leads to %q", path, loc)
		}
	})
}

// asking notes the keys that are asked for.
type asking struct {
	*object.Store
	keys []string
}

func (a *asking) Stat(ctx context.Context, b *object.Bucket, g object.Get) (*object.Object, error) {
	a.keys = append(a.keys, g.Key)
	return a.Store.Stat(ctx, b, g)
}

// TestAnAnswerThatBreaks: a visitor does not take the part that was sent for the whole.
func TestAnAnswerThatBreaks(t *testing.T) {
	f := newFixture(t, object.Site{Index: "index.html"})
	f.put("big.bin", strings.Repeat("x", 3<<20), object.Attrs{})
	srv := httptest.NewUnstartedServer(nil)
	srv.Config = web.NewServer(web.New(web.Config{Live: web.Source{Sites: f.sites, Objects: breaking{f.home.Objects}}, Clock: f.home.Clock}))
	srv.Start()
	defer srv.Close()
	for _, h2 := range []bool{false, true} {
		p := new(http.Protocols)
		p.SetHTTP1(!h2)
		p.SetUnencryptedHTTP2(h2)
		tr := &http.Transport{Protocols: p}
		r, err := http.NewRequest("GET", srv.URL+"/big.bin", nil)
		f.must(err)
		r.Host = host
		resp, err := (&http.Client{Transport: tr, Timeout: 10 * time.Second}).Do(r)
		f.must(err)
		if n, err := io.Copy(io.Discard, resp.Body); err == nil {
			t.Errorf("%s: %d bytes and no error", resp.Proto, n)
		}
		_ = resp.Body.Close()
		tr.CloseIdleConnections()
	}
}

// breaking are objects that cannot be read to the end.
type breaking struct{ *object.Store }

func (b breaking) Get(ctx context.Context, at *object.Bucket, g object.Get) (*object.Object, error) {
	o, err := b.Store.Get(ctx, at, g)
	if err == nil {
		o.Body = broken{o.Body, io.LimitReader(o.Body, 1<<20)}
	}
	return o, err
}

type broken struct {
	io.Closer
	r io.Reader
}

func (b broken) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if err == io.EOF {
		err = errors.New("the disk is gone")
	}
	return n, err
}
