package harness

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"rhizome/bench/store"
)

// repository finds the folder that holds the program's go.mod.
func repository(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	for err == nil && dir != "/" {
		if _, e := os.Stat(filepath.Join(dir, "cmd", "rhizome")); e == nil {
			return dir
		}
		dir = filepath.Dir(dir)
	}
	t.Fatalf("no cmd/rhizome above the working folder: %v", err)
	return ""
}

// Program returns the program's path.
func Program(t testing.TB) string {
	t.Helper()
	return program(t, "RHIZOME_BIN", "rhizome")
}

// Later returns the path of the program as a later release will be: its records have
// fields that this one does not know.
func Later(t testing.TB) string {
	t.Helper()
	return program(t, "RHIZOME_LATER", "rhizome-later", "-tags", "later")
}

// LabProgram returns the path of a build of the program whose clock a file makes jump.
func LabProgram(t testing.TB) string {
	t.Helper()
	return program(t, "RHIZOME_LAB", "rhizome-lab", "-tags", "lab")
}

func program(t testing.TB, variable, name string, flags ...string) string {
	t.Helper()
	if bin := os.Getenv(variable); bin != "" {
		return bin
	}
	root := repository(t)
	bin := filepath.Join(root, ".cache", "bin", name)
	cmd := exec.Command("go", append(append([]string{"build", "-trimpath", "-o", bin}, flags...), "./cmd/rhizome")...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return bin
}

// Env is the environment of everything that tests start: nothing of the person who runs
// them but the way to the tools. home becomes the home and temporary folder.
func Env(home string) []string {
	bin := "/nonexistent"
	if wd, err := os.Getwd(); err == nil {
		if i := strings.LastIndex(wd, "/e2e"); i >= 0 {
			bin = wd[:i] + "/.cache/bin"
		}
	}
	return store.Environ(bin, home)
}
