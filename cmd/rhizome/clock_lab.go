//go:build lab

package main

import (
	"os"
	"strings"
	"sync"
	"time"

	"rhizome/base/clock"
)

// machineClock is, in the build for the lab alone (tag lab), the machine's clock off by
// the duration, such as -3h, that stands in the file which RHIZOME_LAB_CLOCK names. A
// file that changes is a clock that jumps.
func machineClock() clock.Clock {
	file := os.Getenv("RHIZOME_LAB_CLOCK")
	if file == "" {
		return clock.System{}
	}
	return &wrongClock{file: file}
}

// wrongClock reads its file at most every fiftieth of a second.
type wrongClock struct {
	file string

	mu     sync.Mutex
	looked time.Time
	off    time.Duration
}

// Now implements clock.Clock. What it returns has no monotonic reading: that would show
// no jump.
func (c *wrongClock) Now() time.Time {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Sub(c.looked) > 20*time.Millisecond {
		c.looked = now
		raw, _ := os.ReadFile(c.file)
		c.off, _ = time.ParseDuration(strings.TrimSpace(string(raw)))
	}
	return now.Round(0).Add(c.off).UTC()
}
