//go:build unix

package alarm

import (
	"context"
	"os/exec"
	"syscall"
)

// shell is the line in the system's shell; when it takes too long, what the shell
// started ends with it.
func shell(ctx context.Context, line string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", line)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	return cmd
}
