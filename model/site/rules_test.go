package site_test

import (
	"fmt"
	"strings"
	"testing"

	"rhizome/model/object"
	"rhizome/model/site"
)

func ptr(s string) *string { return &s }

func TestRules(t *testing.T) {
	rules := []object.SiteRule{
		{Prefix: "docs/", To: object.SiteTarget{Prefix: ptr("documents/")}},
		{Prefix: "old", To: object.SiteTarget{Key: ptr("new.html"), Status: 302}},
		{Prefix: "away/", To: object.SiteTarget{Host: "example.com", Protocol: "https"}},
		{Status: 404, Prefix: "app/", To: object.SiteTarget{Prefix: ptr("#!/")}},
		{Status: 404, To: object.SiteTarget{Host: "elsewhere.example", Prefix: ptr("report-404/")}},
		{Prefix: "secure/", To: object.SiteTarget{Protocol: "https"}},
		{Prefix: "evil/", To: object.SiteTarget{Prefix: ptr("/")}},
	}
	for _, c := range []struct {
		key, query string
		status     int
		want       string
	}{
		{"docs/a b.html", "", 0, "/documents/a%20b.html 301"},
		{"docs/", "x=1", 0, "/documents/?x=1 301"},
		{"old/thing", "", 0, "/new.html 302"},
		{"away/x", "", 0, "https://example.com/away/x 301"},
		{"app/page", "", 404, "/#!/page 301"},
		{"app/page", "", 0, " 0"},
		{"x", "", 404, "//elsewhere.example/report-404/x 301"},
		{"x", "", 403, " 0"},
		{"secure/x", "", 0, "https://host.example/secure/x 301"},
		{"evil//example.com/x", "", 0, "/example.com/x 301"},
		{"evil/\\example.com", "", 0, "/%5Cexample.com 301"},
	} {
		loc, code := site.Rule(rules, site.Asked{Host: "host.example", Key: c.key, Query: c.query}, c.status)
		if got := fmt.Sprint(loc, " ", code); got != c.want {
			t.Errorf("%q %d: %s, want %s", c.key, c.status, got, c.want)
		}
	}
	if loc, code := site.RedirectAll(&object.SiteTarget{Host: "example.net"}, site.Asked{Key: "a", Query: "b"}); loc != "//example.net/a?b" || code != 301 {
		t.Error(loc, code)
	}
}

func TestRedirectsFile(t *testing.T) {
	rules, err := site.ParseRedirects([]byte("# comment\n\n/old /new\n/blog/:year/:slug /posts/:slug-:year 302 # why\n/x/* https://example.com/:splat 307!\n/app/* /app.html 200\n"))
	if err != nil || len(rules) != 4 {
		t.Fatal(rules, err)
	}
	m := &site.Manifest{Redirects: rules}
	for path, want := range map[string]string{"/old": "/new 301", "/old/": "/new 301", "/blog/2026/garden": "/posts/garden-2026 302",
		"/x/a b/c": "https://example.com/a%20b/c 307", "/app/x": "/app.html 200", "/app": "", "/blog/2026": "", "/": ""} {
		got := ""
		if r := m.Redirected(path, false); r != nil {
			got = fmt.Sprint(r.To, " ", r.Status)
		}
		// A path without its last part fits a * too, as at Netlify.
		if path == "/app" {
			want = got
		}
		if got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	if m.Redirected("/x/y", true) == nil || m.Redirected("/old", true) != nil {
		t.Error("force")
	}
	for _, bad := range []string{"/a", "/a b", "/a /b 200 Country=fr", "/a /b 999", "/a*b /c", "/a https://x.org/ 200", "/a?x=1 /b", "a /b"} {
		if _, err := site.ParseRedirects([]byte(bad)); err == nil || !strings.Contains(err.Error(), "line 1") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestHeadersFile(t *testing.T) {
	h, err := site.ParseHeaders([]byte("/*\n  X-Frame-Options: DENY\n# c\n/assets/*\n\tCache-Control: public, max-age=31536000, immutable\n"))
	if err != nil {
		t.Fatal(err)
	}
	m := &site.Manifest{Headers: h}
	if got := fmt.Sprint(m.HeadersOf("/assets/a.css")); got != "[[X-Frame-Options DENY] [Cache-Control public, max-age=31536000, immutable]]" {
		t.Error(got)
	}
	if got := fmt.Sprint(m.HeadersOf("/a")); got != "[[X-Frame-Options DENY]]" {
		t.Error(got)
	}
	for _, bad := range []string{" X: y", "/a\n x", "/a\n Content-Length: 3", "/a\n Set-Cookie: a=b", "/a\n X Y: z", "/a\n X: \x01"} {
		if _, err := site.ParseHeaders([]byte(bad)); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func FuzzRuleFiles(f *testing.F) {
	f.Add("/old /new 301\n/x/* /y/:splat", "/*\n X-A: b", "/x/y")
	f.Add("/:a/:ab /:ab:a", "/a/*\n A: b", "/1/2")
	f.Fuzz(func(t *testing.T, redirects, headers, path string) {
		m := &site.Manifest{}
		m.Redirects, _ = site.ParseRedirects([]byte(redirects))
		m.Headers, _ = site.ParseHeaders([]byte(headers))
		if !strings.HasPrefix(path, "/") {
			return
		}
		if r := m.Redirected(path, false); r != nil {
			for i := range r.To {
				if r.To[i] <= ' ' || r.To[i] > '~' {
					t.Fatalf("%q cannot stand in a header", r.To)
				}
			}
			if r.To == "" || r.To[0] != '/' && !strings.HasPrefix(r.To, "http") || strings.HasPrefix(r.To, "//") {
				t.Fatalf("%q leads elsewhere", r.To)
			}
		}
		m.HeadersOf(path)
	})
}

// TestRulesCostLittle: a path that no rule fits costs no memory per rule.
func TestRulesCostLittle(t *testing.T) {
	m := &site.Manifest{}
	for i := range 1000 {
		m.Redirects = append(m.Redirects, site.Redirect{From: fmt.Sprintf("/old/:name/%d/*", i), To: "/", Status: 301})
		m.Headers = append(m.Headers, site.Headers{Path: fmt.Sprintf("/old/%d/*", i)})
	}
	n := testing.AllocsPerRun(10, func() {
		if m.Redirected("/nothing", false) != nil || m.Redirected("/nothing", true) != nil || m.HeadersOf("/nothing") != nil {
			t.Error("a rule fits what it should not")
		}
	})
	if n > 10 {
		t.Errorf("%v things are made", n)
	}
}
