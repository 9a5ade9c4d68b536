package admin

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7/pkg/signer"

	"rhizome/base/errs"
	"rhizome/base/lang"
	"rhizome/gateway/admin/api"
	"rhizome/gateway/admin/client"
	"rhizome/model/account"
)

// keys is a Keys with a fixed answer.
type keys struct {
	Keys
	all  []*account.Key
	fail error
}

func (k keys) Key(_ context.Context, id string) (*account.Key, error) {
	for _, x := range k.all {
		if x.ID == id {
			return x, nil
		}
	}
	return nil, errs.Newf(errs.NotFound, "there is no key %q", id)
}

type keyList struct{ keys }

func (k keyList) Keys(context.Context) ([]*account.Key, error) { return k.all, k.fail }

func server(k keyList) *Server {
	return New(Config{Keys: k, Logger: slog.New(slog.DiscardHandler)})
}

func ask(s *Server, method, path, body, lang string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Accept-Language", lang)
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w
}

// TestPresign compares with the signer of minio-go, which takes the time from the
// machine: it signs first, and ours signs for the same second.
func TestPresign(t *testing.T) {
	for _, object := range []string{"a", "dir/a b/é+%25&=?#.txt", "~-_.!*'()"} {
		req, err := http.NewRequest("GET", "http://127.0.0.1:3900/photos/"+escape(object, true), nil)
		if err != nil {
			t.Fatal(err)
		}
		theirs := signer.PreSignV4(*req, "AKIAIOSFODNN7EXAMPLE", "secret/key", "", "eu-west-3", 86400).URL.Query()
		now, err := time.Parse("20060102T150405Z", theirs.Get("X-Amz-Date"))
		if err != nil {
			t.Fatal(err)
		}
		link, err := presign(signing{
			Base: "http://127.0.0.1:3900", Bucket: "photos", Object: object, Region: "eu-west-3",
			Key: "AKIAIOSFODNN7EXAMPLE", Secret: "secret/key", Now: now, Seconds: 86400,
		})
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(link)
		if err != nil || u.Query().Encode() != theirs.Encode() || u.Path != "/photos/"+object {
			t.Errorf("%s:\n%v %s\n%s", object, err, u.Query().Encode(), theirs.Encode())
		}
	}
}

func TestFailuresAreSaidInThePersonsLanguage(t *testing.T) {
	s := server(keyList{})
	en, fr := ask(s, "GET", "/v1/keys/none", "", "en"), ask(s, "GET", "/v1/keys/none", "", "fr")
	if en.Code != 404 || !strings.Contains(en.Body.String(), `there is no key \"none\"`) || !strings.Contains(en.Body.String(), `"kind":"not found"`) {
		t.Errorf("%d %s", en.Code, en.Body)
	}
	if fr.Code != 404 || !strings.Contains(fr.Body.String(), `il n'y a pas de clé`) {
		t.Errorf("%d %s", fr.Code, fr.Body)
	}
}

// TestReasonsAreSaidInThePersonsLanguage, also those that stand within an answer.
func TestReasonsAreSaidInThePersonsLanguage(t *testing.T) {
	fr := lang.New(lang.French)
	gone := errs.New(errs.Unavailable, "no disk of this node can take bytes: none is mounted")
	disks := sayDisks(fr, []api.Disk{{State: api.DiskLost, Err: gone}, {State: api.DiskOK}})
	if disks[0].Reason != fr.Error(gone) || disks[0].Reason == gone.Error() || disks[1].Reason != "" {
		t.Errorf("%q, %q", disks[0].Reason, disks[1].Reason)
	}
	r := sayRepair(fr, api.Repair{Lost: []api.Damage{{Reason: "its bytes are missing"}, {Err: gone}}, Snapshot: api.Snapshot{Err: gone}})
	if r.Lost[0].Reason != "ses octets manquent" || r.Lost[1].Reason != fr.Error(gone) || r.Snapshot.Reason != fr.Error(gone) {
		t.Errorf("%+v", r)
	}
}

// TestSnapshotsThatFailAreARisk once the last one is two days old.
func TestSnapshotsThatFailAreARisk(t *testing.T) {
	now := time.Date(2026, 1, 10, 0, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) *time.Time { at := now.Add(-d); return &at }
	for name, c := range map[string]struct {
		s    api.Snapshot
		risk bool
	}{
		"new node":           {api.Snapshot{}, false},
		"nothing changed":    {api.Snapshot{Last: ago(100 * time.Hour)}, false},
		"failed once":        {api.Snapshot{Last: ago(30 * time.Hour), Reason: "no room"}, false},
		"failed for long":    {api.Snapshot{Last: ago(49 * time.Hour), Reason: "no room"}, true},
		"never a single one": {api.Snapshot{Reason: "no room"}, true},
	} {
		h := healthOf(health(lang.New(lang.English), api.Status{Repair: api.Repair{Snapshot: c.s}}, now))
		if (h.State == api.Risk) != c.risk {
			t.Errorf("%s: %+v", name, h)
		}
	}
}

func TestEveryKindHasAStatus(t *testing.T) {
	for k := errs.Internal; k <= errs.Full; k++ {
		if statusOf[k] < 400 {
			t.Errorf("%v has status %d", k, statusOf[k])
		}
	}
}

func TestRequestsAreLimitedAndStrict(t *testing.T) {
	s := server(keyList{})
	large := strings.Repeat(" ", maxJSON-10)
	for body, want := range map[string]string{
		large + `{"name":"x"}`: "too large", `{"nmae":"x"}`: "nmae", `{`: "EOF", `{"name":""}`: "1 to 128 bytes",
		large + `{}`: "1 to 128 bytes", // as long as may be
	} {
		if w := ask(s, "POST", "/v1/keys", body, "en"); w.Code != 400 || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%.20s: %d %s", strings.TrimSpace(body), w.Code, w.Body)
		}
	}
	if w := ask(s, "GET", "/v2/keys", "", "en"); w.Code != 404 {
		t.Errorf("%d", w.Code)
	}
}

func TestNamesOfKeysMustBeClear(t *testing.T) {
	s := server(keyList{keys{all: []*account.Key{{ID: "A1", Name: "x"}, {ID: "A2", Name: "x"}, {ID: "A3", Name: "y", Secret: "hush"}}}})
	if w := ask(s, "GET", "/v1/keys/x", "", "en"); w.Code != 400 || !strings.Contains(w.Body.String(), "several keys") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := ask(s, "GET", "/v1/keys/y", "", "en"); w.Code != 200 || strings.Contains(w.Body.String(), "hush") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := ask(s, "GET", "/v1/keys", "", "en"); strings.Contains(w.Body.String(), "hush") {
		t.Error("the list shows secrets")
	}
}

// serveOn runs the handler on a socket in dir and returns a client of it.
func serveOn(t *testing.T, dir string, h http.Handler) *client.Client {
	t.Helper()
	ln, err := Listen(dir)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: h}
	done := make(chan struct{})
	go func() { _ = srv.Serve(ln); close(done) }()
	t.Cleanup(func() { _ = srv.Close(); <-done })
	c := client.New(dir, "en")
	t.Cleanup(c.Close)
	return c
}

func TestSocket(t *testing.T) {
	short := t.TempDir()
	long := filepath.Join(t.TempDir(), strings.Repeat("x", 100), strings.Repeat("y", 100))
	if err := os.MkdirAll(long, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{short, long} {
		if err := os.WriteFile(filepath.Join(dir, api.SocketName), nil, 0o644); err != nil { // a dead process's
			t.Fatal(err)
		}
		c := serveOn(t, dir, server(keyList{keys{all: []*account.Key{{ID: "A1"}}}}).Handler())
		info, err := os.Stat(filepath.Join(dir, api.SocketName))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%v %v", info, err)
		}
		var got []api.Key
		if err := c.Get(t.Context(), client.Path("keys"), &got); err != nil || len(got) != 1 {
			t.Errorf("%d bytes of path: %v %v", len(dir), got, err)
		}
		if err := c.Get(t.Context(), client.Path("keys", "a/b"), nil); !errors.Is(err, errs.NotFound) {
			t.Errorf("kinds do not come back: %v", err)
		}
	}
}

func TestClientOfNobody(t *testing.T) {
	dir := t.TempDir()
	c := client.New(dir, "en")
	if err := c.Get(t.Context(), client.Path("status"), nil); !errors.Is(err, client.ErrNotRunning) {
		t.Errorf("no socket: %v", err)
	}
	if err := c.Get(t.Context(), client.Path("status"), nil); err == nil {
		t.Error("no error")
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	none := filepath.Join(dir, "none")
	for at, want := range map[string]string{dir: "start it with rhizome up --data X", file: file + " is no folder", none: "there is no folder " + none} {
		c := client.New(at, "en")
		c.At = " --data X"
		if err := c.Get(t.Context(), client.Path("status"), nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", at, err)
		}
	}
	ln, err := Listen(dir)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, api.SocketName)
	if err := os.Rename(path, path+".kept"); err != nil {
		t.Fatal(err)
	}
	_ = ln.Close()
	if err := os.Rename(path+".kept", path); err != nil {
		t.Fatal(err)
	}
	if err := c.Get(t.Context(), client.Path("status"), nil); !errors.Is(err, client.ErrNotRunning) {
		t.Errorf("a dead socket: %v", err)
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	c := serveOn(t, t.TempDir(), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/bad" {
			w.WriteHeader(500)
		}
		_, _ = io.Copy(w, bytes.NewReader([]byte("<html>")))
	}))
	for _, path := range []string{"bad", "good"} {
		if err := c.Get(t.Context(), client.Path(path), &struct{}{}); !errors.Is(err, errs.Internal) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(`{"access_key_id":"x","read":true}`)
	f.Add(`{"access_key_id":"x"}{}`)
	f.Fuzz(func(t *testing.T, body string) {
		r := httptest.NewRequest("POST", "/", strings.NewReader(body))
		if _, err := read[api.SetAccess](r); err != nil && !errors.Is(err, errs.Invalid) {
			t.Errorf("%q: %v", body, err)
		}
	})
}
