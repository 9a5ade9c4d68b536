//go:build !linux

package extentstore

import "rhizome/base/vfs"

// forget does nothing where the system has no such call.
func forget(vfs.File, int64, int64) {}
