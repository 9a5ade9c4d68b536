package extent

import (
	"context"
	"sort"
	"sync"
	"sync/atomic"

	"rhizome/base/errs"
	"rhizome/cluster/register"
)

// fake is register.Store and register.Local in memory: one replica that never fails.
type fake struct {
	register.Store // what is not used here panics
	mu             sync.Mutex
	rows           map[register.Row]*fakeRow
	round          atomic.Uint64
}

type fakeRow struct {
	promised register.Ballot
	value    *register.Value
	listed   bool
}

func newFake() *fake { return &fake{rows: map[register.Row]*fakeRow{}} }

func (f *fake) NewBallot() register.Ballot {
	return register.Ballot{Round: f.round.Add(1), Node: 1, Attempt: 1}
}

func (f *fake) row(r register.Row) *fakeRow {
	if f.rows[r] == nil {
		f.rows[r] = &fakeRow{}
	}
	return f.rows[r]
}

func (f *fake) Read(_ context.Context, r register.Row) (*register.Value, register.Ballot, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.row(r).value, f.row(r).promised, nil
}

func (f *fake) Update(ctx context.Context, r register.Row, c register.Change) (*register.Value, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	row, b := f.row(r), c.Ballot
	if b.IsZero() {
		b = f.NewBallot()
	}
	for !row.promised.Less(b) || !c.Above.IsZero() && !c.Above.Less(b) {
		b = register.Ballot{Round: max(row.promised.Round, c.Above.Round) + 1, Node: 1, Attempt: 1}
	}
	v, err := c.Apply(row.value)
	if err != nil {
		return nil, err
	}
	if b != c.Ballot && c.Raise != nil {
		f.mu.Unlock()
		err := c.Raise(ctx, b)
		f.mu.Lock()
		if err != nil {
			return nil, err
		}
	}
	f.set(row, b, v)
	return v, nil
}

func (f *fake) set(row *fakeRow, b register.Ballot, v *register.Value) {
	row.promised, row.value = b, v
	if v != nil && v.Pending {
		row.listed = true
	}
}

func (f *fake) Create(_ context.Context, r register.Row, b register.Ballot, v *register.Value) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.rows[r] != nil {
		return errs.New(errs.Conflict, "the row was there")
	}
	f.set(f.row(r), b, v)
	return nil
}

func (f *fake) Settle(rows ...register.Row) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range rows {
		f.row(r).listed = false
	}
}

func (f *fake) keys(want func(*fakeRow) bool) (out []register.Row) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for r, row := range f.rows {
		if r.Table == Extents && want(row) {
			out = append(out, r)
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Part < out[j].Part })
	return out
}

func (f *fake) Pending(_ context.Context, _ register.Table, after *register.Row, limit int) ([]register.Row, error) {
	rows := f.keys(func(r *fakeRow) bool { return r.listed })
	for after != nil && len(rows) > 0 && rows[0].Part <= after.Part {
		rows = rows[1:]
	}
	return rows[:min(limit, len(rows))], nil
}

func (f *fake) PendingCount(context.Context, register.Table) (int64, error) {
	return int64(len(f.keys(func(r *fakeRow) bool { return r.listed }))), nil
}

func (f *fake) Rows(_ context.Context, _ register.Table, visit func(register.Row, *register.Value) error) error {
	for _, r := range f.keys(func(r *fakeRow) bool { return r.value != nil }) {
		v, _, _ := f.Read(context.Background(), r)
		if err := visit(r, v); err != nil {
			return err
		}
	}
	return nil
}
