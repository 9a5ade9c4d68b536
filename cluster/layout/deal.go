package layout

import (
	"slices"

	"rhizome/base/errs"
)

// deal is the flow that deals partitions out to seats. What a seat kept costs 0, what
// it gets anew 1. The lower bounds are filled first (into low), then the rest (into
// high): what flowed into low is never taken back.
//
// If each home takes at most one copy, all new copies of a home flow through one
// vertex, its pool: it does not matter there which seat takes which, and there
// are partitions times homes pipes instead of partitions times nodes.
type deal struct {
	*quota
	flow      *flow
	low, high int32
	seat      []int32   // vertex by seat
	filled    []int32   // pipe by seat, from the seat to low
	pool      []int32   // vertex by home
	drawn     []int32   // pipe by seat, from its pool
	inHome    [][]int32 // seats by home
	kept      [][]int32 // seats by partition
	keeps     []link
	news      []link
	pooled    [][]link // by home
}

// link is a pipe that means: this partition on this seat. The pipes from the source
// lie before it.
type link struct {
	pipe, partition, seat int32
	before                [][]int32 // one path or two
}

func newDeal(q *quota, kept [][]int32) *deal {
	d := &deal{quota: q, flow: newFlow(3, q.partitions*(2*q.copies+q.homes+2)), low: 1, high: 2, kept: kept}
	d.inHome, d.pooled = make([][]int32, q.homes), make([][]link, q.homes)
	for i, s := range q.seats {
		d.seat = append(d.seat, d.flow.vertex())
		d.inHome[s.zone] = append(d.inHome[s.zone], int32(i))
	}
	for range q.homes {
		d.pool = append(d.pool, d.flow.vertex())
	}
	for p := range q.partitions {
		d.partition(p)
	}
	return d
}

// single reports whether a home takes at most one copy of a partition.
func (d *deal) single() bool { return d.zones == d.copies }

// partition adds the pipes of one partition. The homes stand in another order for
// each, so that partitions of one node have their other copies on many.
func (d *deal) partition(p int) {
	ways := []way{{d.flow.vertex(), 0, d.zones, 1}}
	if !d.single() {
		ways = append(ways, way{d.flow.vertex(), 0, d.copies - d.zones, d.copies - d.zones})
	}
	for i := range ways {
		ways[i].pipe = d.flow.pipe(source, ways[i].vertex, ways[i].room, 0)
	}
	for _, home := range order(uint64(p), d.homes) {
		d.home(int32(p), home, ways)
	}
}

// way is how copies come from the source to homes: the first way goes once to each
// home, so that there are enough homes; the second as it likes.
type way struct {
	vertex, pipe int32
	room         int // from the source
	each         int // to each home
}

// home adds the pipes from a partition to a home's seats.
func (d *deal) home(p, home int32, ways []way) {
	kept := d.keptIn(p, home)
	if d.single() && len(kept) == 0 {
		d.pooled[home] = append(d.pooled[home], link{pipe: d.flow.pipe(ways[0].vertex, d.pool[home], 1, 1), partition: p})
		return
	}
	at := d.flow.vertex()
	var before [][]int32
	for _, w := range ways {
		before = append(before, []int32{w.pipe, d.flow.pipe(w.vertex, at, w.each, 0)})
	}
	for _, s := range kept {
		d.keeps = append(d.keeps, link{d.flow.pipe(at, d.seat[s], 1, 0), p, s, before})
	}
	if d.single() {
		d.pooled[home] = append(d.pooled[home], link{pipe: d.flow.pipe(at, d.pool[home], 1, 1), partition: p})
		return
	}
	for _, i := range order(uint64(p)<<20|uint64(home), len(d.inHome[home])) {
		if s := d.inHome[home][i]; !slices.Contains(kept, s) {
			d.news = append(d.news, link{pipe: d.flow.pipe(at, d.seat[s], 1, 1), partition: p, seat: s})
		}
	}
}

func (d *deal) keptIn(p, home int32) (out []int32) {
	for _, s := range d.kept[p] {
		if d.seats[s].zone == int(home) {
			out = append(out, s)
		}
	}
	return out
}

// run sends the copies: first those that seats must take, then the others.
func (d *deal) run(bound []bounds) error {
	for i, b := range bound {
		drawn := int32(-1)
		if d.single() {
			drawn = d.flow.pipe(d.pool[d.seats[i].zone], d.seat[i], d.partitions, 0)
		}
		d.drawn = append(d.drawn, drawn)
		d.filled = append(d.filled, d.flow.pipe(d.seat[i], d.low, b.low, 0))
	}
	sent := d.keep() + d.flow.fill(d.low)
	for i, b := range bound {
		d.flow.pipe(d.seat[i], d.high, b.high-b.low, 0)
	}
	d.flow.settle(d.high, d.seat)
	sent += d.flow.fill(d.high)
	if sent != d.copies*d.partitions {
		return errs.Newf(errs.Internal, "%d of %d copies of partitions found a place", sent, d.copies*d.partitions)
	}
	return nil
}

// keep leaves with each seat, up to its lower bound, what it kept, drawn evenly from
// all of it, so that what has to go is spread over the partitions. That costs nothing,
// so it is a cheapest flow to begin with.
func (d *deal) keep() (sent int) {
	for _, i := range order(uint64(len(d.keeps)), len(d.keeps)) {
		k := &d.keeps[i]
		for _, b := range k.before {
			if d.flow.put(b[0], b[1], k.pipe, d.filled[k.seat]) {
				sent++
				break
			}
		}
	}
	return sent
}

// sets reads from the flow which seats each partition has.
func (d *deal) sets() [][]uint16 {
	out := make([][]uint16, d.partitions)
	give := func(p, s int32) { out[p] = append(out[p], uint16(s)) }
	for _, list := range [][]link{d.keeps, d.news} {
		for _, k := range list {
			if d.flow.sent(k.pipe) > 0 {
				give(k.partition, k.seat)
			}
		}
	}
	for home, list := range d.pooled {
		d.draw(home, list, give)
	}
	return out
}

// draw says which seats of a home take what flowed through its pool. No partition
// comes back to a seat that kept it: that would have been cheaper.
func (d *deal) draw(home int, list []link, give func(p, s int32)) {
	var free []int32
	for _, s := range d.inHome[home] {
		if d.single() {
			for range d.flow.sent(d.drawn[s]) {
				free = append(free, s)
			}
		}
	}
	for _, i := range order(uint64(home), len(list)) {
		if d.flow.sent(list[i].pipe) > 0 {
			give(list[i].partition, free[0])
			free = free[1:]
		}
	}
}

// order returns the numbers below n in an order that the seed gives: always the same,
// and unlike that of other seeds.
func order(seed uint64, n int) []int32 {
	out := make([]int32, n)
	for i := range out {
		out[i] = int32(i)
	}
	for i := n - 1; i > 0; i-- {
		seed = mix(seed + 0x9e3779b97f4a7c15)
		j := int(seed % uint64(i+1))
		out[i], out[j] = out[j], out[i]
	}
	return out
}

// mix is a bijection under which near numbers become unlike (the finaliser of
// Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014).
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
