// Package store runs an S3 store as a process of its own: the program under test, or a
// foreign one in its place, for tests and for measurements.
//
// It knows the program as its user does: the command line, the status it prints, the S3
// port. A Process belongs to one goroutine. Nothing that it starts outlives Kill.
package store
