package demo

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"rhizome/base/errs"
	"rhizome/gateway/admin/api"
	"rhizome/gateway/admin/client"
)

// home is one node: a process, its folder, and a client of its admin socket.
type home struct {
	d     *demo
	name  string
	data  string
	admin *client.Client

	cmd  *exec.Cmd
	done chan struct{} // closed when the process has ended
	s3   string        // URL
}

func (d *demo) newHome(name string) *home {
	data := filepath.Join(d.dir, name)
	h := &home{d: d, name: name, data: data, admin: client.New(data, string(d.Say.Language()))}
	d.homes = append(d.homes, h)
	return h
}

// start starts the process and waits until it answers. An invitation is given over the
// standard input, where nobody else can read it.
func (h *home) start(ctx context.Context, invitation string) error {
	s3 := "127.0.0.1:0"
	if h.s3 != "" {
		s3 = strings.TrimPrefix(h.s3, "http://") // as before, so that clients find it
	}
	args := []string{"up", "--data", h.data, "--home", h.name, "--peer", "127.0.0.1:0", "--s3", s3, "--capacity", "4GB", "--log-level", "warn"}
	if invitation != "" {
		args = append(args, "--join", "-")
	}
	log, err := os.OpenFile(h.log(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return errs.Newf(errs.Internal, "the demonstration cannot write its folder: %w", err)
	}
	defer log.Close()
	h.cmd = exec.Command(h.d.Program, args...)
	h.cmd.Stdin = strings.NewReader(invitation + "\n")
	h.cmd.Stdout, h.cmd.Stderr = log, log
	h.cmd.Env = h.d.environ()
	if h.d.Keep {
		detach(h.cmd)
	}
	if err := h.cmd.Start(); err != nil {
		return errs.Newf(errs.Internal, "a node cannot be started: %w", err)
	}
	done := make(chan struct{})
	h.done = done
	go func(cmd *exec.Cmd) {
		defer close(done)
		_ = cmd.Wait() // how it ended stands in its log
	}(h.cmd)
	return h.answers(ctx)
}

func (h *home) log() string { return filepath.Join(h.d.dir, h.name+".log") }

// answers waits until the node answers.
func (h *home) answers(ctx context.Context) error {
	return await(ctx, errs.Newf(errs.Unavailable, "the node %s does not answer: %s", h.name, h.lastWords()), func(ctx context.Context) (bool, error) {
		select {
		case <-h.done:
			return false, errs.Newf(errs.Unavailable, "the node %s ended: %s", h.name, h.lastWords())
		default:
		}
		s, err := h.status(ctx)
		if err != nil {
			return false, nil // it is not up yet
		}
		h.s3 = s.S3.URL
		return true, nil
	})
}

// lastWords is the end of what the node wrote.
func (h *home) lastWords() string {
	raw, err := os.ReadFile(h.log())
	if err != nil {
		return err.Error()
	}
	lines := bytes.Split(bytes.TrimSpace(raw[max(0, len(raw)-2000):]), []byte("\n"))
	return string(lines[len(lines)-1])
}

func (h *home) status(ctx context.Context) (api.Status, error) {
	var s api.Status
	return s, h.admin.Get(ctx, client.Path("status"), &s)
}

// kill ends the process at once and waits for it.
func (h *home) kill() {
	if h.cmd == nil || h.cmd.Process == nil {
		return
	}
	_ = h.cmd.Process.Kill() // it may have ended
	<-h.done
	h.cmd = nil
}

// environ is the nodes' environment: no settings, and a file of settings that is empty.
func (d *demo) environ() []string {
	var out []string
	for _, v := range d.Environ {
		if !strings.HasPrefix(v, "RHIZOME_") {
			out = append(out, v)
		}
	}
	return append(out, "RHIZOME_CONFIG="+d.settings())
}

func (d *demo) settings() string { return filepath.Join(d.dir, "empty.toml") }

// prepare makes the folder.
func (d *demo) prepare() (err error) {
	if d.Dir == "" {
		d.dir, err = os.MkdirTemp("", "rhizome-demo-")
		d.made = err == nil
	} else {
		err = d.take(d.Dir)
	}
	if err == nil {
		d.summary.Dir = d.dir
		err = os.WriteFile(d.settings(), nil, 0o600)
	}
	if err != nil && errs.KindOf(err) == errs.Internal {
		return errs.Newf(errs.Internal, "the demonstration cannot write its folder: %w", err)
	}
	return err
}

// take takes a folder that is empty or not there.
func (d *demo) take(dir string) error {
	f, err := os.Open(dir)
	if os.IsNotExist(err) {
		d.dir, d.made = dir, true
		return os.MkdirAll(dir, 0o700)
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Readdirnames(1); err != io.EOF {
		return errs.Newf(errs.Invalid, "the folder %s is not empty: the demonstration needs one of its own", dir)
	}
	d.dir = dir
	return nil
}

// clear ends all processes and removes what was made.
func (d *demo) clear() {
	for _, h := range d.homes {
		h.kill()
		h.admin.Close()
	}
	if d.dir == "" {
		return
	}
	if d.made {
		_ = os.RemoveAll(d.dir) // what cannot be removed is left to its owner
		return
	}
	_ = os.Remove(d.settings())
	for _, h := range d.homes {
		_ = os.Remove(h.log())
		_ = os.RemoveAll(h.data)
	}
}
