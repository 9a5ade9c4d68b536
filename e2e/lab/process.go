package lab

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Process runs in a host. It is killed when the test ends, and by the kernel when the
// test process ends.
type Process struct {
	cmd   *exec.Cmd
	host  *Host
	ended chan struct{}
	err   error // how it ended; read after ended
	log   string

	mu   sync.Mutex
	gone bool // its number may be another's
}

// Start starts a command in the host. What it writes is kept for Log unless the command
// says where it goes.
func (h *Host) Start(cmd *exec.Cmd) (*Process, error) {
	p := &Process{cmd: cmd, host: h, ended: make(chan struct{})}
	if cmd.Stdout == nil && cmd.Stderr == nil {
		p.log = filepath.Join(h.dir, filepath.Base(cmd.Path)+".log")
		f, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		cmd.Stdout, cmd.Stderr = f, f
	}
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid, cmd.SysProcAttr.Pdeathsig = true, syscall.SIGKILL
	if err := h.space.do(cmd.Start); err != nil {
		return nil, err
	}
	h.lab.mu.Lock()
	h.procs = append(h.procs, p)
	h.lab.mu.Unlock()
	go p.await()
	return p, nil
}

// await waits for the end, and ends what the process left behind before its number, which
// is its group's, may become another's.
func (p *Process) await() {
	for unix.Waitid(unix.P_PID, p.Pid(), nil, unix.WEXITED|unix.WNOWAIT, nil) == unix.EINTR {
	}
	p.mu.Lock()
	_ = unix.Kill(-p.Pid(), unix.SIGKILL)
	p.err = p.cmd.Wait()
	p.gone = true
	p.mu.Unlock()
	p.host.forget(p)
	close(p.ended)
}

func (h *Host) forget(p *Process) {
	h.lab.mu.Lock()
	defer h.lab.mu.Unlock()
	h.procs = slices.DeleteFunc(h.procs, func(o *Process) bool { return o == p })
}

// killAll kills what still runs in the host.
func (h *Host) killAll() {
	h.lab.mu.Lock()
	procs := slices.Clone(h.procs)
	h.lab.mu.Unlock()
	for _, p := range procs {
		p.Kill()
	}
}

// Pid is the process's number. `nsenter -n -t PID` enters its host.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Kill ends the process and its children at once, as a power cut does, and waits for its
// end.
func (p *Process) Kill() {
	p.mu.Lock()
	if !p.gone {
		_ = unix.Kill(-p.Pid(), unix.SIGKILL)
	}
	p.mu.Unlock()
	<-p.ended
}

// Signal sends a signal to the process alone.
func (p *Process) Signal(s os.Signal) error { return p.cmd.Process.Signal(s) }

// Wait waits for the end and returns how the process ended.
func (p *Process) Wait() error {
	<-p.ended
	return p.err
}

// Ended is closed when the process has ended.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// Stop asks the process to end and returns how it ended; it is killed if it does not in
// the time given.
func (p *Process) Stop(patience time.Duration) error {
	if err := p.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-p.ended:
		return p.err
	case <-time.After(patience):
		p.Kill()
		return errors.New("the process did not end when asked")
	}
}

// Log returns the last max bytes that commands of this name wrote in the host.
func (p *Process) Log(max int) string {
	b, _ := os.ReadFile(p.log)
	if len(b) > max {
		b = b[len(b)-max:]
	}
	return string(b)
}
