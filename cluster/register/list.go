package register

import (
	"context"
	"errors"
	"slices"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/register/core"
)

// Scan is Store's.
func (c *Coordinator) Scan(ctx context.Context, s Scan) (*Page, error) {
	if b := c.begunScan(ctx, &s); b != nil {
		return b.wait(ctx)
	}
	return c.scan(ctx, s)
}

func (c *Coordinator) scan(ctx context.Context, s Scan) (*Page, error) {
	if s.Limit < 1 || s.Limit > 10_000 {
		return nil, errs.Newf(errs.Invalid, "a page holds 1 to 10,000 rows, not %d", s.Limit)
	}
	l := lister{c: c, Scan: s, parts: slices.Compact(slices.Sorted(slices.Values(s.Parts)))}
	l.arrange()
	page := &Page{After: s.After}
	for {
		sec, more, through, err := l.sweep(ctx, page.After, max(s.Limit-len(page.Entries), 1))
		if err != nil {
			return nil, err
		}
		full, err := l.add(ctx, page, sec)
		if err != nil {
			return nil, err
		}
		if full {
			return page, nil
		}
		if page.More = more; !more {
			return page, nil
		}
		if page.After = through; len(page.Entries) >= s.Limit && through != "" || len(page.Entries) > 0 && l.short {
			return page, nil
		}
	}
}

// lister carries out one Scan.
type lister struct {
	c *Coordinator
	Scan
	parts   []string
	version uint64
	terms   []uint64 // of each part
	nodes   []ident.NodeID
	covers  [][]int // the parts that each node keeps
	size    []int   // the number of replicas of each part
	alone   bool
	short   bool // the last answer was cut for its size
	single  bool // each part is asked of one replica of two
	tries   int
	doubt   bool // something in an answer of one of two is in doubt
}

// arrange finds out which node keeps which part.
func (l *lister) arrange() {
	lay := l.c.cfg.Layout()
	l.version, l.terms, l.nodes, l.covers, l.size = lay.Version, nil, nil, nil, nil
	at := make(map[ident.NodeID]int)
	for i, part := range l.parts {
		p := lay.Partition(part)
		replicas := lay.Replicas(p)
		l.terms = append(l.terms, lay.Term(p))
		l.size = append(l.size, len(replicas))
		for _, n := range replicas {
			k, ok := at[n]
			if !ok {
				k = len(l.nodes)
				at[n] = k
				l.nodes, l.covers = append(l.nodes, n), append(l.covers, nil)
			}
			l.covers[k] = append(l.covers[k], i)
		}
	}
	l.alone = len(l.nodes) == 1
}

// sweep asks the replicas and joins their answers. Replicas that do not know of a
// fence that others know of are told of it first.
func (l *lister) sweep(ctx context.Context, after string, limit int) (rows []core.Merged, more bool, through string, err error) {
	for attempt := 0; ; attempt++ {
		if attempt == 1 {
			var cancel context.CancelFunc
			ctx, cancel = l.c.bounded(ctx)
			defer cancel()
		}
		l.tries = attempt
		s, done, answered, err := l.ask(ctx, after, limit)
		if !done && !outdated(err) {
			single, asked, ok := l.sweepSingle(ctx, answered, after, limit)
			if ok {
				s, done = single, true
			} else if asked && !errors.As(err, new(*PlanError)) {
				if err := l.c.inDoubt(ctx, err, attempt); err != nil {
					return nil, false, "", err
				}
				l.arrange()
				continue
			}
		}
		if done {
			rows, through, more = s.Merge()
			return rows, more, through, nil
		}
		lags := s.Lags()
		if len(lags) == 0 && hopeless(err) {
			return nil, false, "", err
		}
		if len(lags) == 0 {
			if !l.replan(ctx, err, attempt) {
				return nil, false, "", unavailable(err)
			}
			continue
		}
		for part, epoch := range lags {
			if err := l.c.Fence(ctx, l.Table, l.parts[part], epoch); err != nil {
				return nil, false, "", err
			}
		}
	}
}

// replan takes up a layout that changed, if that may be why replicas did not answer.
func (l *lister) replan(ctx context.Context, err error, attempt int) bool {
	if !errors.As(err, new(*PlanError)) && l.c.cfg.Layout().Version == l.version {
		return false
	}
	if !l.c.planPause(ctx, attempt) {
		return false
	}
	l.arrange()
	return true
}

func (l *lister) ask(ctx context.Context, after string, limit int) (s *core.Scanner, done bool, answered []bool, err error) {
	s, answered = core.NewScanner(l.size), make([]bool, len(l.nodes))
	done = len(l.parts) == 0
	sweeps := make([]Sweep, len(l.nodes)) // calls that are left behind outlast what the lister says
	for k := range sweeps {
		sw := Sweep{Table: l.Table, Prefix: l.Prefix, After: after, Limit: limit, Delimiter: l.Delimiter, Alone: l.alone, Single: l.single, Fence: l.Fence, Hidden: l.Hidden}
		for _, i := range l.covers[k] {
			sw.Parts, sw.Terms = append(sw.Parts, l.parts[i]), append(sw.Terms, l.terms[i])
		}
		sweeps[k] = sw
	}
	err = ask(ctx, l.c, l.nodes, func(ctx context.Context, k int, p Peer) (core.Section, error) {
		return p.Scan(ctx, sweeps[k])
	}, func(k int, sec core.Section) verdict {
		answered[k], l.doubt = true, l.doubt || l.single && !sec.Certain
		l.short = l.short || sec.More && len(sec.Items) < limit && l.alone
		for i := range sec.Items {
			sec.Items[i].Part = l.covers[k][sec.Items[i].Part]
		}
		if done = s.Answer(l.covers[k], sec); done {
			return enough
		}
		if l.half(answered) {
			return l.c.await(l.nodes, l.tries)
		}
		return wait
	})
	return s, done, answered, err
}

// half reports whether one of two replicas of every part has answered.
func (l *lister) half(answered []bool) bool {
	heard := make([]bool, len(l.parts))
	for k, ok := range answered {
		if ok {
			for _, i := range l.covers[k] {
				heard[i] = true
			}
		}
	}
	for i, ok := range heard {
		if !ok || l.size[i] != 2 {
			return false
		}
	}
	return true
}

// add appends the live rows to the page until that is full. A page never ends at the
// empty key, which After cannot name.
func (l *lister) add(ctx context.Context, page *Page, rows []core.Merged) (full bool, err error) {
	for i := range rows {
		m := &rows[i]
		key := m.Key()
		if len(page.Entries) >= l.Limit && page.After != key && page.After != "" {
			page.More = true
			return true, nil
		}
		e, err := l.entry(ctx, m)
		if err != nil {
			return false, err
		}
		if e != nil {
			page.add(*e)
		}
		page.After = key
	}
	return false, nil
}

// add appends an entry. Of one group, the parts come one after another, each with
// its first row: the first of those stays.
func (p *Page) add(e Entry) {
	n := len(p.Entries)
	if e.Group == "" || n == 0 || p.Entries[n-1].Group != e.Group {
		p.Entries = append(p.Entries, e)
	} else if e.Row.Sort < p.Entries[n-1].Row.Sort {
		p.Entries[n-1] = e
	}
}

// entry returns what the page shows of a row or group, nil if nothing.
func (l *lister) entry(ctx context.Context, m *core.Merged) (*Entry, error) {
	row := Row{Table: l.Table, Part: l.parts[m.Part], Sort: m.Sort}
	if m.Settled {
		if !l.shows(&m.Record) {
			return nil, nil
		}
		return &Entry{Row: row, Group: m.Group, Value: m.Record.Value}, nil
	}
	if m.Group != "" {
		return l.first(ctx, m)
	}
	rec, err := l.c.read(ctx, row)
	if errors.Is(err, ErrFenced) {
		err = &UnsettledError{row}
	}
	if err != nil || !l.shows(&rec) {
		return nil, err
	}
	v := *rec.Value
	v.Blob = nil
	return &Entry{Row: row, Value: &v}, nil
}

// shows reports whether the page shows a row.
func (l *lister) shows(r *core.Record) bool { return r.Live() || l.Hidden && r.Value != nil }

// first finds the first live row of a group by going through its rows.
func (l *lister) first(ctx context.Context, m *core.Merged) (*Entry, error) {
	page, err := l.c.scan(ctx, Scan{Table: l.Table, Parts: l.parts[m.Part : m.Part+1], Prefix: m.Group, After: l.inside(m), Limit: 1, Hidden: l.Hidden})
	if err != nil || len(page.Entries) == 0 {
		return nil, err
	}
	e := page.Entries[0]
	e.Group = m.Group
	return &e, nil
}

// inside returns where to begin within a group: a scan may have begun in its midst.
func (l *lister) inside(m *core.Merged) string {
	if l.After > m.Group {
		return l.After
	}
	return ""
}
