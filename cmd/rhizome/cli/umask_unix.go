//go:build unix

package cli

import "syscall"

// ownFiles makes every file that this process makes from now on its owner's alone.
func ownFiles() { syscall.Umask(0o077) }
