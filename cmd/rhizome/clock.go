//go:build !lab

package main

import "rhizome/base/clock"

// machineClock is the machine's clock.
func machineClock() clock.Clock { return clock.System{} }
