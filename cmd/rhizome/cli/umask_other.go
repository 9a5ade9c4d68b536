//go:build !unix

package cli

// ownFiles does nothing where files inherit their folder's permissions.
func ownFiles() {}
