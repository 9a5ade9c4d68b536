package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rhizome/e2e/harness"
)

// up waits until the service runs and its node answers, and returns its process.
func (m *machine) up() (pid string) {
	m.t.Helper()
	harness.Eventually(m.t, 30*time.Second, "the service is active and its node answers", func() bool {
		if state, _ := m.try("systemctl", "is-active", "rhizome"); state != "active" {
			return false
		}
		_, err := m.try("rhizome", "status", "--json")
		return err == nil
	})
	return m.run("systemctl", "show", "--property=MainPID", "--value", "rhizome")
}

// answers reports whether S3 answers on the machine.
func (m *machine) answers(url string) bool {
	code, err := m.try("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", url)
	return err == nil && code == "403" // anonymous
}

func (m *machine) holdsBucket() {
	m.t.Helper()
	var list []struct{ Names []string }
	out := m.run("rhizome", "bucket", "list", "--json")
	if err := json.Unmarshal([]byte(out), &list); err != nil || !strings.Contains(out, "album") {
		m.t.Errorf("the bucket is gone: %v %s", err, out)
	}
}

// TestService: on a machine with systemd the service is installed by one command, comes
// back after a kill and a restart, ends when asked, takes new settings, says so when its
// node does not come up, and goes without a trace of the data lost.
func TestService(t *testing.T) {
	t.Parallel()
	canary := filepath.Join(os.TempDir(), "rhizome-canary-"+filepath.Base(t.TempDir()))
	must(t, os.WriteFile(canary, nil, 0o600))
	t.Cleanup(func() { must(t, os.Remove(canary)) }) // the machine empties a /tmp, but not this one
	m := newMachine(t)

	m.run("rhizome", "service", "install")
	pid := m.up()
	if !m.answers("http://127.0.0.1:3900") {
		t.Error("S3 does not answer")
	}
	if got := m.run("stat", "-c", "%U %a", "/var/lib/rhizome"); got != "rhizome 700" {
		t.Errorf("the data folder belongs to %s", got)
	}
	if got := m.run("ps", "-o", "user=", "-p", pid); got != "rhizome" {
		t.Errorf("the node runs as %s", got)
	}
	m.run("rhizome", "bucket", "create", "album")

	m.run("systemctl", "restart", "rhizome")
	again := m.up()
	if again == pid {
		t.Error("a restart left the process")
	}
	m.holdsBucket()

	m.run("systemctl", "kill", "--signal=KILL", "rhizome")
	harness.Eventually(t, 30*time.Second, "the killed node is back", func() bool {
		now, _ := m.try("systemctl", "show", "--property=MainPID", "--value", "rhizome")
		return now != again && now != "0"
	})
	m.up()
	m.holdsBucket()

	m.run("systemctl", "stop", "rhizome")
	if got := m.run("systemctl", "show", "--property=Result,ExecMainStatus,ExecMainCode", "--value", "rhizome"); got != "success\n1\n0" && got != "1\n0\nsuccess" {
		t.Errorf("the service did not end cleanly by itself: %q", got)
	}

	// Other settings, a port that only root may open among them.
	m.run("rhizome", "service", "install", "--system", "--s3", "0.0.0.0:80", "--home", "a 50% \"home\"")
	m.up()
	if !m.answers("http://127.0.0.1:80") || m.answers("http://127.0.0.1:3900") {
		t.Error("S3 does not answer on port 80 alone")
	}
	m.holdsBucket()
	// The service runs: a second installation has it take up what is new.
	m.run("rhizome", "service", "install", "--system", "--s3", "127.0.0.1:3901")
	if !m.answers("http://127.0.0.1:3901") {
		t.Error("a service that runs does not take up new settings")
	}
	if out, err := m.try("rhizome", "service", "install", "--system", "--s3", "192.0.2.1:3900"); err == nil || !strings.Contains(out, "192.0.2.1") {
		t.Errorf("a node that cannot come up is said to be started: %v %s", err, out)
	}

	m.run("rhizome", "service", "uninstall")
	if out, err := m.try("systemctl", "cat", "rhizome"); err == nil {
		t.Errorf("the unit is left: %s", out)
	}
	if out, _ := m.try("pgrep", "-x", "rhizome"); out != "" {
		t.Errorf("the node still runs: %s", out)
	}
	m.run("test", "-d", "/var/lib/rhizome/rows")
	if _, err := m.try("rhizome", "service", "uninstall"); err == nil {
		t.Error("what is not installed was removed")
	}
}
