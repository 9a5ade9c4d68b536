package object

import (
	"context"
	"errors"

	"rhizome/cluster/register"
)

// mendVersions sees to it that the objects' rows know of the versions that have rows of their
// own: what is lost of them is what they said beside.
func (r *Rebuild) mendVersions(ctx context.Context) error {
	highest := map[register.Row]uint64{}
	err := r.versions(ctx, Versions, func(row register.Row, v *version) error {
		if top, ok := objectOf(row); ok {
			highest[top] = max(highest[top], v.Number)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for row, number := range highest {
		if err := r.mendPast(ctx, row, number); err != nil {
			return err
		}
	}
	return nil
}

func (r *Rebuild) mendPast(ctx context.Context, row register.Row, number uint64) error {
	_, err := r.Store.Registers.Update(ctx, row, register.Change{Epoch: anyEpoch, Apply: func(old *register.Value) (*register.Value, error) {
		e, err := takeApart(old)
		if err != nil {
			return nil, err
		}
		if e.Past != nil && e.Past.Older && e.Past.Number >= number {
			return nil, errNothing
		}
		if e.Past == nil {
			e.Past = &past{Turn: newTurn()}
		}
		e.Past.Older, e.Past.Number = true, max(e.Past.Number, number)
		switch {
		case e.Version == nil:
			e.openGap()
		case e.Version.Number <= number: // it was made anew from bytes
			e.Past.Number = number + 1
			e.Version.Number = e.Past.Number
		}
		return e.value()
	}})
	if errors.Is(err, errNothing) {
		return nil
	}
	return err
}
