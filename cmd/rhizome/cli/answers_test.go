package cli

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"rhizome/base/lang"
	"rhizome/gateway/admin"
	"rhizome/gateway/admin/api"
)

// answers is a node that gives the same answer to each call: the method and path, and what it says.
type answers struct {
	t    *testing.T
	data string
	says map[string]any

	mu   sync.Mutex
	got  []string // the changes that it was asked for
	body string   // of the last one
}

func newAnswers(t *testing.T, all map[string]any) *answers {
	a := &answers{t: t, data: t.TempDir(), says: all}
	ln, err := admin.Listen(a.data)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(a.serve)}
	done := make(chan struct{})
	go func() { _ = srv.Serve(ln); close(done) }()
	t.Cleanup(func() { _ = srv.Close(); <-done })
	return a
}

func (a *answers) serve(w http.ResponseWriter, r *http.Request) {
	call := r.Method + " " + strings.TrimPrefix(r.URL.Path, "/v1/")
	body, err := io.ReadAll(r.Body)
	if err != nil {
		a.t.Error(err)
	}
	if r.Method != http.MethodGet {
		a.mu.Lock()
		a.got, a.body = append(a.got, call), string(body)
		a.mu.Unlock()
	}
	answer, known := a.says[call]
	if !known {
		w.WriteHeader(http.StatusNotFound)
		answer = map[string]any{"error": map[string]string{"kind": "not found", "message": "nothing at " + call}}
	}
	if err := json.NewEncoder(w).Encode(answer); err != nil {
		a.t.Error(err)
	}
}

// run runs a command line and returns what it said, and whether it went well.
func (a *answers) run(env map[string]string, line ...string) (said string, ok bool) {
	a.t.Helper()
	a.got, a.body = nil, ""
	app, out, msg := app(lang.English)
	app.Getenv = func(name string) string { return env[name] }
	code := app.Run(a.t.Context(), append(line, "--data", a.data))
	return out.String() + msg.String(), code == 0
}

// holds runs a command line that goes well, or not, and looks for what it has to say.
func (a *answers) holds(ok bool, want string, line ...string) {
	a.t.Helper()
	said, went := a.run(nil, line...)
	if went != ok || !strings.Contains(said, want) {
		a.t.Errorf("rhizome %s: %v, not %q:\n%s", strings.Join(line, " "), went, want, said)
	}
}

// TestHintsOfCommands: what to do next is said, and what may not have been meant.
func TestHintsOfCommands(t *testing.T) {
	photos := api.Bucket{ID: "1", Names: []string{"photos"}, Objects: 4, Versioning: api.VersioningOn,
		Notify: []api.Notify{{ID: "inbox", Webhook: "inbox"}}, Lock: &api.BucketLock{On: true, Mode: api.Governance, Days: 30}}
	logs := api.Bucket{ID: "2", Names: []string{"logs"}, Objects: 3}
	there := api.Object{Key: "garden.jpg", Size: 3}
	a := newAnswers(t, map[string]any{
		"GET buckets": []api.Bucket{photos, logs}, "GET buckets/photos": photos, "GET buckets/logs": logs,
		"PUT buckets/photos/logging": photos, "PUT buckets/logs/logging": logs,
		"POST buckets/photos/undelete": api.Undeleted{Object: there},
		"POST buckets/photos/restore":  api.Restored{Deleted: 1, Brought: 2},
		"GET webhooks/inbox":           api.Webhook{Name: "inbox"}, "GET webhooks/unused": api.Webhook{Name: "unused"}, "DELETE webhooks/unused": nil,
		"GET remotes": []api.Remote{{Name: "jar"}}, "DELETE remotes/jar": nil, "PUT remotes/jar": api.Remote{Name: "jar"},
		"GET sites": []api.Site{{Bucket: "a"}, {Bucket: "b"}}, "GET sites/a": api.Site{Bucket: "a"}, "PUT sites/a": api.Site{Bucket: "a"}, "GET sites/a/stats": []api.SiteDay{},
		"POST keys": api.Key{Name: "website", ID: "A1"},
	})
	a.holds(true, "was not deleted; nothing was done", "object", "undelete", "photos/garden.jpg")
	a.says["POST buckets/photos/undelete"] = api.Undeleted{Object: there, Was: true}
	a.holds(true, "garden.jpg is back", "object", "undelete", "photos/garden.jpg")

	a.holds(false, "1 of these objects was not there yet. Deleted by it: 1; brought back: 2. Do it?", "object", "restore", "photos/", "--prefix", "--at", "2026-01-01 12:00")
	a.holds(true, "into the bucket that it is about", "bucket", "logging", "photos", "--to", "photos")
	a.holds(true, "locked for 30 days", "bucket", "logging", "logs", "--to", "photos")
	if said, ok := a.run(nil, "bucket", "logging", "photos", "--to", "logs"); !ok || strings.Contains(said, "log can") || strings.Contains(said, "about") {
		t.Errorf("a log beside it: %s", said)
	}

	a.holds(false, "rhizome bucket lifecycle photos --expire 1d --noncurrent 1d", "bucket", "delete", "photos")
	a.holds(false, "aws s3 rm --recursive s3://logs", "bucket", "delete", "logs")

	a.holds(false, "rhizome bucket notify photos --webhook inbox --off", "webhook", "remove", "inbox", "--yes")
	a.holds(true, "is forgotten", "webhook", "remove", "unused", "--yes")
	a.holds(false, `Forget the webhook "unused"`, "webhook", "remove", "unused")

	a.holds(false, "there is no remote", "remote", "delete", "basket")
	a.holds(true, "is forgotten", "remote", "delete", "jar", "--yes")
	a.holds(true, "jar", "remote", "set", "jar", "--region", "")
	if !strings.Contains(a.body, `"region":""`) || strings.Contains(a.body, "endpoint") {
		t.Errorf("no region any more: %s", a.body)
	}

	a.holds(true, "Nobody came yet", "site", "stats", "--site", "a")
	a.holds(true, "", "site", "info", "--site", "a")
	a.holds(true, "", "site", "deployments", "--site", "a")
	a.holds(true, "", "site", "set", "--site", "a", "--listing")
	a.holds(true, "", "site", "set", "a", "--listing")
	a.holds(false, "not both", "site", "stats", "b", "--site", "a")
	a.holds(false, "several sites", "site", "set", "--listing")

	pair := map[string]string{"AWS_ACCESS_KEY_ID": "A1", "AWS_SECRET_ACCESS_KEY": "secret"}
	if said, ok := a.run(pair, "key", "import", "website"); !ok || !strings.Contains(said, "from the variables AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY") {
		t.Errorf("a pair of the environment: %s", said)
	}
}
