package lab

import (
	"math/rand/v2"
	"time"
)

// Path says how packets travel in one direction. The zero value is a perfect line.
type Path struct {
	// Delay is one way.
	Delay time.Duration
	// Jitter makes the delay wander between Delay-Jitter and Delay+Jitter. Packets sent
	// within a few times Jitter have similar delays, so that the order is kept without
	// the mean being raised.
	Jitter time.Duration
	// Loss is the share of packets that never arrive, 0 to 1.
	Loss float64
	// Reorder is the share of packets held back so that later ones may overtake them, for
	// up to half of Delay and at least up to 5 ms.
	Reorder float64
	// Rate is in bytes per second; 0 is as fast as the machine.
	Rate int64
	// Queue is how many bytes may wait for the rate; more are dropped. 0 is what leaves
	// in 200 ms, at least 64 KiB.
	Queue int
}

// fate is what becomes of a packet.
type fate int

const (
	arrives fate = iota
	lost         // by Path.Loss
	full         // the queue was
	cut
)

// bucket is a token bucket with a bounded queue, kept as one instant. Times are since
// the lab began.
type bucket struct {
	rate  int64
	queue int
	free  time.Duration // when everything that was taken has left
}

// newBucket returns a bucket of a rate in bytes per second; 0 lets everything through.
func newBucket(rate int64, queue int) bucket {
	if queue == 0 {
		queue = max(int(rate/5), 64<<10)
	}
	return bucket{rate: rate, queue: queue}
}

// take says when a packet that comes now leaves, or that there is no room for it. About
// 5 ms of the rate may leave at once.
func (b *bucket) take(now time.Duration, size int) (leaves time.Duration, ok bool) {
	if b.rate == 0 {
		return now, true
	}
	if wait := b.free - now; wait > 0 && int64(wait.Seconds()*float64(b.rate))+int64(size) > int64(b.queue) {
		return 0, false
	}
	burst := b.time(max(3000, int(b.rate/200)))
	b.free = max(b.free, now-burst) + b.time(size)
	return max(now, b.free), true
}

func (b *bucket) time(size int) time.Duration {
	return time.Duration(float64(size) / float64(b.rate) * float64(time.Second))
}

// direction is one direction between two ports. The lab's lock guards it.
type direction struct {
	path    Path
	cut     bool
	rng     *rand.Rand
	bucket  bucket
	wander  wander
	last    time.Duration // when the last packet that kept its order arrives
	waiting int           // packets on their way
	stats   Stats
}

func (d *direction) set(p Path) {
	d.path, d.bucket, d.wander = p, newBucket(p.Rate, p.Queue), wander{}
}

// send decides about a packet of size bytes that comes now.
func (d *direction) send(now time.Duration, size int) (due time.Duration, f fate) {
	d.stats.Sent.add(size)
	switch {
	case d.cut:
		return 0, cut
	case d.path.Loss > 0 && d.rng.Float64() < d.path.Loss:
		return 0, lost
	}
	leaves, ok := d.bucket.take(now, size)
	if !ok {
		return 0, full
	}
	due = max(leaves+d.path.Delay+d.wander.at(now, d.path.Jitter, d.rng), leaves)
	if d.path.Reorder > 0 && d.rng.Float64() < d.path.Reorder {
		most := max(d.path.Delay/2, 5*time.Millisecond)
		return due + time.Duration(d.rng.Int64N(int64(most))), arrives
	}
	d.last = max(due, d.last)
	return d.last, arrives
}

// wander is jitter that changes steadily: random values a few times the jitter apart,
// and a straight line between them.
type wander struct {
	from, to         time.Duration // instants
	fromSize, toSize time.Duration
}

func (w *wander) at(now, jitter time.Duration, rng *rand.Rand) time.Duration {
	if jitter <= 0 {
		return 0
	}
	draw := func() time.Duration { return time.Duration((2*rng.Float64() - 1) * float64(jitter)) }
	step := 4 * jitter
	if now >= w.to {
		w.from, w.fromSize = w.to, w.toSize
		if now >= w.from+step || w.from == 0 {
			w.from, w.fromSize = now, draw()
		}
		w.to, w.toSize = w.from+step, draw()
	}
	share := float64(now-w.from) / float64(w.to-w.from)
	return w.fromSize + time.Duration(share*float64(w.toSize-w.fromSize))
}
