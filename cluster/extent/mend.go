package extent

import (
	"context"
	"errors"
	"slices"
	"sync"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/register"
	"rhizome/net/rpc"
)

// menders is how many extents are looked at side by side.
const menders = 4

// movedBatch is how many extents that belong elsewhere are asked about at once.
const movedBatch = 256

// OnMended has f called with every extent that is whole here again, before the store
// is used.
func (s *Store) OnMended(f func(ident.ID)) { s.mended = f }

// Mend keeps this node's bytes as they should be until ctx ends: it fetches what is
// missing or damaged from other holders, and removes what others have or nothing uses.
// It touches the disk only while there is something to do. An extent that is nowhere
// whole is told as damage if uses says that something uses it.
func (s *Store) Mend(ctx context.Context, uses Uses) error {
	ctx = rpc.Behind(ctx) // to look up what is missing must not pass for what people wait for
	var workers sync.WaitGroup
	defer workers.Wait()
	for range menders {
		workers.Go(func() {
			for ctx.Err() == nil {
				if s.mend.wantsSweep() {
					s.resweep(ctx)
				}
				s.attempt(ctx, s.mend.take(ctx), uses)
			}
		})
	}
	<-ctx.Done()
	return nil
}

// resweep compares rows and bytes again: the layout changed, or the queue was too short.
func (s *Store) resweep(ctx context.Context) {
	defer s.mend.swept()
	_, err := s.Sweep(ctx, func(id ident.ID) { s.Miss(id) })
	if err != nil && ctx.Err() == nil {
		s.log.Warn("rows and bytes could not be compared; the daily window tries again", "error", err)
	}
}

func (m *mender) swept() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sweeping--
}

// wantsSweep reports whether rows and bytes are to be compared now, once.
func (m *mender) wantsSweep() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.sweepDue() {
		return false
	}
	m.sweep, m.beyond, m.beyondBytes = false, 0, 0
	m.sweeping++
	return true
}

// sweepDue is wantsSweep without taking it on: what did not fit into the queue is found
// again once that is empty. mu is held.
func (m *mender) sweepDue() bool { return m.sweep && (m.beyond == 0 || len(m.chores) == 0) }

// Relaid says that the layout changed: what this node has to keep is looked at anew.
func (s *Store) Relaid() {
	s.mend.mu.Lock()
	s.mend.sweep = true
	s.mend.mu.Unlock()
	s.mend.hasten()
}

// LinkUp says that a node can be reached again: what waited for it is tried at once, and
// what counts as lost is looked for again where it may be.
func (s *Store) LinkUp(n ident.NodeID) {
	s.mend.hasten()
	for _, id := range s.mend.missed() {
		if slices.Contains(s.others(id), n) {
			s.mend.add(id, Missing, 0, 0)
		}
	}
}

// Notice says that this node's replica of the rows took a value for an extent's row; v
// is nil for a tombstone. The bytes of a row that came late, because others had it
// before, are fetched at once, while other rows still come; those of any other row are
// probably on their way. It is a hint, cheap, and waits for nothing.
func (s *Store) Notice(row register.Row, v *register.Value, late bool) {
	if row.Table != Extents || s.disks == nil || s.links == nil {
		return
	}
	id, err := ident.FromKey(row.Part)
	if err != nil {
		return
	}
	grace := s.mend.grace
	if late {
		grace = 0
	}
	switch {
	case v == nil:
		s.mend.add(id, Unused, 0, s.mend.grace)
	case s.mend.forget(id, Unused) != 0 || s.alone(id) || !s.mine(id):
	default:
		s.mend.add(id, Missing, v.Bytes, grace)
	}
}

// arrived says that an extent's bytes are durable here.
func (s *Store) arrived(id ident.ID) {
	if s.links == nil {
		return
	}
	switch {
	case s.mend.forget(id, Missing) != 0:
	case s.mine(id):
		s.mend.add(id, Unused, 0, s.mend.orphan)
	default: // the layout changed on the way: its row is others', and nobody will say here that it came
		s.mend.add(id, Moved, 0, s.mend.grace)
	}
}

// wanted says that an extent which this node should have is not here.
func (s *Store) wanted(id ident.ID) {
	if s.links != nil && !s.alone(id) && s.mine(id) && !s.mend.isLost(id) {
		s.mend.add(id, Missing, 0, s.mend.grace)
	}
}

// offered says that another node has the bytes of an extent which this node should have
// and has not: it asks because it wants to be rid of them. It may be one that the layouts
// known here do not name, and what was lost is found.
func (s *Store) offered(id ident.ID, from ident.NodeID) {
	if s.links == nil || from == s.self || !s.mine(id) {
		return
	}
	s.mend.lose(id, false)
	s.mend.add(id, Missing, 0, s.mend.grace)
	s.mend.offer(id, from)
}

// suspect says that an extent here may be damaged.
func (s *Store) suspect(id ident.ID) {
	if s.disks != nil && len(s.others(id)) > 0 {
		s.mend.add(id, Damaged, 0, 0)
	}
}

// Suspect says that an extent here was found damaged: it is fetched anew from another
// holder, if there is one.
func (s *Store) Suspect(id ident.ID) { s.suspect(id) }

// attempt does what take returned.
func (s *Store) attempt(ctx context.Context, ts []task, uses Uses) {
	if len(ts) == 0 {
		return
	}
	if ts[0].why == Moved {
		for i, err := range s.settleMoved(ctx, ts) {
			s.mend.done(ts[i], err)
		}
		return
	}
	t := ts[0]
	err := s.look1(ctx, t, uses)
	var later errLater
	if err != nil && !errors.As(err, &later) && ctx.Err() == nil {
		s.log.Info("an extent could not be mended yet", "extent", t.id, "error", err)
	}
	s.mend.done(t, err)
}

// look1 looks at one extent and does what is to be done.
func (s *Store) look1(ctx context.Context, t task, uses Uses) error {
	if s.held(t.id) || s.comes(t.id) {
		return errLater{t.why, s.mend.grace} // a writer is at work
	}
	info, err := s.disks.Info(ctx, t.id)
	here := err == nil
	if err != nil && !errors.Is(err, errs.NotFound) {
		return err
	}
	if t.why == Missing && here && s.present(info) || t.why != Missing && !here && !s.mine(t.id) {
		return nil
	}
	v, ballot, err := s.regs.Read(ctx, Row(t.id))
	if err != nil {
		return err
	}
	if v == nil {
		return s.discard(ctx, t, here, ballot)
	}
	r, err := decodeRow(v)
	switch {
	case err != nil:
		return err
	case !s.mine(t.id):
		if !here {
			return nil
		}
		return errLater{Moved, 0}
	case here && s.present(info) && t.why != Damaged && r.fits(info):
		return nil
	case here && s.present(info) && r.fits(info):
		if bad, err := s.disks.Verify(ctx, t.id); err == nil && len(bad) == 0 {
			s.whole(t.id)
			return nil
		}
	}
	return s.refetch(ctx, t, r, uses)
}

// discard removes bytes without a row: at once if the row is a tombstone; else its writer
// gets time to make it, and none after that.
func (s *Store) discard(ctx context.Context, t task, here bool, ballot register.Ballot) error {
	if !here {
		return nil
	}
	if may, err := s.disks.Uncompared(t.id); err != nil || may {
		return err
	}
	if ballot != (register.Ballot{}) {
		return s.deleteBytes(ctx, t.id)
	}
	if t.why != Unused {
		return errLater{Unused, s.mend.orphan}
	}
	return s.forgo(ctx, t.id)
}

// comes reports whether another node's writer is sending the extent.
func (s *Store) comes(id ident.ID) bool {
	return s.marked(s.receiving, id)
}

// mark counts what is under way with an extent; marked reports whether anything is.
func (s *Store) mark(m map[ident.ID]int, id ident.ID, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m[id] += n; m[id] == 0 {
		delete(m, id)
	}
}

func (s *Store) marked(m map[ident.ID]int, id ident.ID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return m[id] > 0
}

// settleMoved deletes bytes that all present holders say they have.
func (s *Store) settleMoved(ctx context.Context, ts []task) []error {
	out := make([]error, len(ts))
	rows := make([]register.Row, len(ts))
	for i, t := range ts {
		rows[i] = Row(t.id)
	}
	values, ballots, failed := s.readEach(ctx, rows)
	ask := map[ident.NodeID][]int{}
	for i, t := range ts {
		switch {
		case failed[i] != nil:
			out[i] = failed[i]
		case s.held(t.id) || s.comes(t.id):
			out[i] = errLater{Moved, s.mend.grace} // a writer is at work
		case values[i] == nil && ballots[i] == (register.Ballot{}):
			out[i] = errLater{Unused, s.mend.orphan} // the row may be on its way
		case values[i] == nil:
			out[i] = errLater{Unused, 0}
		case s.mine(t.id): // it came back
			out[i] = errLater{Missing, 0}
		default:
			holders := s.holders(t.id)
			if len(holders) == 0 {
				out[i] = errs.New(errs.Unavailable, "the layout gives these bytes to nobody")
			}
			for _, n := range holders {
				ask[n] = append(ask[n], i)
			}
		}
	}
	for n, which := range ask {
		s.askMoved(ctx, n, ts, values, which, out)
	}
	for i, t := range ts {
		if out[i] == nil {
			out[i] = s.leave(ctx, t.id)
		}
	}
	return out
}

// askMoved notes in out for which chores a holder has not got the bytes.
func (s *Store) askMoved(ctx context.Context, n ident.NodeID, ts []task, values []*register.Value, which []int, out []error) {
	ids := make([]ident.ID, len(which))
	for j, i := range which {
		ids[j] = ts[i].id
	}
	have, err := s.askHave(ctx, n, ids)
	for j, i := range which {
		switch {
		case err != nil:
			out[i] = err
		case !have[j].There:
			out[i] = errs.Newf(errs.Unavailable, "node %s has not got the bytes yet", n)
		default:
			if r, err := decodeRow(values[i]); err != nil {
				out[i] = err
			} else if r.known() && string(r.Digest) != string(have[j].Digest) {
				out[i] = errs.Newf(errs.Unavailable, "node %s has other bytes", n)
			}
		}
	}
}

// leave deletes bytes that others keep. From before it asks whether they are this node's
// by now, nobody is told that they are here: who hears so may delete the only other copy.
func (s *Store) leave(ctx context.Context, id ident.ID) error {
	s.mark(s.leaving, id, 1)
	defer s.mark(s.leaving, id, -1)
	if may, err := s.disks.Uncompared(id); err != nil || may {
		return err
	}
	if s.mine(id) {
		return nil
	}
	return s.deleteBytes(ctx, id)
}
