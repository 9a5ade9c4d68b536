// Command sites-bench measures web sites: hits per second of a page of 10 KiB at 64
// connections, beside an nginx that serves the same folder, in turns in the same run; and how
// long it takes to deploy 5,000 files, and again when 5 of them changed. It prints a table.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"rhizome/bench/store"
)

const (
	page        = 10 << 10
	connections = 64
	many        = 5000
	changed     = 5
	host        = "bench.example.org"
)

func main() {
	program := flag.String("program", "", "the program to measure")
	nginx := flag.String("nginx", "", "an nginx to measure beside it; empty: none")
	folder := flag.String("folder", "", "where data folders are made; empty: the temporary folder")
	span := flag.Duration("span", 5*time.Second, "how long each turn lasts")
	rounds := flag.Int("rounds", 3, "how often each side has its turn")
	flag.Parse()
	if err := run(*program, *nginx, *folder, *span, *rounds); err != nil {
		fmt.Fprintln(os.Stderr, "sites-bench:", err)
		os.Exit(1)
	}
}

// side is a server that is measured.
type side struct {
	name, address string
	pid           int
	rates, costs  []float64 // hits a second; microseconds of processor time a hit
}

func run(program, nginx, folder string, span time.Duration, rounds int) error {
	dir, err := os.MkdirTemp(folder, "sites-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil { // nginx's workers are of another user
		return err
	}
	p := &store.Process{Bin: program, Dir: filepath.Join(dir, "data"), Log: filepath.Join(dir, "log"), Env: store.Environ("/nonexistent", dir),
		Flags: []string{"--web", "127.0.0.1:0", "--peer", "127.0.0.1:0"}}
	if err := p.Up(); err != nil {
		return err
	}
	defer p.Kill()
	site := filepath.Join(dir, "site")
	if err := write(site, "index.html", text(1, page)); err != nil {
		return err
	}
	if _, err := p.CLI("site", "create", host, "--alone"); err != nil {
		return err
	}
	if _, err := p.CLI("site", "deploy", site, "--site", host); err != nil {
		return err
	}
	at, err := webOf(p)
	if err != nil {
		return err
	}
	sides := []*side{{name: "rhizome", address: at, pid: p.Pid()}}
	if nginx != "" {
		address, pid, stop, err := startNginx(nginx, dir, site)
		if err != nil {
			return err
		}
		defer stop()
		sides = append(sides, &side{name: "nginx", address: address, pid: pid})
	}
	for range rounds {
		for _, s := range sides {
			if err := s.turn(span); err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
		}
	}
	fmt.Printf("| %d KiB page, %d connections | hits/s, median of %d turns | each | processor µs a hit |\n| --- | --- | --- | --- |\n", page>>10, connections, rounds)
	for _, s := range sides {
		fmt.Printf("| %s | %.0f | %.0f | %.0f |\n", s.name, median(s.rates), s.rates, median(s.costs))
	}
	if len(sides) > 1 {
		fmt.Printf("| rhizome beside nginx | %.0f%% | | %.0f%% |\n", 100*median(sides[0].rates)/median(sides[1].rates), 100*median(sides[0].costs)/median(sides[1].costs))
	}
	return deploys(p, filepath.Join(dir, "many"))
}

// turn lets the side answer for a while.
func (s *side) turn(span time.Duration) error {
	before, err := store.TreeCPU(s.pid)
	if err != nil {
		return err
	}
	count, took, err := hits(s.address, span)
	if err != nil {
		return err
	}
	after, err := store.TreeCPU(s.pid)
	s.rates = append(s.rates, float64(count)/took.Seconds())
	s.costs = append(s.costs, (after-before)/float64(count)*1e6)
	return err
}

func median(of []float64) float64 {
	s := slices.Sorted(slices.Values(of))
	return s[len(s)/2]
}

// deploys measures deployments of many files.
func deploys(p *store.Process, dir string) error {
	for i := range many {
		if err := write(dir, fmt.Sprintf("%d/%d.html", i/100, i), text(uint64(i), 2<<10)); err != nil {
			return err
		}
	}
	fmt.Printf("\n| deploy of %d files | seconds | sent |\n| --- | --- | --- |\n", many)
	for _, what := range []string{"the first", "the same", fmt.Sprintf("%d changed", changed)} {
		if what != "the first" && what != "the same" {
			for i := range changed {
				if err := write(dir, fmt.Sprintf("%d/%d.html", i, i*100), text(uint64(many+i), 2<<10)); err != nil {
					return err
				}
			}
		}
		began := time.Now()
		out, err := p.CLI("site", "deploy", dir, "--site", host, "--json")
		took := time.Since(began)
		var d struct{ Sent int }
		if err := errors.Join(err, json.Unmarshal([]byte(out), &d)); err != nil {
			return err
		}
		fmt.Printf("| %s | %.2f | %d |\n", what, took.Seconds(), d.Sent)
	}
	return nil
}

func write(dir, name string, b []byte) error {
	path := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, b, 0o644)
}

// text is a page of words that the seed chooses.
func text(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	var b bytes.Buffer
	for b.Len() < n {
		fmt.Fprintf(&b, "<p>%x garden %d</p>\n", r.Uint64(), r.IntN(100))
	}
	return b.Bytes()[:n]
}

func webOf(p *store.Process) (string, error) {
	var status struct{ Web struct{ Address string } }
	out, err := p.CLI("status", "--json")
	if err == nil {
		err = json.Unmarshal([]byte(out), &status)
	}
	return status.Web.Address, err
}

// startNginx serves a folder with nginx as it is set up for speed by default: a worker for
// each core, sendfile, no log.
func startNginx(bin, dir, site string) (address string, pid int, stop func(), err error) {
	if address, err = freeAddress(); err != nil {
		return "", 0, nil, err
	}
	conf := fmt.Sprintf(`worker_processes auto; daemon off; pid %[1]s/nginx.pid; error_log %[1]s/nginx.err;
events { worker_connections 1024; }
http { access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000; types { text/html html; }
client_body_temp_path %[1]s/t1; proxy_temp_path %[1]s/t2; fastcgi_temp_path %[1]s/t3; uwsgi_temp_path %[1]s/t4; scgi_temp_path %[1]s/t5;
open_file_cache max=1000; server { listen %[2]s; root %[3]s; index index.html; } }`, dir, address, site)
	if err := write(dir, "nginx.conf", []byte(conf)); err != nil {
		return "", 0, nil, err
	}
	cmd := exec.Command(bin, "-c", filepath.Join(dir, "nginx.conf"), "-p", dir)
	if err := cmd.Start(); err != nil {
		return "", 0, nil, err
	}
	stop = func() {
		_ = cmd.Process.Signal(os.Interrupt) // it ends its workers
		_ = cmd.Wait()
	}
	if err := answers(address); err != nil {
		stop()
		return "", 0, nil, err
	}
	return address, cmd.Process.Pid, stop, nil
}
