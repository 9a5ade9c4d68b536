package layout

import (
	"math/bits"

	"rhizome/base/errs"
)

// seat is a node that takes part in a spread.
type seat struct {
	zone     int
	capacity uint64
}

// bounds are how many copies a seat takes: from low to high.
type bounds struct{ low, high int }

// quota works out how many copies each seat takes. Partitions are alike, so only
// numbers of copies matter here: if partitions of s bytes fit in number, they can be
// dealt out (the flow with all partitions drawn together has a solution, so the mean
// of it is one of the whole flow, and a flow with whole bounds has a whole solution).
type quota struct {
	seats      []seat
	homes      int
	partitions int
	copies     int // of each partition
	zones      int // over how many homes at least
	sums       []uint64
}

// fine is how many parts a partition is divided into where shares are not whole.
const fine = 1 << 16

// solve returns the bounds of each seat: its fair share rounded down, and up as far
// as the largest possible partition allows. errs.Conflict if the space is so uneven
// that not all partitions can be placed.
func (q *quota) solve() ([]bounds, error) {
	q.sums = make([]uint64, q.homes)
	q.scale()
	whole, share := make([]uint64, len(q.seats)), make([]uint64, len(q.seats))
	if q.fit(1, 1, whole) < q.need(1) {
		return nil, errs.New(errs.Conflict, "a home offers next to no space beside the others: give it more, or take its nodes out")
	}
	q.fit(q.largest(1), 1, whole)
	q.fit(q.largest(fine), fine, share)
	q.trim(fine, share)
	return q.bound(whole, share), nil
}

// scale makes capacities so large that a partition's size is fine enough a measure.
func (q *quota) scale() {
	most := uint64(0)
	for _, s := range q.seats {
		most = max(most, s.capacity)
	}
	shift := max(0, bits.LeadingZeros64(most)-12)
	for i := range q.seats {
		q.seats[i].capacity <<= shift
	}
}

func (q *quota) need(unit uint64) uint64 { return uint64(q.copies) * uint64(q.partitions) * unit }

// largest returns the largest partition that fits, by bisection.
func (q *quota) largest(unit uint64) uint64 {
	low, high := uint64(1), uint64(1)<<63 // low fits
	loads := make([]uint64, len(q.seats))
	for high-low > 1 {
		mid := low + (high-low)/2
		if q.fit(mid, unit, loads) >= q.need(unit) {
			low = mid
		} else {
			high = mid
		}
	}
	return low
}

// fit sets how much each seat can take of partitions of the given size, in parts of
// which unit make a partition, and returns how much can be placed in all. A seat
// takes each partition once. A home takes each once, and besides only what no other
// home must have.
func (q *quota) fit(size, unit uint64, loads []uint64) uint64 {
	all := uint64(q.partitions) * unit
	clear(q.sums)
	for i, s := range q.seats {
		loads[i] = parts(s.capacity, unit, size, all)
		q.sums[s.zone] += loads[i]
	}
	once, over := q.dealt(all)
	return once + over
}

// dealt returns how many parts of copies can be dealt out when homes can take as much
// as sums says: how many as a home's only copy, and how many besides.
func (q *quota) dealt(all uint64) (once, over uint64) {
	spare := uint64(q.copies-q.zones) * all
	for _, sum := range q.sums {
		once += min(sum, all)
		over += min(sum-min(sum, all), spare)
	}
	return once, min(over, spare)
}

// trim takes from the seats of homes that can take more than they may what is too
// much, after fit: each seat and each home by the same part.
func (q *quota) trim(unit uint64, loads []uint64) {
	all := uint64(q.partitions) * unit
	spare := uint64(q.copies-q.zones) * all
	over := uint64(0)
	for _, sum := range q.sums {
		over += min(sum-min(sum, all), spare)
	}
	for i, s := range q.seats {
		if sum := q.sums[s.zone]; sum > all {
			allowed := all + muldiv(min(sum-all, spare), min(over, spare), max(over, 1))
			loads[i] = muldiv(loads[i], allowed, sum)
		}
	}
}

// parts returns capacity*unit/size, at most limit.
func parts(capacity, unit, size, limit uint64) uint64 {
	high, low := bits.Mul64(capacity, unit)
	if high >= size {
		return limit
	}
	n, _ := bits.Div64(high, low, size)
	return min(n, limit)
}

// muldiv returns a*b/c, where b <= c.
func muldiv(a, b, c uint64) uint64 {
	high, low := bits.Mul64(a, b)
	n, _ := bits.Div64(high, low, c)
	return n
}

// bound rounds shares. Rounding up only as far as needed keeps loads even; a seat may
// take more than that, within the largest partition, if the others could not take
// the rest.
func (q *quota) bound(whole, share []uint64) []bounds {
	out := make([]bounds, len(q.seats))
	for i := range out {
		low := share[i] / fine
		up := (share[i] + fine - 1) / fine
		out[i] = bounds{int(low), int(max(low, min(up, whole[i])))}
	}
	if !q.enough(out) {
		for i := range out {
			out[i].high = max(out[i].low, int(whole[i]))
		}
	}
	return out
}

// enough reports whether all copies can be placed within the upper bounds.
func (q *quota) enough(b []bounds) bool {
	clear(q.sums)
	for i, s := range q.seats {
		q.sums[s.zone] += uint64(b[i].high)
	}
	once, over := q.dealt(uint64(q.partitions))
	return once+over >= q.need(1)
}
