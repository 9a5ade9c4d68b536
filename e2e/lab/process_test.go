package lab

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"rhizome/e2e/harness"
)

func TestProcesses(t *testing.T) {
	t.Parallel()
	l := New(t, Options{})
	lyon := l.Home("lyon")
	out, err := lyon.Run("sh", "-c", "echo said; exit 3")
	if err == nil || !strings.Contains(out, "said") || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("a command that fails: %q, %v", out, err)
	}
	p, err := lyon.Start(lyon.Command("sh", "-c", "echo up; sleep 1000 & echo $!; wait"))
	must(t, err)
	var child int
	harness.Eventually(t, 10*time.Second, "the process is up", func() bool {
		_, err := fmt.Sscanf(p.Log(100), "up\n%d\n", &child)
		return err == nil
	})
	p.Kill()
	if err := p.Wait(); err == nil || running(p.Pid()) {
		t.Errorf("a killed process: %v", err)
	}
	harness.Eventually(t, 10*time.Second, "its child is gone too", func() bool { return !running(child) })
	p.Kill() // twice is once
	polite, err := lyon.Start(lyon.Command("sleep", "1000"))
	must(t, err)
	if err := polite.Stop(10 * time.Second); err == nil || !strings.Contains(err.Error(), "terminated") {
		t.Errorf("a process that was asked to end: %v", err)
	}
}

// running reports whether the process exists and is no zombie.
func running(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(b), ") Z ")
}

// TestNothingOutlivesTheTest: neither an ended nor a killed test leaves a process, a
// namespace or a device.
func TestNothingOutlivesTheTest(t *testing.T) {
	t.Parallel()
	for _, killed := range []bool{false, true} {
		cmd := exec.Command(os.Args[0], "-test.run", "^TestVictim$")
		dir := t.TempDir()
		note := filepath.Join(dir, "note")
		cmd.Env = append(os.Environ(), "LAB_VICTIM="+note, "TMPDIR="+dir)
		must(t, cmd.Start())
		var pid int
		var ns string
		harness.Eventually(t, 20*time.Second, "the victim has a process in its lab", func() bool {
			b, _ := os.ReadFile(note)
			f := strings.Fields(string(b))
			if len(f) == 2 {
				pid, _ = strconv.Atoi(f[0])
				ns = f[1]
			}
			return pid != 0
		})
		if !running(pid) || users(t, ns) == 0 {
			t.Fatalf("process %d in %s is not there", pid, ns)
		}
		if killed {
			must(t, cmd.Process.Kill())
		} else {
			must(t, os.WriteFile(note+".end", nil, 0o600))
		}
		if err := cmd.Wait(); (err != nil) != killed {
			t.Errorf("the victim ended with %v", err)
		}
		harness.Eventually(t, 10*time.Second, "its processes and namespaces are gone", func() bool {
			return !running(pid) && users(t, ns) == 0
		})
	}
}

// users counts the threads in the network namespace.
func users(t *testing.T, ns string) (n int) {
	threads, err := filepath.Glob("/proc/[0-9]*/task/[0-9]*/ns/net")
	must(t, err)
	for _, thread := range threads {
		if at, err := os.Readlink(thread); err == nil && at == ns {
			n++
		}
	}
	return n
}

// TestVictim is what TestNothingOutlivesTheTest runs and kills; alone it shows that a
// lab can be made and left.
func TestVictim(t *testing.T) {
	l := New(t, Options{})
	h := l.Home("victim")
	l.Home("other")
	p, err := h.Start(h.Command("sleep", "1000"))
	must(t, err)
	note := os.Getenv("LAB_VICTIM")
	if note == "" {
		return
	}
	ns, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", p.Pid()))
	must(t, err)
	must(t, os.WriteFile(note, []byte(fmt.Sprint(p.Pid(), " ", ns)), 0o600))
	harness.Eventually(t, time.Minute, "the other test lets go", func() bool {
		_, err := os.Stat(note + ".end")
		return err == nil
	})
}
