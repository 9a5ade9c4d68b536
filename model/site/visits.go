package site

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"rhizome/base/codec"
	"rhizome/base/ident"
	"rhizome/cluster/register"
)

const (
	countEvery = time.Minute
	daysKept   = 400
	dayForm    = "20060102"
)

// Visit is what was counted of a site on one day: answers, those that were 404s, and the
// bytes of bodies that were sent. It knows nothing of who asked.
type Visit struct {
	Hits    int64 `cbor:"1,keyasint,omitempty" json:"hits"`
	Missing int64 `cbor:"2,keyasint,omitempty" json:"not_found"`
	Bytes   int64 `cbor:"3,keyasint,omitempty" json:"bytes"`
}

func (v *Visit) add(o Visit) {
	v.Hits, v.Missing, v.Bytes = v.Hits+o.Hits, v.Missing+o.Missing, v.Bytes+o.Bytes
}

// Day is a Visit with its day, as 2026-11-22.
type Day struct {
	Day string `json:"day"`
	Visit
}

type visited struct {
	bucket ident.ID
	day    int64 // since 1970, UTC
}

const daySeconds = 24 * 60 * 60

// begin returns when the day began.
func (at visited) begin() time.Time { return time.Unix(at.day*daySeconds, 0).UTC() }

// counter has what this node counted and did not write yet.
type counter struct {
	mu  sync.Mutex
	now map[visited]*Visit
}

// Visited counts an answer.
func (s *Store) Visited(bucket ident.ID, v Visit) {
	at := visited{bucket, s.Clock.Now().Unix() / daySeconds}
	s.count.mu.Lock()
	defer s.count.mu.Unlock()
	c := s.count.now[at]
	if c == nil {
		c = new(Visit)
		s.count.now[at] = c
	}
	c.add(v)
}

// Run writes what was counted once a minute and when ctx ends, which is what a crash loses.
func (s *Store) Run(ctx context.Context) error {
	t := time.NewTicker(countEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
			defer cancel()
			_ = s.Flush(last) // what cannot be written now is lost, as in a crash
			return nil
		case <-t.C:
			_ = s.Flush(ctx) // it is counted still, and written the next time
		}
	}
}

// Flush writes what was counted. What cannot be written stays counted.
func (s *Store) Flush(ctx context.Context) error {
	s.count.mu.Lock()
	todo := s.count.now
	s.count.now = map[visited]*Visit{}
	s.count.mu.Unlock()
	var failed error
	for at, v := range todo {
		if err := s.write(ctx, at, *v); err != nil {
			failed = errors.Join(failed, err)
			s.giveBack(at, *v)
		}
	}
	return failed
}

func (s *Store) giveBack(at visited, v Visit) {
	s.count.mu.Lock()
	defer s.count.mu.Unlock()
	if len(s.count.now) > 10000 {
		return // cut off for very long
	}
	c := s.count.now[at]
	if c == nil {
		c = new(Visit)
		s.count.now[at] = c
	}
	c.add(v)
}

func visitRow(bucket ident.ID, day string, node ident.NodeID) register.Row {
	return register.Row{Table: Visits, Part: bucket.Key(), Sort: day + string(node[:])}
}

func (s *Store) write(ctx context.Context, at visited, v Visit) error {
	first := false
	_, err := s.Registers.Update(ctx, visitRow(at.bucket, at.begin().Format(dayForm), s.Node), register.Change{Apply: func(old *register.Value) (*register.Value, error) {
		sum := v
		if first = old == nil; !first {
			var had Visit
			if err := codec.Decode(old.Data, &had); err != nil {
				return nil, err
			}
			sum.add(had)
		}
		return &register.Value{Data: codec.Encode(sum), Count: 1}, nil
	}})
	if err == nil && first && s.sure() {
		s.forgetOld(ctx, at)
	}
	return err
}

// forgetOld removes what this node counted too long ago, when it begins a day.
func (s *Store) forgetOld(ctx context.Context, at visited) {
	before := at.begin().AddDate(0, 0, -daysKept).Format(dayForm)
	_ = s.eachVisit(ctx, at.bucket, func(row register.Row, _ Visit) error {
		if row.Sort[:len(dayForm)] < before && strings.HasSuffix(row.Sort, string(s.Node[:])) {
			return s.forgetVisit(ctx, row)
		}
		return nil
	}) // the next day tries again
}

func (s *Store) forgetVisit(ctx context.Context, row register.Row) error {
	_, err := s.Registers.Update(ctx, row, register.Change{Apply: func(*register.Value) (*register.Value, error) { return nil, nil }})
	return err
}

func (s *Store) forgetVisits(ctx context.Context, bucket ident.ID) error {
	return s.eachVisit(ctx, bucket, func(row register.Row, _ Visit) error { return s.forgetVisit(ctx, row) })
}

func (s *Store) eachVisit(ctx context.Context, bucket ident.ID, f func(register.Row, Visit) error) error {
	scan := register.Scan{Table: Visits, Parts: []string{bucket.Key()}, Limit: 1000}
	for {
		p, err := s.Registers.Scan(ctx, scan)
		if err != nil {
			return err
		}
		for _, e := range p.Entries {
			var v Visit
			if len(e.Row.Sort) < len(dayForm) || codec.Decode(e.Value.Data, &v) != nil {
				continue // no statistic is worth an error
			}
			if err := f(e.Row, v); err != nil {
				return err
			}
		}
		if !p.More {
			return nil
		}
		scan.After = p.After
	}
}

// Stats returns what all nodes counted of a site, by day, the newest first; what was
// counted in the last minute may be missing, but for this node's.
func (s *Store) Stats(ctx context.Context, bucket ident.ID) ([]Day, error) {
	if err := s.Flush(ctx); err != nil {
		return nil, err
	}
	days := map[string]Visit{}
	err := s.eachVisit(ctx, bucket, func(row register.Row, v Visit) error {
		sum := days[row.Sort[:len(dayForm)]]
		sum.add(v)
		days[row.Sort[:len(dayForm)]] = sum
		return nil
	})
	var out []Day
	for day, v := range days {
		out = append(out, Day{day[:4] + "-" + day[4:6] + "-" + day[6:], v})
	}
	slices.SortFunc(out, func(a, b Day) int { return strings.Compare(b.Day, a.Day) })
	return out, err
}
