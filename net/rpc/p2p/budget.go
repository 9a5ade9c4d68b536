package p2p

import "sync/atomic"

// budget is an amount of memory, in bytes, that several share. A budget may be a part
// of a larger one.
type budget struct {
	left atomic.Int64
	of   *budget
}

func newBudget(bytes int, of *budget) *budget {
	b := &budget{of: of}
	b.left.Store(int64(bytes))
	return b
}

// take takes n bytes, or none.
func (b *budget) take(n int) bool {
	if b == nil {
		return true
	}
	if b.left.Add(-int64(n)) >= 0 && b.of.take(n) {
		return true
	}
	b.left.Add(int64(n))
	return false
}

func (b *budget) give(n int) {
	for ; b != nil; b = b.of {
		b.left.Add(int64(n))
	}
}
