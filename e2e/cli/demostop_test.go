package cli

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"rhizome/e2e/harness"
)

// TestADemoThatIsStopped says so at once, removes what it made, and calls it no error. Its
// numbers are written as its language writes them.
func TestADemoThatIsStopped(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "demo")
	cmd := exec.CommandContext(t.Context(), harness.Program(t), "demo", "--dir", dir)
	cmd.Env = append(harness.Env(t.TempDir()), "LC_ALL=fr_FR.UTF-8")
	var complaints strings.Builder
	cmd.Stderr = &complaints
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	said := bufio.NewScanner(out)
	var text strings.Builder
	for said.Scan() {
		text.WriteString(said.Text() + "\n")
		if strings.Contains(said.Text(), "des clients lisent") {
			must(t, cmd.Process.Signal(syscall.SIGINT))
		}
	}
	var status *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &status) || status.ExitCode() != 130 {
		t.Errorf("it ends with %v", err)
	}
	_, after, _ := strings.Cut(text.String(), "des clients lisent")
	_, after, _ = strings.Cut(after, "\n")
	if !strings.HasPrefix(after, "Arrêt") || !strings.HasSuffix(after, "Tout a été arrêté et enlevé.\n") || strings.Count(after, "\n") != 2 {
		t.Errorf("after it was stopped it says:\n%s", after)
	}
	if strings.Contains(complaints.String(), "Erreur") {
		t.Error(complaints.String())
	}
	if regexp.MustCompile(`[0-9]\.[0-9]+.(s|Mo)\b`).MatchString(text.String()) || !regexp.MustCompile(`[0-9],[0-9] s`).MatchString(text.String()) {
		t.Errorf("numbers are not French:\n%s", text.String())
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the folder is still there: %v", err)
	}
}
