//go:build !linux

package vfs

// setDirect does nothing where the system has no such flag.
func setDirect(File, bool) bool { return false }

func refused(error) bool { return false }
