package clock

import (
	"math/rand/v2"
	"time"
)

// Backoff is how long to wait after so many failures in a row, fewer than one being one: first, then twice
// as long each time, longest at most; a quarter more or less, so that many do not come at once.
func Backoff(first, longest time.Duration, failures int) time.Duration {
	t := longest
	if shift := max(0, failures-1); shift < 20 {
		t = min(t, first<<shift)
	}
	return t*3/4 + rand.N(t/2+1) // chance: nothing is decided by it
}
