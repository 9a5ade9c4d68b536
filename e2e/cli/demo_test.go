package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"rhizome/e2e/harness"
)

// TestDemo: the demonstration loses a home, no request fails, the home heals, and nothing
// is left behind.
func TestDemo(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "demo")
	var s struct {
		Homes []struct {
			PID int `json:"pid"`
		} `json:"homes"`
		Objects, Checked int
		Away             struct{ Reads, Writes, Failed int } `json:"while_away"`
		Requests         struct{ Failed int }
		Healed           bool
	}
	cmd := exec.CommandContext(t.Context(), harness.Program(t), "demo", "--homes", "3", "--dir", dir, "--json")
	cmd.Env = harness.Env(t.TempDir())
	out, err := cmd.Output()
	must(t, err)
	if err := json.Unmarshal(out, &s); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if len(s.Homes) != 3 || !s.Healed || s.Requests.Failed != 0 || s.Checked != s.Objects {
		t.Errorf("the demonstration ended with %s", out)
	}
	if s.Away.Reads == 0 || s.Away.Writes == 0 {
		t.Errorf("nothing was read or written while a home was away: %s", out)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the folder is still there: %v", err)
	}
	for _, h := range s.Homes {
		if raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", h.PID)); err == nil && strings.Contains(string(raw), dir) {
			t.Errorf("process %d still runs", h.PID)
		}
	}
}
