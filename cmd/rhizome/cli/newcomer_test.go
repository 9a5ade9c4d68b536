package cli

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rhizome/base/lang"
	"rhizome/gateway/admin/api"
)

// TestANameThatIsFree: the invitation's hint proposes a home that does not exist yet.
func TestANameThatIsFree(t *testing.T) {
	a, _, _ := app(lang.English)
	var nodes []api.Node
	for _, want := range []string{"garden", "attic", "barn", "cellar", "garden2"} {
		if got := a.freeHome(nodes); got != want {
			t.Errorf("%q is proposed, want %q", got, want)
		}
		nodes = append(nodes, api.Node{Home: want})
	}
}

// TestAServiceWithoutSystemd is refused before anything is made, and one that was left
// half installed can be taken away.
func TestAServiceWithoutSystemd(t *testing.T) {
	for l, want := range map[lang.Language]string{lang.English: "OpenRC", lang.French: "ne tourne pas"} {
		dir := t.TempDir()
		a, _, msg := app(l)
		a.Getenv = func(name string) string { return map[string]string{"XDG_CONFIG_HOME": dir}[name] }
		program, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		if code := a.Run(t.Context(), []string{"service", "install", "--user", "--data", dir + "/data", "--program", program}); code != 1 || !strings.Contains(msg.String(), want) {
			t.Errorf("%d %s", code, msg)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("it leaves %v, %v", left, err)
		}
		unit := filepath.Join(dir, "systemd/user/rhizome.service")
		if err := errors.Join(os.MkdirAll(filepath.Dir(unit), 0o700), os.WriteFile(unit, nil, 0o600)); err != nil {
			t.Fatal(err)
		}
		if code := a.Run(t.Context(), []string{"service", "uninstall", "--user"}); code != 0 {
			t.Errorf("%d %s", code, msg)
		}
		if _, err := os.Stat(unit); !os.IsNotExist(err) {
			t.Error("the unit stays", err)
		}
	}
}

func TestVersionsThatPeopleRead(t *testing.T) {
	for v, want := range map[string]string{"v1.2.3": "v1.2.3", "v0.0.0-20261122183000-47fa17b0aabb": "47fa17b0aabb", "v1.2.4-0.20261122183000-47fa17b0aabb+dirty": "47fa17b0aabb"} {
		if got := shortVersion(v); got != want {
			t.Errorf("%s: %s", v, got)
		}
	}
}

// TestADiskThatIsAwayIsSaidBelow the table, and bytes that nobody has to move are not said.
func TestADiskThatIsAwayIsSaidBelow(t *testing.T) {
	a, out, _ := app(lang.English)
	a.printDisks([]api.Disk{{ID: strings.Repeat("a", 32), Path: "/usb", State: api.DiskLost, Reason: "it is not there"}})
	if lines := strings.Split(strings.TrimSpace(out.String()), "\n"); len(lines) != 3 || lines[2] != "/usb: it is not there" || !strings.Contains(lines[1], "not known") {
		t.Errorf("%q", lines)
	}
	out.Reset()
	if line := a.moveLine(api.LayoutMoves{Partitions: 4, PartitionsLeft: 4, Seconds: -1}); strings.Contains(line, "0 B") {
		t.Error(line)
	}
}
