//go:build !linux

package vfs

// Forget does nothing where the system has no such call.
func Forget(File, int64, int64) {}
