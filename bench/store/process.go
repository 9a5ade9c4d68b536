package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"rhizome/bench/wire"
)

// Process is one store. Fill in the first fields, then call Up.
type Process struct {
	Bin   string   // the program
	Dir   string   // its data folder; made if need be
	Flags []string // beyond those of data folder and address
	Env   []string // the whole environment of the process
	Log   string   // file that gets what it writes
	// Foreign says that Bin is a versitygw.
	Foreign bool

	Address string   // of S3, host:port; may change at each start
	Key     wire.Key // set by Up for a foreign store, by NewKey for ours

	cmd   *exec.Cmd
	ended chan error
}

// patience is how long a store may take to answer, and to end when asked.
const patience = time.Minute

// Up starts the process and waits until S3 answers. It fails with what the process said
// if it ends before.
func (p *Process) Up() error {
	if p.Foreign {
		return p.upForeign()
	}
	args := append([]string{"up", "--data", p.Dir, "--s3", "127.0.0.1:0"}, p.Flags...)
	if err := p.spawn(args, nil); err != nil {
		return err
	}
	return p.await(func() bool {
		var status struct {
			S3 struct{ Address string } `json:"s3"`
		}
		out, err := p.CLI("status", "--json")
		if err != nil || json.Unmarshal([]byte(out), &status) != nil || status.S3.Address == "" {
			return false
		}
		p.Address = status.S3.Address
		return p.answers()
	})
}

// UpAt starts the process on an address of the caller's choice and returns as soon as
// S3 gives a first answer there, asking without a pause.
func (p *Process) UpAt(address string) error {
	p.Address = address
	args, env := []string{"up", "--data", p.Dir, "--s3", address}, []string(nil)
	if p.Foreign {
		args, env = p.foreignArgs()
	}
	if err := p.spawn(append(args, p.Flags...), env); err != nil {
		return err
	}
	for began := time.Now(); !p.answers(); {
		select {
		case err := <-p.ended:
			return p.endedEarly(err)
		default:
		}
		if time.Since(began) > patience {
			return p.tooLate()
		}
	}
	return nil
}

func (p *Process) spawn(args, env []string) error {
	log, err := os.OpenFile(p.Log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(p.Bin, args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Env = append(append([]string{}, p.Env...), env...)
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	p.cmd, p.ended = cmd, ended
	go func() { ended <- cmd.Wait(); close(ended) }()
	return nil
}

// await waits until ready says so, the process ends, or time is up.
func (p *Process) await(ready func() bool) error {
	deadline := time.After(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ready() {
		select {
		case err := <-p.ended:
			return p.endedEarly(err)
		case <-deadline:
			return p.tooLate()
		case <-tick.C:
		}
	}
	return nil
}

func (p *Process) endedEarly(err error) error {
	p.cmd = nil
	return fmt.Errorf("the program ended before it was ready: %v\n%s", err, p.LogTail(4000))
}

func (p *Process) tooLate() error {
	return fmt.Errorf("the program was not ready after %v\n%s", patience, p.LogTail(4000))
}

// answers reports whether S3 answers anything at all.
func (p *Process) answers() bool {
	c := wire.Client{Target: wire.Target{Address: p.Address}}
	defer c.Close()
	_, err := c.Do(&wire.Request{Method: "GET", Path: "/"})
	return err == nil
}

// Kill ends the process at once, as a power cut does to it, and waits for its end.
func (p *Process) Kill() {
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Kill()
	<-p.ended
	p.cmd = nil
}

// Stop asks the process to end and returns how it ended; it is killed when it does not.
func (p *Process) Stop() error {
	if p.cmd == nil {
		return errors.New("not running")
	}
	if err := p.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case err := <-p.ended:
		p.cmd = nil
		return err
	case <-time.After(patience):
		p.Kill()
		return errors.New("the program did not end when asked")
	}
}

// Running reports whether the process was started and neither killed nor stopped.
func (p *Process) Running() bool { return p.cmd != nil }

// Pid returns the process's number.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Ended yields how the process ended, once it has ended by itself.
func (p *Process) Ended() <-chan error { return p.ended }

// Signal sends the process a signal.
func (p *Process) Signal(s os.Signal) error { return p.cmd.Process.Signal(s) }

// CLI runs a command of the program on this data folder and returns what it wrote to its
// standard output; the error holds what it wrote to the other.
func (p *Process) CLI(args ...string) (string, error) {
	cmd := exec.Command(p.Bin, append(args, "--data", p.Dir)...)
	cmd.Env = p.Env
	var out, msg strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &msg
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("rhizome %s: %w: %s", strings.Join(args, " "), err, msg.String())
	}
	return out.String(), nil
}

// NewKey makes a key and keeps it as the process's own.
func (p *Process) NewKey(name string) error {
	var key struct {
		ID     string `json:"access_key_id"`
		Secret string `json:"secret_access_key"`
	}
	out, err := p.CLI("key", "create", name, "--json")
	if err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(out), &key); err != nil || key.ID == "" || key.Secret == "" {
		return fmt.Errorf("key create --json wrote %q: %v", out, err)
	}
	p.Key = wire.Key{ID: key.ID, Secret: key.Secret}
	return nil
}

// Target says how to reach S3 with the process's key.
func (p *Process) Target() wire.Target { return wire.Target{Address: p.Address, Key: p.Key} }

// URL is the S3 endpoint.
func (p *Process) URL() string { return "http://" + p.Address }

// LogTail returns the last max bytes that the process wrote.
func (p *Process) LogTail(max int) string {
	b, _ := os.ReadFile(p.Log)
	if len(b) > max {
		b = b[len(b)-max:]
	}
	return string(b)
}

// Environ is an environment that holds nothing of the person who runs the test but the
// way to the tools: those in bin first. home becomes the home and temporary folder.
func Environ(bin, home string) []string {
	return []string{"PATH=" + bin + ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME=" + home, "TMPDIR=" + home, "LANG=C.UTF-8", "NO_PROXY=127.0.0.1",
		"XDG_CONFIG_HOME=" + filepath.Join(home, "config"), "XDG_CACHE_HOME=" + filepath.Join(home, "cache")}
}
