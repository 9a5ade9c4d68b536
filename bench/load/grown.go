package load

import (
	"fmt"
	"io"
	"math/rand/v2"
	"strings"

	"rhizome/bench/store"
	"rhizome/bench/wire"
)

// Grown is how fast a bucket is with few objects, and with many.
type Grown struct {
	Few    int      `json:"few"`
	Many   int      `json:"many"`
	Before []Result `json:"with_few"`
	After  []Result `json:"with_many"`
	Fill   Result   `json:"fill"`
}

// grownSize is that of the objects.
const grownSize = 1 << 10

// Grow fills a bucket with few objects, measures it, fills it with many, and measures it
// again: PUT of fresh keys between the others, GET of any, LIST of a page from anywhere.
func Grow(p *store.Process, few, many int, plan Plan) (*Grown, error) {
	r := &runner{p: p}
	if err := r.makeBucket(); err != nil {
		return nil, err
	}
	g := &grower{runner: r, data: newPool(), plan: plan}
	out := &Grown{Few: few, Many: many}
	for _, step := range []struct {
		name string
		to   int
		into *[]Result
	}{{"few", few, &out.Before}, {"many", many, &out.After}} {
		fill, err := g.fill(step.name, step.to)
		if err != nil {
			return out, err
		}
		out.Fill = fill
		if *step.into, err = g.measure(step.name); err != nil {
			return out, err
		}
	}
	return out, nil
}

type grower struct {
	*runner
	data  *pool
	plan  Plan
	full  int // keys that are there
	fresh int // keys that a measurement made
}

// name spreads keys over the whole order: the nth is the nth of a walk over all.
func (g *grower) name(n int) string {
	return fmt.Sprintf("%s/%08x", bucket, uint32(n)*2654435761) // odd: each number once
}

func (g *grower) put(c *wire.Client, n int) (int64, error) {
	_, err := c.Must(&wire.Request{Method: "PUT", Path: g.name(n), Body: g.data.body(n, grownSize)})
	return grownSize, err
}

func (g *grower) fill(name string, to int) (Result, error) {
	from := g.full
	res, err := g.spread("fill, "+name, 16, count(to-from), func(c *wire.Client, n int) (int64, error) { return g.put(c, from+n) })
	g.full = to
	g.told(res, err)
	return res, err
}

func (g *grower) told(res Result, err error) {
	if err == nil {
		g.plan.Say(res)
	}
}

func (g *grower) measure(name string) (out []Result, err error) {
	fresh := 1<<31 + g.fresh // beyond all that is filled in
	for _, phase := range []struct {
		name  string
		conns int
		do    op
	}{
		{"PUT", 16, func(c *wire.Client, n int) (int64, error) { return g.put(c, fresh+n) }},
		{"GET", 16, func(c *wire.Client, _ int) (int64, error) {
			resp, err := c.Must(&wire.Request{Method: "GET", Path: g.name(rand.IntN(g.full)), Sink: io.Discard})
			if err == nil && resp.Length != grownSize {
				err = fmt.Errorf("%d bytes came back, want %d", resp.Length, grownSize)
			}
			return grownSize, err
		}},
		{"LIST 1000", 1, g.page},
	} {
		res, err := g.spread(phase.name+", "+name, phase.conns, lasting(g.plan.Span, 1<<30), phase.do)
		g.told(res, err)
		if err != nil {
			return out, err
		}
		out = append(out, res)
	}
	g.fresh += out[0].Ops
	return out, nil
}

// page lists a page that begins in the first nine tenths of the order.
func (g *grower) page(c *wire.Client, _ int) (int64, error) {
	query := fmt.Sprintf("list-type=2&max-keys=%d&start-after=%08x", page, rand.Uint32N(1<<32/10*9))
	resp, err := c.Must(&wire.Request{Method: "GET", Path: bucket, Query: query})
	if err != nil {
		return 0, err
	}
	if seen := strings.Count(string(resp.Body), "<Key>"); seen != page {
		return 0, fmt.Errorf("LIST shows %d keys, want %d", seen, page)
	}
	return resp.Length, nil
}
