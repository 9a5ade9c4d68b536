// Package report writes what a measurement showed: as JSON for programs, and as a table
// for people that sets each figure beside this machine's limits, a peer measured in the
// same run, peers measured elsewhere, and the figure to reach.
package report
