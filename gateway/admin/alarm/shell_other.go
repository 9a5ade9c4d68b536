//go:build !unix

package alarm

import (
	"context"
	"os/exec"
)

// shell is the line in the system's shell.
func shell(ctx context.Context, line string) *exec.Cmd {
	return exec.CommandContext(ctx, "cmd", "/C", line)
}
