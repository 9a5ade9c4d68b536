// Package cli drives the node as the person who runs it does: starts and stops it, asks
// it how it is, makes keys and buckets, shares, imports, and looks at what it prints.
//
// The service is installed on a machine: systemd as the first process of its own
// namespaces, on a copy of the file system that is thrown away (machine_test.go).
//
// The package holds tests only.
package cli
