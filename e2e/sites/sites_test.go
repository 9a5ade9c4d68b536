package sites

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"rhizome/bench/store"
	"rhizome/e2e/harness"
)

// port returns the port on which a node serves sites.
func port(t *testing.T, p *store.Process) string {
	t.Helper()
	var status struct{ Web struct{ Address string } }
	out, err := p.CLI("status", "--json")
	if err == nil {
		err = json.Unmarshal([]byte(out), &status)
	}
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(status.Web.Address)
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// visit asks a node for a path of a site.
func visit(p, host, path string) (status int, body string, h http.Header, err error) {
	r, err := http.NewRequest("GET", "http://127.0.0.1:"+p+path, nil)
	if err != nil {
		return 0, "", nil, err
	}
	r.Host = host
	c := &http.Client{Timeout: 20 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := c.Do(r)
	if err != nil {
		return 0, "", nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), resp.Header, err
}

func want(t *testing.T, p, host, path string, status int, body string) http.Header {
	t.Helper()
	s, b, h, err := visit(p, host, path)
	if err != nil || s != status || !strings.Contains(b, body) {
		t.Errorf("%s%s: %d %.200q %v, want %d %q", host, path, s, b, err, status, body)
	}
	return h
}

// hugo makes a small site with Hugo and returns the folder of its output.
func hugo(t *testing.T, dir, greeting string) string {
	t.Helper()
	for name, text := range map[string]string{
		"config.toml":                  "baseURL = \"/\"\ntitle = \"Garden\"\n",
		"layouts/index.html":           `<!DOCTYPE html><html><head><title>{{.Site.Title}}</title><link rel="stylesheet" href="/style.css"></head><body><h1>` + greeting + `</h1>{{range .Site.RegularPages}}<a class="post" href="{{.RelPermalink}}">{{.Title}}</a>{{end}}</body></html>`,
		"layouts/_default/single.html": `<!DOCTYPE html><html><head><title>{{.Title}}</title></head><body><h1>{{.Title}}</h1><div id="text">{{.Content}}</div><a id="home" href="/">home</a></body></html>`,
		"layouts/_default/list.html":   `<!DOCTYPE html><html><body>{{range .Pages}}<a href="{{.RelPermalink}}">{{.Title}}</a>{{end}}</body></html>`,
		"layouts/404.html":             "<!DOCTYPE html><html><body>no such bed</body></html>",
		"content/posts/tomatoes.md":    "---\ntitle: Tomatoes\ndate: 2026-05-01\n---\nThey like the *sun*.\n",
		"static/style.css":             "h1 { color: rgb(1, 2, 3) }\n",
	} {
		harness.WriteFile(t, dir, name, []byte(text))
	}
	cmd := exec.Command("hugo", "--source", dir, "--quiet")
	cmd.Env = append(os.Environ(), "HUGO_CACHEDIR="+t.TempDir())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("hugo: %v\n%s", err, out)
	}
	return filepath.Join(dir, "public")
}

// chromium starts a browser; do has it do something, and see holds what it shows against what is wanted.
func chromium(t *testing.T) (do func(steps ...chromedp.Action[chromedp.Void]), see func(what chromedp.Action[string], want string)) {
	t.Helper()
	alloc, cancel := chromedp.NewExecAllocator(t.Context(), append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.ExecPath("chromium"))...)
	t.Cleanup(cancel)
	ctx, cancel := chromedp.NewContext(alloc)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(cancel)
	do = func(steps ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		if err := chromedp.Do(ctx, steps...); err != nil {
			t.Fatal(err)
		}
	}
	see = func(what chromedp.Action[string], want string) {
		t.Helper()
		if got, err := chromedp.Run(ctx, what); err != nil || got != want {
			t.Errorf("%q, want %q: %v", got, want, err)
		}
	}
	return do, see
}

// TestHugoInChromium: a site that Hugo made is deployed, opened, its links followed, changed
// and rolled back.
func TestHugoInChromium(t *testing.T) {
	n := harness.Start(t, "--web", "127.0.0.1:0")
	const host = "garden.localhost" // which browsers look for on this computer
	dir := t.TempDir()
	n.MustCLI("site", "create", host)
	n.MustCLI("site", "deploy", hugo(t, dir, "Welcome"))
	p := port(t, n.Process)
	base := "http://" + host + ":" + p

	do, see := chromium(t)
	do(chromedp.Navigate(base + "/"))
	see(chromedp.Text("h1"), "Welcome")
	see(chromedp.Evaluate[string](`getComputedStyle(document.querySelector("h1")).color`), "rgb(1, 2, 3)")
	do(chromedp.Click("a.post"), chromedp.WaitVisible("#text"))
	see(chromedp.Text("#text"), "They like the sun.")
	see(chromedp.Location(), base+"/posts/tomatoes/")
	do(chromedp.Click("#home"), chromedp.WaitVisible("a.post"))
	see(chromedp.Text("h1"), "Welcome")
	want(t, p, host, "/nothing", 404, "no such bed")
	want(t, p, "www."+host, "/", 301, "")
	if h := want(t, p, host, "/posts/tomatoes", 301, ""); h.Get("Location") != "/posts/tomatoes/" {
		t.Error(h)
	}
	out := n.MustCLI("site", "deploy", hugo(t, dir, "Welcome back"), "--json")
	var deployed struct{ Files, Sent int }
	if err := json.Unmarshal([]byte(out), &deployed); err != nil || deployed.Sent == 0 || deployed.Sent >= deployed.Files {
		t.Errorf("%v: %s", err, out)
	}
	for _, greeting := range []string{"Welcome back", "Welcome"} {
		do(chromedp.Reload())
		see(chromedp.Text("h1"), greeting)
		n.MustCLI("site", "rollback", "--to", "plain") // and back again, whichever it was
		want(t, p, host, "/", 404, "")
		var list []struct{ ID string }
		if err := json.Unmarshal([]byte(n.MustCLI("site", "deployments", "--json")), &list); err != nil || len(list) != 2 {
			t.Fatal(list, err)
		}
		n.MustCLI("site", "rollback", list[1].ID)
	}
}

// TestRollback: without an ID the site goes back to what it was before, as often as there is anything.
func TestRollback(t *testing.T) {
	n := harness.Start(t, "--web", "127.0.0.1:0")
	n.MustCLI("site", "create", "example.org")
	dir := t.TempDir()
	p := port(t, n.Process)
	if out, err := n.CLI("site", "rollback"); err == nil {
		t.Error("back to nothing:", out)
	}
	for _, text := range []string{"one", "two", "three"} {
		harness.WriteFile(t, dir, "index.html", []byte(text))
		n.MustCLI("site", "deploy", dir)
	}
	for _, text := range []string{"two", "one"} {
		n.MustCLI("site", "rollback")
		want(t, p, "example.org", "/", 200, text)
	}
	if out, err := n.CLI("site", "rollback"); err == nil {
		t.Error("back to before the first:", out)
	}
	want(t, p, "example.org", "/", 200, "one")
}

// TestDeployRefuses: what must not get online does not.
func TestDeployRefuses(t *testing.T) {
	n := harness.Start(t, "--web", "127.0.0.1:0")
	n.MustCLI("site", "create", "example.org")
	dir := t.TempDir()
	if out, err := n.CLI("site", "deploy", dir); err == nil {
		t.Error("an empty folder:", out)
	}
	n.MustCLI("site", "deploy", dir, "--force")
	harness.WriteFile(t, dir, "public/index.html", []byte("home"))
	if out, err := deployed(n, dir); err != nil || !strings.Contains(out, "no first page") {
		t.Error("a folder that has the site in a folder of its own:", out, err)
	}
	harness.WriteFile(t, dir, "index.html", []byte("home"))
	if out, err := deployed(n, dir); err != nil || strings.Contains(out, "no first page") {
		t.Error(out, err)
	}
	harness.WriteFile(t, dir, ".git/config", []byte("secret"))
	harness.WriteFile(t, dir, ".well-known/security.txt", []byte("known"))
	n.MustCLI("site", "deploy", dir)
	p := port(t, n.Process)
	want(t, p, "example.org", "/.git/config", 404, "")
	want(t, p, "example.org", "/.well-known/security.txt", 200, "known")
	if err := os.Symlink("/etc/hostname", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if out, err := n.CLI("site", "deploy", dir); err == nil {
		t.Error("a link out of the folder:", out)
	}
	want(t, p, "example.org", "/", 200, "home")
	want(t, p, "example.org", "/link", 404, "")
}

// deployed deploys a folder and returns all that is said of it, warnings too.
func deployed(n *harness.Node, dir string) (string, error) {
	c := exec.Command(n.Bin, "site", "deploy", dir, "--data", n.Dir)
	c.Env = n.Env
	out, err := c.CombinedOutput()
	return string(out), err
}

// TestAWSWebsite: the aws command line makes a site, and S3 stays closed.
func TestAWSWebsite(t *testing.T) {
	n := harness.Start(t, "--web", "127.0.0.1:0", "--web-domain", "web.example")
	aws := harness.NewTool(t, "aws", []string{"AWS_ACCESS_KEY_ID=" + n.Key.ID, "AWS_SECRET_ACCESS_KEY=" + n.Key.Secret,
		"AWS_DEFAULT_REGION=us-east-1", "AWS_EC2_METADATA_DISABLED=true", "AWS_PAGER="}, "--endpoint-url", n.URL())
	src := filepath.Join(aws.Home(), "src")
	harness.WriteFile(t, src, "index.html", []byte("home"))
	harness.WriteFile(t, src, "error.html", []byte("nothing here"))
	aws.Run("s3", "mb", "s3://www.example.net")
	aws.Run("s3", "sync", "src", "s3://www.example.net")
	aws.Run("s3", "cp", "src/index.html", "s3://www.example.net/old", "--website-redirect", "/index.html")
	p := port(t, n.Process)
	want(t, p, "www.example.net", "/", 404, "")
	aws.Run("s3", "website", "s3://www.example.net", "--index-document", "index.html", "--error-document", "error.html")
	for _, host := range []string{"www.example.net", "www.example.net.web.example"} {
		want(t, p, host, "/", 200, "home")
		want(t, p, host, "/none", 404, "nothing here")
		if h := want(t, p, host, "/old", 301, ""); h.Get("Location") != "/index.html" {
			t.Error(h)
		}
	}
	if out := aws.Run("s3api", "get-bucket-website", "--bucket", "www.example.net"); !strings.Contains(out, "error.html") {
		t.Error(out)
	}
	if resp, err := http.Get(n.URL() + "/www.example.net/index.html"); err != nil || resp.StatusCode != 403 {
		t.Error("S3 is open", err)
	} else {
		_ = resp.Body.Close()
	}
	aws.Run("s3api", "delete-bucket-website", "--bucket", "www.example.net")
	want(t, p, "www.example.net", "/", 404, "")
}
