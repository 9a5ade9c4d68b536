package load

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"rhizome/bench/limits"
	"rhizome/bench/store"
	"rhizome/bench/wire"
)

// Grown is how fast a bucket with few objects is, and one with many.
type Grown struct {
	Few      int      `json:"few"`
	Many     int      `json:"many"`
	WithFew  []Result `json:"with_few"`
	WithMany []Result `json:"with_many"`
	Fill     Result   `json:"fill"`
	// Reads is how many pieces of 4 KiB a second the disk gives from anywhere in the files of
	// the larger store: the median of one look after each turn of GET. A GET takes up to three.
	Reads float64 `json:"reads_in_many"`
}

// grownSize is that of the objects.
const grownSize = 1 << 10

// fillStep is how many are stored before it is noted that they are.
const fillStep = 100_000

// Grow fills a bucket of one store with few objects and one of another with many, and
// measures both in turns: PUT of fresh keys between the others, GET of any, LIST of a page
// from anywhere; GET and LIST once more, each turn after all files of the store were read, as a
// machine has them whose memory holds them; then all three in a part of the order that holds as many as the smaller bucket
// has in all, after a look at all of it: what the number of objects alone costs, when as
// many of them are in use. Turns, because a machine is not the same when the many are stored.
//
// After the first PUTs both are left alone for rest, in which a store merges its tables.
func Grow(few, many *store.Process, counts [2]int, rest time.Duration, plan HomesPlan) (*Grown, error) {
	out := &Grown{Few: counts[0], Many: counts[1]}
	var sides [2]*grower
	for i, p := range []*store.Process{few, many} {
		sides[i] = &grower{runner: &runner{p: p}, name: []string{"few", "many"}[i], data: newPool(), plan: plan.Plan,
			fresh: rand.IntN(1 << 30)} // by chance: a store that was kept has those of the times before
		if err := sides[i].makeBucket(); err != nil {
			return out, err
		}
		fill, err := sides[i].fill(counts[i])
		if err != nil {
			return out, err
		}
		out.Fill = fill
	}
	for i := range phases {
		if phases[i].rested {
			<-time.After(rest)
		}
		if phases[i].part && !phases[i-1].part {
			for _, g := range sides {
				if err := g.look(counts[0]); err != nil {
					return out, err
				}
			}
		}
		var reads []float64
		mid, err := inTurns(plan.Rounds, len(sides), func(side int) (Result, error) {
			res, err := sides[side].measure(i)
			if phases[i].name == "GET" && side == 1 && err == nil {
				var n float64
				n, err = limits.ReadsIn(many.Dir, plan.Span)
				reads = append(reads, n)
			}
			return res, err
		})
		if err != nil {
			return out, err
		}
		if len(reads) > 0 {
			slices.Sort(reads)
			out.Reads = reads[len(reads)/2]
		}
		out.WithFew = append(out.WithFew, mid[0])
		out.WithMany = append(out.WithMany, mid[1])
	}
	return out, nil
}

type grower struct {
	*runner
	name  string
	data  *pool
	plan  Plan
	full  int // keys that are there
	fresh int // keys that measurements made
	part  part
}

// part is a stretch of the order of keys.
type part struct {
	from, width uint32
	filled      []int // the numbers of the keys in it that were filled in
}

// key spreads keys over the whole order: the nth is the nth of a walk over all.
func key(n int) string { return fmt.Sprintf("%s/%08x", bucket, place(n)) }

func place(n int) uint32 { return uint32(n) * 2654435761 } // odd: each number once

func (g *grower) put(c *wire.Client, n int) (int64, error) { return g.putAs(c, key(n), n) }

// another puts one beyond all that is filled in, the nth of a measurement.
func (g *grower) another(c *wire.Client, n int) (int64, error) { return g.put(c, 1<<31+g.fresh+n) }

func (g *grower) putAs(c *wire.Client, key string, n int) (int64, error) {
	_, err := c.Must(&wire.Request{Method: "PUT", Path: key, Body: g.data.body(n, grownSize)})
	return grownSize, err
}

// look chooses the part in the middle of the order that holds so many, and reads it once.
func (g *grower) look(want int) error {
	g.part.width = uint32(uint64(1)<<32*uint64(want)/uint64(g.full)/2*2 - 1)
	g.part.from = 1<<31 - g.part.width/2
	for n := range g.full {
		if place(n)-g.part.from <= g.part.width {
			g.part.filled = append(g.part.filled, n)
		}
	}
	_, err := g.spread("look", 16, count(len(g.part.filled)), func(c *wire.Client, n int) (int64, error) { return g.getOf(c, g.part.filled[n]) })
	return err
}

// fill puts what is missing of so many, step by step, each noted beside the data folder.
func (g *grower) fill(to int) (last Result, err error) {
	note := g.p.Dir + ".filled"
	if b, err := os.ReadFile(note); err == nil {
		g.full, _ = strconv.Atoi(string(b))
	}
	for g.full < to && err == nil {
		step, full := min(fillStep, to-g.full), g.full
		last, err = g.spread(fmt.Sprintf("fill %s, %d", g.name, full+step), 16, count(step), func(c *wire.Client, n int) (int64, error) { return g.put(c, full+n) })
		if g.told(last, err); err == nil {
			g.full += step
			err = os.WriteFile(note, []byte(strconv.Itoa(g.full)), 0o600)
		}
	}
	return last, err
}

func (g *grower) told(res Result, err error) {
	if err == nil {
		g.plan.Say(res)
	}
}

// phases are what is measured.
var phases = []struct {
	name   string
	conns  int
	part   bool // in a part of the order only
	rested bool // after a rest
	warm   bool // after all files of the store were read once
	do     func(*grower, *wire.Client, int) (int64, error)
}{
	{name: "PUT", conns: 16, do: (*grower).another},
	{name: "GET", conns: 16, rested: true, do: (*grower).any},
	{name: "LIST 1000", conns: 1, do: (*grower).anyPage},
	{name: "GET from memory", conns: 16, warm: true, do: (*grower).any},
	{name: "LIST 1000 from memory", conns: 1, warm: true, do: (*grower).anyPage},
	{name: "PUT in a part", conns: 16, part: true, do: func(g *grower, c *wire.Client, n int) (int64, error) {
		at := g.part.from + rand.Uint32N(g.part.width) // by chance
		return g.putAs(c, fmt.Sprintf("%s/%08x-%x", bucket, at, g.fresh+n), n)
	}},
	{name: "GET in a part", conns: 16, part: true, do: func(g *grower, c *wire.Client, _ int) (int64, error) {
		return g.getOf(c, g.part.filled[rand.IntN(len(g.part.filled))]) // by chance
	}},
	{name: "LIST 1000 in a part", conns: 1, part: true, do: func(g *grower, c *wire.Client, _ int) (int64, error) {
		return g.page(c, g.part.from+rand.Uint32N(g.part.width/10*9)) // by chance
	}},
}

func (g *grower) measure(phase int) (Result, error) {
	p := phases[phase]
	if p.warm {
		if err := limits.Warm(g.p.Dir); err != nil {
			return Result{}, err
		}
	}
	res, err := g.spread(p.name+", "+g.name, p.conns, lasting(g.plan.Span, 1<<30), func(c *wire.Client, n int) (int64, error) { return p.do(g, c, n) })
	g.told(res, err)
	if strings.HasPrefix(p.name, "PUT") {
		g.fresh += res.Ops
	}
	return res, err
}

// any reads any of what was filled in.
func (g *grower) any(c *wire.Client, _ int) (int64, error) {
	return g.getOf(c, rand.IntN(g.full)) // by chance
}

// getOf reads the nth of what was filled in.
func (g *grower) getOf(c *wire.Client, n int) (int64, error) {
	resp, err := c.Must(&wire.Request{Method: "GET", Path: key(n), Sink: io.Discard})
	if err == nil && resp.Length != grownSize {
		err = fmt.Errorf("%d bytes came back, want %d", resp.Length, grownSize)
	}
	return grownSize, err
}

// anyPage lists a page from anywhere.
func (g *grower) anyPage(c *wire.Client, _ int) (int64, error) {
	return g.page(c, rand.Uint32N(1<<32/10*9)) // by chance
}

// page lists a page that begins after a place in the order.
func (g *grower) page(c *wire.Client, after uint32) (int64, error) {
	query := fmt.Sprintf("list-type=2&max-keys=%d&start-after=%08x", page, after)
	resp, err := c.Must(&wire.Request{Method: "GET", Path: bucket, Query: query})
	if err != nil {
		return 0, err
	}
	if seen := strings.Count(string(resp.Body), "<Key>"); seen != page {
		return 0, fmt.Errorf("LIST shows %d keys, want %d", seen, page)
	}
	return resp.Length, nil
}
