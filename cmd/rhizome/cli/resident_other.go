//go:build !linux

package cli

// dropProgram does nothing here.
func dropProgram() {}
