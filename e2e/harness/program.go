package harness

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
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
	if bin := os.Getenv("RHIZOME_BIN"); bin != "" {
		return bin
	}
	root := repository(t)
	bin := filepath.Join(root, ".cache", "bin", "rhizome")
	cmd := exec.Command("go", "build", "-trimpath", "-o", bin, "./cmd/rhizome")
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
	path := "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	if wd, err := os.Getwd(); err == nil {
		if i := strings.LastIndex(wd, "/e2e"); i >= 0 {
			path = wd[:i] + "/.cache/bin:" + path
		}
	}
	return []string{"PATH=" + path, "HOME=" + home, "TMPDIR=" + home, "LANG=C.UTF-8", "NO_PROXY=127.0.0.1",
		"XDG_CONFIG_HOME=" + filepath.Join(home, "config"), "XDG_CACHE_HOME=" + filepath.Join(home, "cache")}
}
