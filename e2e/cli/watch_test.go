package cli

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"rhizome/e2e/harness"
)

// TestWatched: metrics are served where they were asked for, and a web address and a
// command are told once that two homes alone are a risk.
func TestWatched(t *testing.T) {
	t.Parallel()
	posts := make(chan []byte, 16)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		posts <- raw
	}))
	defer hook.Close()
	mail := filepath.Join(t.TempDir(), "mail")
	local := []string{"--peer", "127.0.0.1:0", "--capacity", "1GB"}
	a := harness.Start(t, append(local, "--home", "garden", "--metrics", "127.0.0.1:0",
		"--risk-webhook", hook.URL+"/secret", "--risk-command", "cat >> '"+mail+"'")...)
	var in struct{ Text string }
	into(t, a, &in, "invite")
	harness.New(t, filepath.Join(t.TempDir(), "data"), append(local, "--home", "attic", "--join", in.Text)...).Start()
	put(t, a, "/watched", "")

	where := regexp.MustCompile(`http://[0-9.:]+/metrics`).FindString(a.LogTail(1 << 20))
	resp, err := http.Get(where)
	must(t, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	must(t, err)
	printed := a.MustCLI("metrics")
	for _, want := range []string{`rhizome_s3_requests_total{class="2xx",operation="CreateBucket"} 1`, `rhizome_node_up{home="garden"`, `rhizome_partitions{state="total"} 1024`} {
		if !strings.Contains(string(raw), want) || !strings.Contains(printed, want) {
			t.Errorf("%s is missing in what %s serves, or in what is printed:\n%s", want, where, raw)
		}
	}

	var m struct {
		State, Home, Text string
		Reasons           []struct{ Kind string }
	}
	select {
	case got := <-posts:
		must(t, json.Unmarshal(got, &m))
	case <-time.After(5 * time.Minute):
		t.Fatal("nobody was told")
	}
	if m.State != "risk" || m.Home != "garden" || len(m.Reasons) == 0 || m.Reasons[0].Kind != "fragile" {
		t.Errorf("told %+v", m)
	}
	harness.Eventually(t, time.Minute, "the command is told too", func() bool {
		text, err := os.ReadFile(mail)
		return err == nil && string(text) == m.Text
	})
	if log := a.LogTail(1 << 20); strings.Contains(log, "/secret") {
		t.Errorf("the address of the hook is in the log:\n%s", log)
	}
}
