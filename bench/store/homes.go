package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Homes is one store of several homes, each a process of its own on this machine. They
// speak with one another over loopback and look for nobody else. Like a Process it
// belongs to one goroutine.
type Homes struct {
	Bin string
	Dir string // holds a folder for each home; made if need be
	All []*Process
}

// Up starts n homes, the first alone and the others each by an invitation from it, waits
// until all have their share, and makes a key.
func (h *Homes) Up(n int) error {
	for range n {
		if err := h.Join(); err != nil {
			return err
		}
	}
	if err := h.Settle(patience); err != nil {
		return err
	}
	// A folder that was kept has the keys of the times before.
	if err := h.All[0].NewKey(fmt.Sprintf("bench-%d", time.Now().UnixNano())); err != nil {
		return err
	}
	for _, p := range h.All {
		p.Key = h.All[0].Key
	}
	return nil
}

// Join adds a home. It returns when the new node answers; see Settle.
func (h *Homes) Join() error {
	name := fmt.Sprintf("home%d", len(h.All)+1)
	dir := filepath.Join(h.Dir, name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	p := &Process{Bin: h.Bin, Dir: filepath.Join(dir, "data"), Log: filepath.Join(dir, "log"), Env: Environ("/nonexistent", dir),
		Flags: []string{"--home", name, "--peer", "127.0.0.1:0"}}
	h.All = append(h.All, p)
	if len(h.All) == 1 {
		return p.Up()
	}
	invitation, err := h.All[0].CLI("invite")
	if err != nil {
		return err
	}
	p.Key = h.All[0].Key
	each := p.Flags
	p.Flags = append(append([]string{}, each...), "--join", strings.TrimSpace(invitation))
	err = p.Up()
	p.Flags = each
	return err
}

// Settle waits until no home has anything left to take over or to fetch.
func (h *Homes) Settle(limit time.Duration) error {
	deadline := time.After(limit)
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		left, err := h.Left()
		if err == nil && left == "" {
			return nil
		}
		select {
		case <-deadline:
			return errors.Join(fmt.Errorf("the homes are not settled after %v: %s", limit, left), err)
		case <-tick.C:
		}
	}
}

// Begun waits until the home that joined last has a share and something is left to do.
func (h *Homes) Begun(limit time.Duration) error {
	last := h.All[len(h.All)-1]
	deadline := time.After(limit)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		var nodes []struct {
			This       bool
			Partitions int
		}
		err := last.json(&nodes, "node", "list")
		for _, n := range nodes {
			if n.This && n.Partitions > 0 {
				return nil
			}
		}
		select {
		case <-deadline:
			return errors.Join(errors.New("the home that joined has no share"), err)
		case <-tick.C:
		}
	}
}

// Left says what is left to do before all homes are settled; empty if nothing is.
func (h *Homes) Left() (string, error) {
	for _, p := range h.All {
		left, err := h.leftOn(p)
		if left != "" || err != nil {
			return left, err
		}
	}
	return "", nil
}

func (h *Homes) leftOn(p *Process) (string, error) {
	var status struct{ Layout uint64 }
	var nodes []struct {
		Home     string
		This, Up bool
		Draining bool
		Imported uint64 `json:"imported_layout"`
		Health   struct {
			Partitions int   `json:"partitions_left"`
			Extents    int64 `json:"extents_left"`
			Bytes      int64 `json:"bytes_left"`
		}
	}
	if err := errors.Join(p.json(&status, "status"), p.json(&nodes, "node", "list")); err != nil {
		return "", err
	}
	if len(nodes) != len(h.All) {
		return fmt.Sprintf("%d of %d nodes are known", len(nodes), len(h.All)), nil
	}
	for _, n := range nodes {
		switch {
		case !n.Up || n.Draining:
			return n.Home + " is no part yet", nil
		case n.This && (n.Imported < status.Layout || n.Health.Partitions > 0 || n.Health.Extents > 0 || n.Health.Bytes > 0):
			return fmt.Sprintf("%s has left to do: %+v", n.Home, n.Health), nil
		}
	}
	return "", nil
}

func (p *Process) json(v any, args ...string) error {
	out, err := p.CLI(append(args, "--json")...)
	if err != nil {
		return err
	}
	return json.Unmarshal([]byte(out), v)
}

// Written returns the bytes that all homes wrote so far, to sockets and files.
func (h *Homes) Written() (int64, error) {
	var sum int64
	for _, p := range h.All {
		n, err := procFile(p.Pid(), "io", "wchar:")
		if err != nil {
			return sum, err
		}
		sum += n
	}
	return sum, nil
}

// Kill ends all homes at once.
func (h *Homes) Kill() {
	for _, p := range h.All {
		p.Kill()
	}
}
