package register

import (
	"bytes"
	"context"
	"errors"
	"sync"
)

// unlike returns which buckets differ, a bit for each.
func unlike(ours, theirs []uint64) (which uint64) {
	for b := range min(len(ours), len(theirs)) {
		if ours[b] != theirs[b] {
			which |= 1 << b
		}
	}
	return which
}

// mendBuckets makes both replicas hold the same in the buckets that differ. It goes once
// through the partition, on both of them, page by page.
func (c *Coordinator) mendBuckets(ctx context.Context, src Source, x Term, which uint64) error {
	if which == 0 {
		return nil
	}
	var failed error
	q := HeadsQuery{Partition: x.Partition, Term: x.Term, Buckets: which}
	for {
		theirs, err := oneHeads(ctx, c, src, q)
		if err != nil {
			return err
		}
		ours, err := oneHeads(ctx, c, c.cfg.Local, q)
		if err != nil {
			return err
		}
		end, more := firstEnd(ours, theirs)
		if err := c.mendRows(ctx, src, x.Term, pairs(ours, theirs, end)); err != nil {
			failed = err
		}
		if !more || ctx.Err() != nil {
			return errors.Join(failed, ctx.Err())
		}
		q.Begin = end
	}
}

func oneHeads(ctx context.Context, c *Coordinator, from Source, q HeadsQuery) (*Heads, error) {
	ctx, cancel := c.limited(ctx)
	defer cancel()
	return from.Heads(ctx, q)
}

// firstEnd returns before which ROW both pages are whole, nil if to the end.
func firstEnd(a, b *Heads) (end []byte, more bool) {
	switch {
	case a.More && b.More && bytes.Compare(b.Next, a.Next) < 0, !a.More:
		return b.Next, b.More
	}
	return a.Next, true
}

// pair is a row as two replicas hold it.
type pair struct{ our, their Head }

// pairs returns the rows before end in which two pages differ.
func pairs(ours, theirs *Heads, end []byte) map[Row]pair {
	out := make(map[Row]pair)
	each := func(heads []Head, put func(*pair, Head)) {
		for _, h := range heads {
			if end != nil && bytes.Compare(rowKey(headKey, h.Row)[1:], end) >= 0 {
				return
			}
			p, known := out[h.Row]
			if !known {
				p = pair{Head{Row: h.Row}, Head{Row: h.Row}}
			}
			put(&p, h)
			out[h.Row] = p
			if p.our == p.their {
				delete(out, h.Row)
			}
		}
	}
	each(ours.Heads, func(p *pair, h Head) { p.our = h })
	each(theirs.Heads, func(p *pair, h Head) { p.their = h })
	return out
}

// mendRows mends rows side by side.
func (c *Coordinator) mendRows(ctx context.Context, src Source, term uint64, rows map[Row]pair) error {
	turn := make(chan struct{}, healers)
	var wg sync.WaitGroup
	var mu sync.Mutex
	var failed error
	for _, p := range rows {
		turn <- struct{}{}
		if ctx.Err() != nil {
			break
		}
		wg.Go(func() {
			defer func() { <-turn }()
			if err := c.mendRow(ctx, src, term, p.our, p.their); err != nil {
				mu.Lock()
				defer mu.Unlock()
				failed = err
			}
		})
	}
	wg.Wait()
	return failed
}
