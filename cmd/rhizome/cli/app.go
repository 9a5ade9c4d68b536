// Package cli is the command line: it reads words and settings, calls the node or
// its admin API, and says what came of it to a person, in English or French, or to a
// program with --json.
//
// Exit status: 0 done, 1 it failed, 2 the command line or a setting is wrong, 130 somebody
// stopped it and was told so.
// Results go to the standard output, all else to the standard error. Secrets are
// taken from the environment or a prompt, never from arguments.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"runtime/debug"
	"time"

	"golang.org/x/term"

	"rhizome/base/clock"
	"rhizome/base/errs"
	"rhizome/base/lang"
	"rhizome/cmd/rhizome/settings"
	"rhizome/gateway/admin/api"
	"rhizome/gateway/admin/client"
)

// App is one run of the program. Its fields are what it knows of the outside.
type App struct {
	In       io.Reader
	Out, Err io.Writer
	Getenv   func(string) string
	Environ  func() []string // every variable, as os.Environ; nil: not looked at
	Places   settings.Places
	Clock    clock.Clock
	Zone     *time.Location
	Say      lang.Printer

	json, yes bool
	asked     bool // somebody answers on In although it is no terminal: a test
	config    string
	ending    <-chan struct{} // closed when the command is told to end; nil: never
}

// New returns an App on this process's streams and environment.
func New() *App {
	return &App{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Getenv: os.Getenv, Environ: os.Environ,
		Places: settings.HostPlaces(), Clock: clock.System{}, Zone: time.Local,
		Say: lang.FromEnv(os.Getenv),
	}
}

// usageError is a mistake in the command line.
type usageError struct{ error }

func (u usageError) Unwrap() error { return u.error }

// errStopped says that somebody stopped the command, and that there is no more to say.
var errStopped = errors.New("stopped")

// errNotMeant says that somebody was asked and answered no.
var errNotMeant = errs.New(errs.Denied, "nothing was done")

// stopped is its exit status, as shells have it for an interrupt.
const stopped = 130

// Run does what args say and returns the exit status.
func (a *App) Run(ctx context.Context, args []string) int {
	a.ending = ctx.Done()
	root := a.Command()
	root.SetArgs(args)
	root.SetIn(a.In)
	root.SetOut(a.Out)
	root.SetErr(a.Err)
	ran, err := root.ExecuteContextC(ctx)
	if err == nil {
		return 0
	}
	if errors.Is(err, errStopped) {
		return stopped
	}
	if errors.Is(err, errNotMeant) && !a.json {
		fmt.Fprintln(a.Err, a.Say.Error(err)) // an answer, and no mistake
		return 1
	}
	a.complain(err)
	if u := (usageError{}); errors.As(err, &u) {
		if !a.json {
			fmt.Fprintln(a.Err, a.Say.T("See: %s --help", ran.CommandPath()))
		}
		return 2
	}
	return 1
}

func (a *App) complain(err error) {
	if u := (usageError{}); errors.As(err, &u) {
		err = u.error
	}
	text := a.Say.Error(err)
	if a.json {
		_ = json.NewEncoder(a.Err).Encode(map[string]api.Error{"error": {Kind: errs.KindOf(err).Error(), Message: text}})
		return
	}
	fmt.Fprintln(a.Err, a.paint(a.Err, red, a.Say.T("Error:")), text)
}

// terminal reports whether a stream is a terminal.
func terminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// version is the module's version, or the commit it was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return shortVersion(v)
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value[:min(12, len(s.Value))]
		}
	}
	return "devel"
}

// pseudo is a version that go makes up for a commit without a name.
var pseudo = regexp.MustCompile(`^v\d+\.\d+\.\d+-(?:.*\.)?\d{14}-([0-9a-f]{12})(?:\+.*)?$`)

// shortVersion is a version as people read it: of a commit without a name its first digits.
func shortVersion(v string) string {
	if m := pseudo.FindStringSubmatch(v); m != nil {
		return m[1]
	}
	return v
}

// configFile is where settings are looked for, and whether it must be there.
func (a *App) configFile() (path string, required bool) {
	if a.config != "" {
		return a.config, true
	}
	if file := a.Getenv("RHIZOME_CONFIG"); file != "" {
		return file, true
	}
	return a.Places.ConfigFile(), false
}

// values resolves the settings for a command.
func (a *App) values(flags func(string) ([]string, bool)) (settings.Values, error) {
	file, required := a.configFile()
	vs, err := settings.Resolve(settings.Table(a.Places.DataDir()), settings.Sources{
		Flags: flags, Getenv: a.Getenv, File: file, Required: required,
	})
	if err != nil {
		return nil, usageError{err}
	}
	return vs, nil
}

// node returns a client of the running node.
func (c *call) node() (*client.Client, error) {
	vs, err := c.values(c.flag)
	if err != nil {
		return nil, err
	}
	node := client.New(vs.Text(settings.Data), string(c.Say.Language()))
	node.Other = c.Places.Other(vs.Text(settings.Data))
	if vs.Once(settings.Data) {
		node.At = " --data " + shellQuote(vs.Text(settings.Data))
	}
	return node, nil
}
