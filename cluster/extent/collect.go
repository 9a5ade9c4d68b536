package extent

import (
	"context"
	"errors"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/register"
)

// Uses reports whether the chosen value of a row uses the extent through that
// reference; v is nil for an absent row. It is pure, and true as long as the row's
// pending work still has to drop the reference.
type Uses func(row register.Row, v *register.Value, ref Ref, extent ident.ID) bool

// Collect decides about every reference of an extent, one at a time: it keeps those
// that are used and drops the others. Who calls it decides that it is time to look;
// that a writer is still at work only costs that writer its attempt.
func (s *Store) Collect(ctx context.Context, id ident.ID, uses Uses) error {
	kept := map[ident.ID]bool{}
	for {
		v, _, err := s.regs.Read(ctx, Row(id))
		if err != nil {
			return err
		}
		if v == nil {
			return s.forgo(ctx, id)
		}
		r, err := decodeRow(v)
		if err != nil {
			return err
		}
		i := r.undecided(kept)
		if i < 0 {
			s.regs.Settle(Row(id), v) // if nothing changed since it was read
			return nil
		}
		ref := r.Refs[i].ref()
		if kept[ref.ID], err = s.collectRef(ctx, id, ref, uses); err != nil {
			return err
		}
	}
}

// undecided returns the index of a reference that is not known to be used, or -1.
func (r *rowRecord) undecided(kept map[ident.ID]bool) int {
	for i := range r.Refs {
		if r.Refs[i].Dying || !kept[ident.ID(r.Refs[i].ID)] {
			return i
		}
	}
	return -1
}

// collectRef is the protocol of the package comment for one reference; it reports
// whether the reference is used.
func (s *Store) collectRef(ctx context.Context, id ident.ID, ref Ref, uses Uses) (bool, error) {
	if !ref.Dying {
		// A chosen value that uses the reference is enough to leave it alone.
		v, _, err := s.regs.Read(ctx, ref.Row)
		if err != nil && !errors.Is(err, register.ErrFenced) {
			return false, err
		}
		if uses(ref.Row, v, ref, id) {
			return true, nil
		}
		if s.atWork(ctx, id, ref) {
			return false, errAtWork
		}
	}
	ref, err := s.MarkDying(ctx, id, ref.ID)
	if errors.Is(err, errs.NotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	// A row that is closed for ever holds nothing that its table still knows of.
	v, err := s.regs.Update(ctx, ref.Row, register.Change{
		Apply:     func(old *register.Value) (*register.Value, error) { return old, nil },
		Above:     ref.Ballot,
		Epoch:     register.EpochSettle,
		AbsentToo: true,
	})
	if err != nil && !errors.Is(err, register.ErrFenced) {
		return false, err
	}
	if uses(ref.Row, v, ref, id) {
		return true, s.Revive(ctx, id, ref.ID)
	}
	return false, s.dropDying(ctx, id, ref)
}

// forgo deletes the bytes of an extent that has no row, once a tombstone says that it
// will never have one: its writer may be at work yet, on another node. It asks nobody
// before its first Accept, which replicas would take above a lower tombstone; so the
// tombstone goes above that.
func (s *Store) forgo(ctx context.Context, id ident.ID) error {
	if s.doubtful() {
		return nil
	}
	made, err := s.made(ctx, id)
	if err != nil {
		return err
	}
	v, err := s.regs.Update(ctx, Row(id), register.Change{Above: made, AbsentToo: true,
		Apply: func(old *register.Value) (*register.Value, error) { return old, nil }})
	if err != nil || v != nil {
		return err
	}
	return s.deleteBytes(ctx, id)
}

// doubtful reports whether rows may have been lost with nodes, so that what no row uses is
// not to be deleted.
func (s *Store) doubtful() bool { return s.disks != nil && s.disks.Doubtful() }

// passLimit bounds how much of the work list one pass remembers.
const passLimit = 1 << 16

// CollectPending goes over the work list once and collects what the pass before saw
// already and no writer holds. The time between two passes is the age at which an
// extent is looked at. It returns how many were collected and how many are left on the
// list. One about which nothing can be said stays there and ends no pass: the first such
// error is returned when all others were looked at. It also lets go of memory that the
// time between did not need.
func (s *Store) CollectPending(ctx context.Context, uses Uses) (collected, left int, err error) {
	s.pool.trim()
	if s.local == nil || s.doubtful() {
		return 0, 0, nil
	}
	seen := map[ident.ID]int{}
	var after *register.Row
	var failed unsaid
	undecided := 0
	for len(seen) < passLimit {
		rows, err := s.local.Pending(ctx, Extents, after, 256)
		if err != nil {
			return collected, left, err
		}
		if len(rows) == 0 {
			break
		}
		after = &rows[len(rows)-1]
		for _, row := range rows {
			id, err := ident.FromKey(row.Part)
			if err != nil {
				continue
			}
			done, err := s.collectRipe(ctx, id, uses)
			if ctx.Err() != nil {
				return collected, left, ctx.Err()
			}
			failed.note(id, err)
			switch done {
			case looked:
				collected++
				continue
			case unclear:
				undecided++
			}
			seen[id] = s.passes(id) + 1
			left++
		}
	}
	s.mu.Lock()
	s.seen, s.undecided = seen, undecided
	s.mu.Unlock()
	return collected, left, failed.error()
}

// unsaid counts the extents about which nothing could be said.
type unsaid struct {
	n     int
	first ident.ID
	err   error
}

func (u *unsaid) note(id ident.ID, err error) {
	if err == nil {
		return
	}
	if u.n++; u.n == 1 {
		u.first, u.err = id, err
	}
}

func (u *unsaid) error() error {
	if u.n == 0 {
		return nil
	}
	return errs.Newf(errs.KindOf(u.err), "of %d pending extents it cannot be said whether they may go; the first is %s: %w", u.n, u.first, u.err)
}

// verdict is what a pass did about one extent of the work list.
type verdict uint8

const (
	early   verdict = iota // it stays on the list: its time has not come, or its writer is at work
	looked                 // it was decided about, and is off the list
	unclear                // its time has come, and nothing can be said about it
)

// collectRipe collects an extent whose time has come.
func (s *Store) collectRipe(ctx context.Context, id ident.ID, uses Uses) (verdict, error) {
	ripe, err := s.ripe(id)
	switch {
	case err != nil:
		return unclear, err
	case !ripe:
		return early, nil
	}
	err = s.Collect(ctx, id, uses)
	switch {
	case err == nil:
		return looked, nil
	case ctx.Err() != nil:
		return early, err
	case errors.Is(err, errAtWork):
		return early, nil
	}
	s.log.Warn("a pending extent could not be decided about; the next pass tries again", "extent", id, "error", err)
	return unclear, nil
}

// passes returns how many passes in a row saw the extent.
func (s *Store) passes(id ident.ID) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen[id]
}

// ripe reports whether passes enough saw the extent, nobody here holds it, and its
// references are the whole truth: the row of an object may be lost that a rebuild would
// make anew from a disk that was away.
func (s *Store) ripe(id ident.ID) (bool, error) {
	if s.passes(id) < 1+passesEach*s.rank(id) || s.held(id) {
		return false, nil
	}
	if s.disks == nil {
		return true, nil
	}
	may, err := s.disks.Uncompared(id)
	return !may, err
}
