//go:build race

package seeds

// raced: the race detector makes a history ten times as long.
const raced = true
