// Package cli drives the node as the person who runs it does: starts and stops it, asks
// it how it is, makes keys and buckets, shares, imports, and looks at what it prints.
//
// The package holds tests only.
package cli
