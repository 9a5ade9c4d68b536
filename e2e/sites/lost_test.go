package sites

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"rhizome/bench/store"
	"rhizome/e2e/harness"
)

// garden is a site on three homes, of which the last is the one that is lost.
type garden struct {
	t     *testing.T
	host  string
	ports []string
	pages map[string]string // what each path shows
	// lost is set before the last home is killed: from then on it may refuse, and no other may.
	lost atomic.Bool
}

// get asks one home, and reports whether its answer began and ended well.
func (g *garden) get(c *http.Client, home int, path string, from int) (*http.Response, bool) {
	r, err := http.NewRequestWithContext(g.t.Context(), "GET", "http://127.0.0.1:"+g.ports[home]+path, nil)
	if err != nil {
		panic(err)
	}
	r.Host = g.host
	want := 200
	if from > 0 {
		want = 206
		r.Header.Set("Range", fmt.Sprintf("bytes=%d-", from))
	}
	resp, err := c.Do(r)
	if err != nil {
		g.refused(home, path, err)
		return nil, false
	}
	if resp.StatusCode != want {
		_ = resp.Body.Close()
		g.t.Errorf("home %d, %s: %s", home, path, resp.Status)
		return nil, false
	}
	return resp, true
}

// refused says that a home broke off, which only the lost one may.
func (g *garden) refused(home int, path string, err error) {
	if home != len(g.ports)-1 || !g.lost.Load() {
		g.t.Errorf("home %d, which lives, %s: %v", home, path, err)
	}
}

// visitor goes from page to page over one connection, on to the next home where one breaks off, until
// stop is closed. Each page counts once it came.
func (g *garden) visitor(home int, came *atomic.Int64, stop <-chan struct{}) {
	c := &http.Client{Transport: &http.Transport{}, Timeout: time.Minute}
	defer c.CloseIdleConnections()
	for {
		for path, want := range g.pages {
			for tries := 0; ; tries++ {
				select {
				case <-stop:
					return
				default:
				}
				if tries == len(g.ports) {
					g.t.Errorf("no home shows %s", path)
					return
				}
				if resp, ok := g.get(c, home, path, 0); ok {
					b, err := io.ReadAll(resp.Body)
					_ = resp.Body.Close()
					if err == nil {
						if string(b) != want {
							g.t.Errorf("home %d shows something else at %s: %d bytes, want %d", home, path, len(b), len(want))
						}
						came.Add(1)
						break
					}
					g.refused(home, path, err)
				}
				home = (home + 1) % len(g.ports)
			}
		}
	}
}

// download fetches a file, of which it takes the first bytes, says so, and the rest when the home is
// lost; what is missing where a home breaks off it asks the next for. It returns how often one did.
func (g *garden) download(home int, path string, want []byte, begun, lost chan struct{}) (breaks int) {
	c := &http.Client{Transport: &http.Transport{}, Timeout: 2 * time.Minute}
	defer c.CloseIdleConnections()
	var got bytes.Buffer
	for ; breaks <= len(g.ports); breaks++ {
		resp, ok := g.get(c, (home+breaks)%len(g.ports), path, got.Len())
		if begun != nil {
			if ok {
				_, _ = io.CopyN(&got, resp.Body, 1<<20)
			}
			close(begun)
			begun = nil
			<-lost
		}
		if !ok {
			continue
		}
		_, err := io.Copy(&got, resp.Body)
		_ = resp.Body.Close()
		if err == nil {
			break
		}
		g.refused((home+breaks)%len(g.ports), path, err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		g.t.Errorf("%s from home %d on is something else: %d bytes", path, home, got.Len())
	}
	return breaks
}

// deploy makes the site with Hugo, deploys it and reads what each of its paths is to show.
func (g *garden) deploy(p *store.Process, dir, greeting string) {
	g.t.Helper()
	public := hugo(g.t, dir, greeting)
	if out, err := p.CLI("site", "deploy", public, "--site", g.host); err != nil {
		g.t.Fatal(out, err)
	}
	g.pages = map[string]string{}
	for path, file := range map[string]string{"/": "index.html", "/posts/": "posts/index.html", "/posts/tomatoes/": "posts/tomatoes/index.html", "/style.css": "style.css", "/sitemap.xml": "sitemap.xml"} {
		b, err := os.ReadFile(filepath.Join(public, file))
		if err != nil {
			g.t.Fatal(err)
		}
		g.pages[path] = string(b)
	}
	if !strings.Contains(g.pages["/"], greeting) {
		g.t.Fatalf("Hugo made %q", g.pages["/"])
	}
}

// everywhere holds what all pages of all homes that live show against what was deployed, asking once.
func (g *garden) everywhere() {
	g.t.Helper()
	for home := range g.ports {
		if home == len(g.ports)-1 && g.lost.Load() {
			continue
		}
		for path, body := range g.pages {
			if s, b, _, err := visit(g.ports[home], g.host, path); err != nil || s != 200 || b != body {
				g.t.Errorf("home %d, %s: %d, %d bytes, %v", home, path, s, len(b), err)
			}
		}
	}
}

// TestAHomeIsLost: a home of three is killed while visitors read a site that Hugo made and while a large
// file comes from it and from another. Every page and both files come whole; only requests to the
// killed home may fail, and only from that moment on. A browser follows the links meanwhile. What is
// deployed while the home is away it shows from its first answer on, when it is back. When two
// are gone, only a site that wants that goes on.
func TestAHomeIsLost(t *testing.T) {
	homes := &store.Homes{Bin: harness.Program(t), Dir: t.TempDir()}
	t.Cleanup(func() {
		for _, p := range homes.All {
			p.Kill()
		}
	})
	if err := homes.Up(3); err != nil {
		t.Fatal(err)
	}
	g := &garden{t: t, host: "garden.localhost"}
	for _, p := range homes.All {
		g.ports = append(g.ports, port(t, p))
	}
	const last, stale = 2, "stale.example.org"
	dir := t.TempDir()
	big := harness.Random(1, 48<<20) // more than connections hold that nobody reads from
	harness.WriteFile(t, dir, "static/big.bin", big)
	for _, args := range [][]string{{"site", "create", g.host}, {"site", "create", stale, "--stale-ok"}} {
		if out, err := homes.All[0].CLI(args...); err != nil {
			t.Fatal(out, err)
		}
	}
	g.deploy(homes.All[0], dir, "Welcome")
	if out, err := homes.All[0].CLI("site", "deploy", filepath.Join(dir, "public"), "--site", stale); err != nil {
		t.Fatal(out, err)
	}
	g.everywhere()

	var wait sync.WaitGroup
	stop, lost := make(chan struct{}), make(chan struct{})
	var came [6]atomic.Int64
	for i := range came {
		wait.Go(func() { g.visitor(i%len(g.ports), &came[i], stop) })
	}
	more := func(n int64, what string) { // waits until each visitor saw so many pages more
		t.Helper()
		var until [len(came)]int64
		for i := range came {
			until[i] = came[i].Load() + n
		}
		harness.Eventually(t, 2*time.Minute, what, func() bool {
			for i := range came {
				if came[i].Load() < until[i] {
					return t.Failed()
				}
			}
			return true
		})
	}
	var breaks [2]int
	for i, home := range []int{0, last} {
		begun := make(chan struct{})
		wait.Go(func() { breaks[i] = g.download(home, "/big.bin", big, begun, lost) })
		<-begun
	}
	more(20, "visitors under way")
	g.lost.Store(true)
	homes.All[last].Kill()
	close(lost)
	more(100, "pages from the homes that live")
	close(stop)
	wait.Wait()
	if breaks[0] != 0 || breaks[1] == 0 {
		t.Errorf("the downloads broke off %d times from a home that lives and %d from the killed one", breaks[0], breaks[1])
	}

	do, see := chromium(t)
	base := "http://" + g.host + ":" + g.ports[1]
	do(chromedp.Navigate(base + "/"))
	see(chromedp.Text("h1"), "Welcome")
	do(chromedp.Click("a.post"), chromedp.WaitVisible("#text"))
	see(chromedp.Text("#text"), "They like the sun.")
	do(chromedp.Click("#home"), chromedp.WaitVisible("a.post"))
	see(chromedp.Location(), base+"/")
	g.everywhere()

	g.deploy(homes.All[0], dir, "Welcome back")
	g.everywhere()
	if err := homes.All[last].Up(); err != nil {
		t.Fatal(err)
	}
	g.ports[last] = port(t, homes.All[last])
	g.lost.Store(false)
	g.everywhere()
	do(chromedp.Navigate("http://" + g.host + ":" + g.ports[last] + "/"))
	see(chromedp.Text("h1"), "Welcome back")

	want(t, g.ports[0], stale, "/", 200, "Welcome")
	homes.All[last].Kill()
	homes.All[1].Kill()
	if h := want(t, g.ports[0], stale, "/", 200, "Welcome"); h.Get("X-Rhizome-Stale") != "1" {
		t.Error("it does not say that it is stale:", h)
	}
	want(t, g.ports[0], stale, "/none", 404, "")
	want(t, g.ports[0], g.host, "/", 503, "")
}
