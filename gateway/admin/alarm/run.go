package alarm

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"strings"
	"time"

	"rhizome/base/errs"
)

// commandTime bounds a command; what it started may go on for waitAfter.
const (
	commandTime = 30 * time.Second
	waitAfter   = 2 * time.Second
	maxSaid     = 1 << 10
)

// run gives the text to a command, with the state in the variable RHIZOME_RISK.
func run(ctx context.Context, line string, m Message) error {
	ctx, cancel := context.WithTimeout(ctx, commandTime)
	defer cancel()
	cmd := shell(ctx, line)
	said := &tail{}
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = strings.NewReader(m.Text), said, said, waitAfter
	cmd.Env = append(os.Environ(), "RHIZOME_RISK="+m.State)
	err := cmd.Run()
	if ctx.Err() != nil {
		return errs.Newf(errs.Unavailable, "it did not end within %s", commandTime)
	}
	if err != nil && err != exec.ErrWaitDelay {
		return errs.Newf(errs.Unavailable, "%w: %s", err, said.String())
	}
	return nil
}

// tail keeps the end of what is written.
type tail struct{ b []byte }

func (t *tail) Write(p []byte) (int, error) {
	t.b = append(t.b, p...)
	if extra := len(t.b) - maxSaid; extra > 0 {
		t.b = append(t.b[:0], t.b[extra:]...)
	}
	return len(p), nil
}

func (t *tail) String() string { return string(bytes.TrimSpace(t.b)) }
