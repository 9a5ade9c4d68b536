package cli

import (
	"bytes"
	"context"
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

// boot becomes a machine's first process. Its root is an overlay on this machine's: what
// systemd makes, changes and clears away at a boot (it empties /tmp) happens to the copy.
// Nothing else of this machine can be written to from inside: no other file system is
// mounted there, and the kernel's settings are read-only.
const boot = `
set -euo pipefail
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs "$1"
mkdir "$1/up" "$1/work" "$1/root"
mount -t overlay -o "lowerdir=/,upperdir=$1/up,workdir=$1/work" overlay "$1/root"
cd "$1/root"
mount -t proc proc proc
for f in proc/sys proc/sysrq-trigger; do
	[ -e $f ] || continue
	mount --bind $f $f
	mount -o remount,bind,ro $f
done
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs dev
for n in null zero full random urandom tty; do
	touch dev/$n
	mount --bind /dev/$n dev/$n
done
mkdir dev/pts dev/shm
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
for d in run tmp dev/shm; do mount -t tmpfs tmpfs $d; done
chmod 755 run
chmod 1777 tmp dev/shm
rm -rf etc/systemd/system/*.wants var/lib/rhizome
install -m 755 "$2" usr/local/bin/rhizome
mkdir before
pivot_root . before
umount -l /before
ip link set lo up
exec env -i container=rhizome PATH=/usr/sbin:/usr/bin:/sbin:/bin \
	/usr/lib/systemd/systemd --system --unit=basic.target --log-target=journal --show-status=0
`

// machine is a computer that systemd runs. It ends with its test.
type machine struct {
	t    *testing.T
	init int // its first process, as this machine numbers it
}

// newMachine boots. Without root, or where the kernel refuses, the test fails.
func newMachine(t *testing.T) *machine {
	t.Helper()
	var said bytes.Buffer
	// No module, no clock, no restart of this machine from inside, whatever systemd tries.
	cmd := exec.Command("unshare", "--mount", "--pid", "--fork", "--kill-child", "--uts", "--ipc", "--net", "--cgroup",
		"setpriv", "--bounding-set=-sys_module,-sys_time,-sys_rawio,-sys_boot",
		"bash", "-c", boot, "boot", t.TempDir(), harness.Program(t))
	cmd.Stdout, cmd.Stderr = &said, &said
	must(t, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	m := &machine{t: t}
	t.Cleanup(func() {
		if t.Failed() && m.init != 0 {
			log, _ := m.try("journalctl", "--unit=rhizome.service", "--lines=50", "--no-pager")
			t.Logf("the service's log:\n%s", log)
		}
		_ = cmd.Process.Kill()
		<-ended
	})
	harness.Eventually(t, time.Minute, "systemd has booted in namespaces of its own", func() bool {
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("systemd does not boot here (root is needed, and a kernel that gives overlays and cgroups): %v\n%s", err, said.String())
		default:
		}
		m.init = first(cmd.Process.Pid)
		if m.init == 0 {
			return false
		}
		state, _ := m.try("systemctl", "is-system-running")
		return state == "running" || state == "degraded"
	})
	return m
}

// first returns the systemd that a process started, 0 if there is none yet.
func first(parent int) int {
	children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", parent, parent))
	pid, _ := strconv.Atoi(strings.TrimSpace(string(children)))
	name, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "comm"))
	if strings.TrimSpace(string(name)) != "systemd" {
		return 0
	}
	return pid
}

// try runs a command on the machine as its root and returns what it wrote.
func (m *machine) try(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "nsenter", append([]string{"--target", strconv.Itoa(m.init), "--all",
		"env", "-i", "PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"}, args...)...)
	out, err := cmd.CombinedOutput()
	text := strings.TrimSpace(string(out))
	if err != nil {
		err = fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, text)
	}
	return text, err
}

// run is try for what must succeed.
func (m *machine) run(args ...string) string {
	m.t.Helper()
	out, err := m.try(args...)
	must(m.t, err)
	return out
}
