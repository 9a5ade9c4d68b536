//go:build !unix

package demo

import "os/exec"

// detach does nothing where processes outlive the terminal anyway.
func detach(*exec.Cmd) {}
