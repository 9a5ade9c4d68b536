package load

import (
	"slices"
	"time"

	"rhizome/bench/store"
)

// Starts measures how long the store takes from its start to its first answer: on the
// folder as it is (a new one, if there is none), then restarts times on the same folder
// after a proper stop. It returns the first and the median of the others, in seconds,
// and leaves the store stopped.
func Starts(p *store.Process, restarts int) (first, again float64, err error) {
	var times []float64
	for range 1 + restarts {
		address, err := store.FreeAddress()
		if err != nil {
			return 0, 0, err
		}
		began := time.Now()
		if err := p.UpAt(address); err != nil {
			return 0, 0, err
		}
		times = append(times, time.Since(began).Seconds())
		if err := p.Stop(); err != nil && !p.Foreign {
			return 0, 0, err
		}
	}
	first, rest := times[0], times[1:]
	slices.Sort(rest)
	return first, rest[len(rest)/2], nil
}
