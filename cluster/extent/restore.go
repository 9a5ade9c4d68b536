package extent

import (
	"context"
	"errors"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/register"
	"rhizome/disk/extentstore"
)

// Restore sees to it that the extent's row is there and holds the reference, after
// rows were lost. length is that of the extent, in plain bytes. It takes no notice of
// what was final, and so is for a store that nobody else uses. there says whether this
// node has the bytes; without them the row is made nevertheless, so that what it
// misses is known.
func (s *Store) Restore(ctx context.Context, id ident.ID, length int64, ref Ref) (there bool, err error) {
	var info extentstore.Info
	err = errs.NotFound
	if s.disks != nil {
		info, err = s.disks.Info(ctx, id)
	}
	if err != nil && !errors.Is(err, errs.NotFound) {
		return false, err
	}
	there = err == nil
	_, err = s.regs.Update(ctx, Row(id), register.Change{Epoch: ^uint64(0), Apply: func(old *register.Value) (*register.Value, error) {
		r, err := edit(old)
		if err != nil || r == nil {
			r = &rowRecord{Length: length, Stored: info.Data, Frames: info.Frames, Digest: info.Digest[:]}
		}
		if i := r.find(ref.ID); i >= 0 {
			if old != nil && !r.Refs[i].Dying && r.Refs[i].ref().Row == ref.Row {
				return nil, errNothing
			}
			ref.Ballot = ref.Ballot.Max(r.Refs[i].ref().Ballot)
			r.Refs[i] = record(ref)
		} else {
			r.Refs = append(r.Refs, record(ref))
		}
		return r.value(true), nil
	}})
	if errors.Is(err, errNothing) {
		err = nil
	}
	return there, err
}
