// Package vfs is the file system that everything on disk goes through, so that a
// test can stand in one that loses unsynced data at a crash or fails on demand.
//
// It names Pebble's vfs, which has exactly these: rows and extents then crash
// together in one test. Fault injection is pebble/v2/vfs/errorfs.
package vfs

import "github.com/cockroachdb/pebble/v2/vfs"

// FS is a file system; File an open file of one.
type (
	FS    = vfs.FS
	File  = vfs.File
	MemFS = vfs.MemFS
	// DiskUsage is a file system's room in bytes.
	DiskUsage = vfs.DiskUsage
	// CrashCloneCfg says which unsynced data a simulated crash keeps.
	CrashCloneCfg = vfs.CrashCloneCfg
)

// Default is the machine's file system.
var Default = vfs.Default

// NewMemFile returns a file in memory with those bytes, for reading.
func NewMemFile(b []byte) File { return vfs.NewMemFile(b) }

// NewCrashable returns an in-memory file system whose CrashClone is what a power
// cut would have left.
func NewCrashable() *MemFS { return vfs.NewCrashableMem() }
