//go:build !unix

package node

import "os"

// sameDevice is not known here.
func sameDevice(os.FileInfo, os.FileInfo) bool { return false }
