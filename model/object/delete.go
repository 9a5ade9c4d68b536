package object

import (
	"context"
	"errors"

	"rhizome/cluster/register"
)

// errNothing ends an update that has nothing to do.
var errNothing = errors.New("nothing to do")

// deleteSlot empties an object's row. The row goes at once when nothing was
// referenced, else when its drops are done.
func (s *Store) deleteSlot(ctx context.Context, b *Bucket, key string, cond Conditions) error {
	row := b.objectRow(key)
	var pending bool
	_, err := s.Registers.Update(ctx, row, register.Change{
		Epoch: b.epoch,
		Apply: func(old *register.Value) (*register.Value, error) {
			sl, err := decodeRow[slot](old)
			if err != nil {
				return nil, err
			}
			if err := cond.checkDelete(sl.Version); err != nil {
				return nil, err
			}
			if sl.Version == nil {
				return nil, errNothing
			}
			next := &slot{Drops: append(sl.Drops[:len(sl.Drops):len(sl.Drops)], sl.Version.drop()...)}
			pending = len(next.Drops) > 0
			return next.value(nil), nil
		},
	})
	if errors.Is(err, errNothing) {
		return nil
	}
	if err == nil && pending {
		s.enqueue(row)
	}
	return err
}
