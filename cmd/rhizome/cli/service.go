package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"time"

	"rhizome/base/errs"
	"rhizome/base/lang"
	"rhizome/cmd/rhizome/settings"
	"rhizome/gateway/admin/api"
	"rhizome/gateway/admin/client"
)

func serviceCommand() command {
	return command{
		use:      "service",
		short:    lang.M("Start the node with the computer (systemd)"),
		examples: []example{{lang.M("start it with the computer, for all users"), "sudo rhizome service install --system"}},
		sub: []command{
			{
				use:   "install",
				short: lang.M("Install and start the service"),
				long:  lang.M("Settings given as options become those of the service. A user's service runs as you and goes on when you log out; a system service runs as its own user named rhizome."),
				examples: []example{
					{lang.M("for you alone"), "rhizome service install --user"},
					{lang.M("for the computer, on the local network"), "sudo rhizome service install --system --s3 0.0.0.0:3900"},
					{lang.M("only look at what would be installed"), "rhizome service install --user --print"},
				},
				settings: true,
				flags: func(f *flagSet) {
					serviceFlags(f)
					f.bool("print", lang.M("print the unit and change nothing"))
					f.text("program", "", lang.M("`FILE` of the program; without it, this one"))
				},
				run: serviceInstall,
			},
			{
				use:      "uninstall",
				short:    lang.M("Stop and remove the service; the data stays"),
				examples: []example{{lang.M("remove your service"), "rhizome service uninstall --user"}},
				flags:    serviceFlags,
				run:      serviceUninstall,
			},
			{
				use:      "status",
				short:    lang.M("Show whether the service is installed and runs"),
				examples: []example{{lang.M("does it run?"), "rhizome service status"}},
				flags:    serviceFlags,
				run:      serviceStatus,
			},
		},
	}
}

func serviceFlags(f *flagSet) {
	f.bool("user", lang.M("your own service (the default, but for root)"))
	f.bool("system", lang.M("a service of the computer (root)"))
}

// scope is where a service lives.
type scope struct {
	system bool
	unit   string // its file
}

func (c *call) scope() (scope, error) {
	user, system := c.on("user"), c.on("system")
	if user && system {
		return scope{}, usageError{errs.New(errs.Invalid, "choose one of --user and --system")}
	}
	if system || !user && c.Places.Root {
		return scope{true, "/etc/systemd/system/rhizome.service"}, nil
	}
	dir := c.Getenv("XDG_CONFIG_HOME")
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(c.Getenv("HOME"), ".config")
	}
	return scope{false, filepath.Join(dir, "systemd/user/rhizome.service")}, nil
}

// systemctl runs systemctl and returns what it said.
func (s scope) systemctl(ctx context.Context, args ...string) (string, error) {
	if !s.system {
		args = append([]string{"--user"}, args...)
	}
	return runTool(ctx, "systemctl", args...)
}

// runTool runs a program and returns what it said.
func runTool(ctx context.Context, name string, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	text := strings.TrimSpace(string(out))
	if errors.Is(err, exec.ErrNotFound) {
		return "", errs.New(errs.Unavailable, "this computer has no systemd, which starts services; run rhizome up another way")
	}
	if err != nil {
		return text, errs.Newf(errs.Unavailable, "%s failed: %s", name+" "+strings.Join(args, " "), text)
	}
	return text, nil
}

func serviceInstall(ctx context.Context, c *call) error {
	s, err := c.scope()
	if err != nil {
		return err
	}
	unit, err := c.unitText(s)
	if err != nil {
		return err
	}
	if c.on("print") {
		return c.show(map[string]string{"file": s.unit, "unit": unit}, func() { fmt.Fprint(c.Out, unit) })
	}
	if !c.Places.Exists(systemdRuns) {
		return errNoSystemd
	}
	if other := c.Places.Other(settings.SystemData); s.system && other != "" {
		fmt.Fprintln(c.Err, c.Say.T("There is a node in %s too: the service does not serve it, unless --data names it.", other))
	}
	if err := s.place(ctx, unit); err != nil {
		return err
	}
	if err := c.awaitNode(ctx, s); err != nil {
		return err
	}
	return c.done("The service is installed (%s) and started. rhizome status shows how the node is.", s.unit)
}

// systemdRuns is there while systemd is the computer's first process, see sd_booted(3).
const systemdRuns = "/run/systemd/system"

var errNoSystemd = errs.New(errs.Unavailable, "systemd, which starts services, does not run on this computer: have rhizome up started by what starts programs here (OpenRC, runit, or cron with @reboot)")

// place puts the service's files in their places and starts it. A service that is new is
// taken away again if that fails.
func (s scope) place(ctx context.Context, unit string) (err error) {
	if _, serr := os.Stat(s.unit); errors.Is(serr, os.ErrNotExist) {
		defer func() {
			if err != nil {
				_ = s.clear()
			}
		}()
	}
	if err := s.prepare(ctx); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(s.unit), 0o755); err != nil {
		return errs.Newf(errs.Denied, "the service cannot be installed: %w", err)
	}
	if err := os.WriteFile(s.unit, []byte(unit), 0o644); err != nil {
		return errs.Newf(errs.Denied, "the service cannot be installed: %w", err)
	}
	// A service that runs already takes up its new settings by a restart alone.
	for _, args := range [][]string{{"daemon-reload"}, {"enable", "rhizome.service"}, {"restart", "rhizome.service"}} {
		if _, err := s.systemctl(ctx, args...); err != nil {
			return err
		}
	}
	return nil
}

// clear removes the service's files. Its user stays: the data is that user's.
func (s scope) clear() error {
	files := []string{s.unit}
	if s.system {
		files = append(files, usersFile)
	}
	for _, f := range files {
		if err := os.Remove(f); err != nil && !errors.Is(err, os.ErrNotExist) {
			return errs.Newf(errs.Denied, "the service cannot be removed: %w", err)
		}
	}
	return nil
}

// usersFile names the system service's user, see sysusers.d(5).
const usersFile = "/etc/sysusers.d/rhizome.conf"

// comeUp is how long a node that was just started may take to answer.
const comeUp = 2 * time.Minute

// awaitNode waits until the service's node answers: that systemd started its program says
// nothing of whether it stays.
func (c *call) awaitNode(ctx context.Context, s scope) error {
	vs, err := c.values(c.flag)
	if err != nil {
		return err
	}
	data := vs.Text(settings.Data)
	if _, given := c.flag(settings.Data); !given && s.system {
		data = settings.SystemData
	}
	node := client.New(data, string(c.Say.Language()))
	defer node.Close()
	ctx, cancel := context.WithTimeout(ctx, comeUp)
	defer cancel()
	tick := time.NewTicker(time.Second / 5)
	defer tick.Stop()
	for node.Get(ctx, client.Path("status"), new(api.Status)) != nil {
		gone := s.ended(ctx)
		if !gone {
			select {
			case <-ctx.Done():
				gone = true
			case <-tick.C:
			}
		}
		if gone {
			return errs.Newf(errs.Unavailable, "the service is installed, but its node does not come up; its log ends with:\n%s", s.log(context.WithoutCancel(ctx)))
		}
	}
	return nil
}

// ended reports whether systemd gave the service up, or is about to start it once more.
func (s scope) ended(ctx context.Context) bool {
	state, err := s.systemctl(ctx, "show", "--property=SubState", "--value", "rhizome.service")
	if err != nil {
		return false
	}
	state = strings.TrimSpace(state)
	return state == "failed" || state == "dead" || state == "auto-restart"
}

// log returns the last lines of the service's log.
func (s scope) log(ctx context.Context) string {
	args := []string{"--unit", "rhizome.service"}
	if !s.system {
		args = []string{"--user-unit", "rhizome.service"}
	}
	text, err := runTool(ctx, "journalctl", append(args, "--lines=5", "--output=cat", "--no-pager")...)
	if err != nil {
		return err.Error()
	}
	return text
}

// prepare makes the system service's user, or lets a user's service outlive the login.
func (s scope) prepare(ctx context.Context) error {
	if !s.system {
		return linger(ctx)
	}
	if err := os.MkdirAll(filepath.Dir(usersFile), 0o755); err != nil {
		return errs.Newf(errs.Denied, "the service cannot be installed: %w", err)
	}
	line := "u rhizome - \"Rhizome node\" " + settings.SystemData + "\n"
	if err := os.WriteFile(usersFile, []byte(line), 0o644); err != nil {
		return errs.Newf(errs.Denied, "the service cannot be installed: %w", err)
	}
	_, err := runTool(ctx, "systemd-sysusers", usersFile)
	return err
}

// linger lets the person's services run while nobody is logged in. A computer without
// polkit leaves that to its administrator.
func linger(ctx context.Context) error {
	name, err := user.Current()
	if err != nil {
		return errs.Newf(errs.Internal, "the system does not know who runs this: %w", err)
	}
	if word, err := runTool(ctx, "loginctl", "show-user", name.Username, "--property=Linger", "--value"); err == nil && word == "yes" {
		return nil
	}
	if _, err := runTool(ctx, "loginctl", "enable-linger"); err != nil {
		return errs.Newf(errs.Denied, "your service may not go on when you log out; an administrator of this computer allows it with: sudo loginctl enable-linger %s (%w)", name.Username, err)
	}
	return nil
}

func serviceUninstall(ctx context.Context, c *call) error {
	s, err := c.scope()
	if err != nil {
		return err
	}
	if _, err := os.Stat(s.unit); err != nil {
		return errs.Newf(errs.NotFound, "no service is installed (%s)", s.unit)
	}
	runs := c.Places.Exists(systemdRuns) // else nothing runs that was to be stopped first
	if runs {
		if _, err := s.systemctl(ctx, "disable", "--now", "rhizome.service"); err != nil {
			return err
		}
	}
	if err := s.clear(); err != nil {
		return err
	}
	if runs {
		if _, err := s.systemctl(ctx, "daemon-reload"); err != nil {
			return err
		}
	}
	if s.system {
		return c.done("The service is removed; the data stays where it is, and the user rhizome, whose it is.")
	}
	return c.done("The service is removed; the data stays where it is.")
}

func serviceStatus(ctx context.Context, c *call) error {
	s, err := c.scope()
	if err != nil {
		return err
	}
	out := struct {
		Installed bool   `json:"installed"`
		Active    string `json:"active"` // systemd's word
		Unit      string `json:"unit"`
	}{Active: "inactive", Unit: s.unit}
	if _, err := os.Stat(s.unit); err == nil {
		out.Installed = true
		// is-active ends with a failure when it is not; its word is the answer.
		if word, _ := s.systemctl(ctx, "is-active", "rhizome.service"); word != "" {
			out.Active = word
		}
	}
	return c.show(out, func() {
		if !out.Installed {
			fmt.Fprintln(c.Out, c.Say.T("No service is installed (%s).", s.unit))
			return
		}
		fmt.Fprintln(c.Out, c.Say.T("The service is installed (%s); systemd says: %s", s.unit, out.Active))
	})
}
