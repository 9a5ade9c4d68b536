package cli

import (
	"strings"
	"testing"
	"time"

	"rhizome/e2e/harness"
)

// person logs in on the machine as one who is not its root, runs a command and logs out.
type person struct {
	*machine
	name string
}

// newPerson makes a user, whose folder is there and who may do nothing else.
func (m *machine) newPerson(name string) person {
	m.t.Helper()
	m.run("useradd", "--create-home", "--shell", "/bin/bash", name)
	return person{m, name}
}

// home is the person's folder.
func (p person) home() string { return "/home/" + p.name }

// try runs a command in a session of the person's own and returns what it wrote.
func (p person) try(args ...string) (string, error) {
	return p.machine.try(append([]string{"systemd-run", "--quiet", "--wait", "--pipe", "--collect", "--uid=" + p.name,
		"--property=PAMName=login", "--working-directory=/home/" + p.name, "bash", "-lc", `exec "$0" "$@"`}, args...)...)
}

func (p person) run(args ...string) string {
	p.t.Helper()
	out, err := p.try(args...)
	must(p.t, err)
	return out
}

// TestUserService: somebody who is not root installs the service for themselves. It runs
// as them, goes on when they log out, is back after a kill and a restart of their manager, and
// goes without the data.
func TestUserService(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	anna := m.newPerson("anna")

	anna.run("rhizome", "service", "install", "--s3", "127.0.0.1:3902")
	if got := anna.run("rhizome", "service", "status"); !strings.Contains(got, anna.home()+"/.config/systemd/user/rhizome.service") || !strings.Contains(got, "active") {
		t.Errorf("service status says: %s", got)
	}
	anna.run("rhizome", "bucket", "create", "album")
	pid := anna.pid()
	if got := m.run("ps", "-o", "user=", "-p", pid); got != "anna" {
		t.Errorf("the node runs as %s", got)
	}
	if got := m.run("stat", "-c", "%U %a", anna.home()+"/.local/share/rhizome"); got != "anna 700" {
		t.Errorf("the data folder belongs to %s", got)
	}
	// Nobody is logged in now: every command above was a session that ended.
	harness.Eventually(t, time.Minute, "anna's sessions end", func() bool {
		out, err := m.try("loginctl", "show-user", "anna", "--property=Sessions", "--value")
		return err == nil && out == ""
	})
	if !m.answers("http://127.0.0.1:3902") {
		t.Error("S3 does not answer when nobody is logged in")
	}

	m.run("kill", "-KILL", pid)
	harness.Eventually(t, 30*time.Second, "the killed node is back", func() bool {
		now, err := anna.try("systemctl", "--user", "show", "--property=MainPID", "--value", "rhizome")
		return err == nil && now != pid && now != "0" && m.answers("http://127.0.0.1:3902")
	})
	// As at a start of the computer: the manager comes up without a login.
	m.run("systemctl", "restart", "user@"+m.run("id", "-u", "anna"))
	harness.Eventually(t, 30*time.Second, "the service is back after a start without a login", func() bool {
		return m.answers("http://127.0.0.1:3902")
	})
	if got := anna.run("rhizome", "bucket", "list", "--json"); !strings.Contains(got, "album") {
		t.Errorf("the bucket is gone: %s", got)
	}

	anna.run("rhizome", "service", "uninstall")
	if out, _ := m.try("pgrep", "-x", "rhizome"); out != "" {
		t.Errorf("the node still runs: %s", out)
	}
	m.run("test", "-d", anna.home()+"/.local/share/rhizome/rows")
}

// pid returns the process of the person's service.
func (p person) pid() string {
	p.t.Helper()
	return p.run("systemctl", "--user", "show", "--property=MainPID", "--value", "rhizome")
}
