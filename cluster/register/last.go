package register

import (
	"context"

	"rhizome/base/errs"
	"rhizome/cluster/register/core"
)

// Last returns what this replica holds of a row, whatever the others have: it may be old, and
// it may never have been chosen. Nothing may be decided by it; it serves who would rather
// show something old than nothing.
func (r *Replica) Last(row Row) (*Value, error) {
	var full core.Cell
	if err := checkRow(row); err != nil {
		return nil, err
	}
	if err := r.get(rowKey(headKey, row), &full); err != nil {
		return nil, err
	}
	return full.Value, nil
}

// LastOnly is a Store that reads what one replica holds and changes nothing; see Last. What it
// cannot do is errs.Unavailable.
type LastOnly struct{ Replica *Replica }

var _ Store = LastOnly{}

var errLastOnly = errs.New(errs.Unavailable, "the other homes cannot be reached, and what this one has by itself is only read row by row")

// NewBallot implements Store; no ballot of it is ever used.
func (LastOnly) NewBallot() Ballot { return Ballot{} }

// Read implements Store.
func (l LastOnly) Read(_ context.Context, row Row) (*Value, Ballot, error) {
	v, err := l.Replica.Last(row)
	return v, Ballot{}, err
}

// ReadAll implements Store.
func (l LastOnly) ReadAll(_ context.Context, rows ...Row) ([]*Value, error) {
	out := make([]*Value, len(rows))
	for i, row := range rows {
		var err error
		if out[i], err = l.Replica.Last(row); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Update implements Store, and the others below.
func (LastOnly) Update(context.Context, Row, Change) (*Value, error) { return nil, errLastOnly }

func (LastOnly) Create(context.Context, Row, Ballot, *Value) error { return errLastOnly }

func (LastOnly) Scan(context.Context, Scan) (*Page, error) { return nil, errLastOnly }

func (LastOnly) Fence(context.Context, Table, string, uint64) error { return errLastOnly }

func (LastOnly) Affirm(context.Context, ...Row) error { return errLastOnly }

func (LastOnly) Weight(context.Context, Table, string) (count, bytes int64, err error) {
	return 0, 0, errLastOnly
}

func (LastOnly) Settle(Row, *Value) {}
