// Command rhizome-bench measures the store on this machine: it starts the program, puts
// it under load from beside it, measures the machine's limits in the same run, and writes
// a table. With -peer it measures a versitygw in the same run as well.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"rhizome/bench/limits"
	"rhizome/bench/load"
	"rhizome/bench/report"
	"rhizome/bench/store"
)

func main() {
	program := flag.String("program", "", "the program to measure")
	peer := flag.String("peer", "", "a versitygw to measure beside it")
	folder := flag.String("folder", "", "where data folders are made; empty: the temporary folder")
	asJSON := flag.String("json", "", "file that gets the figures as JSON")
	span := flag.Duration("span", 5*time.Second, "how long each timed phase lasts")
	keys := flag.Int("keys", 100_000, "keys in the bucket that is listed, a multiple of 1,000")
	versions := flag.Int("versions", 1000, "versions of the key that is compared with one of ten")
	homes := flag.Int("homes", 0, "compare one home with so many instead")
	expiring := flag.Int("expiring", 0, "compare a store at rest with one whose lifecycle rules have so many objects go instead")
	rounds := flag.Int("rounds", 3, "with -homes, -grown or -expiring: how often each phase is measured on each side")
	var also parts
	flag.IntVar(&also.objects, "objects", 0, "with -homes: store so many of 10 KiB and say what they take")
	flag.DurationVar(&also.rest, "rest", 4*time.Minute, "with -objects: how long the homes are left alone before and after; with -grown: after the first PUTs")
	copied := flag.Int64("copied", 0, "with -homes: MiB that are stored before one more home joins under load")
	flag.BoolVar(&also.sizeOnly, "no-comparison", false, "with -homes: leave the comparison out")
	grown := flag.Int("grown", 0, "compare a bucket with -keys objects with one of so many instead")
	keep := flag.String("keep", "", "with -grown: keep the stores in this folder, filled as far as they are, for the next time")
	flag.Parse()
	also.copied = *copied << 20
	plan := load.Plan{Span: *span, Keys: *keys, Versions: *versions, Large: 1 << 30, Say: say}
	turns := load.HomesPlan{Plan: plan, Rounds: *rounds}
	err := errors.New("name a program or a peer")
	switch {
	case *grown > *keys && *program != "":
		err = grow(*program, place{*folder, *keep}, *asJSON, *grown, also.rest, turns)
	case *expiring > 0 && *program != "":
		turns.Keys = min(turns.Keys, 10_000) // that are read
		err = expire(*program, *folder, *asJSON, *expiring, turns)
	case *homes > 0 && *program != "":
		err = compare(*program, *folder, *asJSON, *homes, also, turns)
	case *homes == 0:
		err = measure(*program, *peer, *folder, *asJSON, plan)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "rhizome-bench:", err)
		os.Exit(1)
	}
}

func say(r load.Result) {
	fmt.Fprintf(os.Stderr, "%-22s %8d ops %10.1f/s %8.1f MB/s  p50 %8.2f ms  p99 %8.2f ms  CPU %6.2f s  peak %4d MiB\n",
		r.Name, r.Ops, r.Rate, r.MBs, r.P50, r.P99, r.CPU, r.Peak>>20)
}

func measure(program, peer, folder, asJSON string, plan load.Plan) error {
	var r report.Report
	err := within(place{under: folder}, &r.Head, func(dir string) error { return runs(&r, dir, program, peer, plan) })
	if err != nil {
		return err
	}
	return write(&r, asJSON)
}

// place says where data folders are: in a folder that is made and removed, or in one that
// is kept.
type place struct{ under, kept string }

func (p place) folder() (dir string, leave func(), err error) {
	if p.kept != "" {
		return p.kept, func() {}, os.MkdirAll(p.kept, 0o700)
	}
	dir, err = os.MkdirTemp(p.under, "rhizome-bench")
	return dir, func() { os.RemoveAll(dir) }, err
}

// within does something in a place, and measures the machine before and after.
func within(p place, h *report.Head, do func(dir string) error) error {
	dir, leave, err := p.folder()
	if err != nil {
		return err
	}
	defer leave()
	h.When, h.Machine = now(), machine()
	if h.Before, err = limits.Measure(dir, time.Second, limits.Sequential); err != nil {
		return err
	}
	if err := do(dir); err != nil {
		return err
	}
	h.After, err = limits.Measure(dir, time.Second, limits.Sequential)
	return err
}

func runs(r *report.Report, dir, program, peer string, plan load.Plan) error {
	for _, s := range []struct {
		name, bin string
		foreign   bool
	}{{"rhizome", program, false}, {"versitygw here", peer, true}} {
		if s.bin == "" {
			continue
		}
		fmt.Fprintln(os.Stderr, s.name)
		run, err := one(filepath.Join(dir, s.name), s.name, s.bin, s.foreign, plan)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		r.Runs = append(r.Runs, run)
	}
	if len(r.Runs) == 0 {
		return errors.New("name a program or a peer")
	}
	return nil
}

// one measures one store in a folder of its own.
func one(dir, name, bin string, foreign bool, plan load.Plan) (*load.Run, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	p := &store.Process{Bin: bin, Foreign: foreign, Dir: filepath.Join(dir, "data"), Log: filepath.Join(dir, "log"), Env: store.Environ("/nonexistent", dir)}
	if foreign {
		if err := os.MkdirAll(p.Dir, 0o700); err != nil {
			return nil, err
		}
	}
	defer p.Kill()
	first, _, err := load.Starts(p, 3)
	if err != nil {
		return nil, err
	}
	if err := p.Up(); err != nil {
		return nil, err
	}
	if !foreign {
		if err := p.NewKey("bench"); err != nil {
			return nil, err
		}
	}
	run, err := load.On(p, name, plan)
	if err != nil {
		return nil, err
	}
	run.FirstRun = first
	if err := p.Stop(); err != nil && !foreign {
		return nil, err
	}
	_, run.Restart, err = load.Starts(p, 5)
	return run, err
}

func now() string { return time.Now().UTC().Format("2 January 2006, 15:04 UTC") }

// shown is a report of any kind.
type shown interface{ Text(io.Writer) error }

func write(r shown, asJSON string) error {
	if asJSON != "" {
		f, err := os.Create(asJSON)
		if err != nil {
			return err
		}
		if err := errors.Join(report.JSON(f, r), f.Close()); err != nil {
			return err
		}
	}
	return r.Text(os.Stdout)
}

// machine says in a few words what this machine is.
func machine() string {
	model := runtime.GOARCH
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for _, line := range strings.Split(string(b), "\n") {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	return fmt.Sprintf("%d cores of %s, %s", runtime.NumCPU(), model, runtime.Version())
}
