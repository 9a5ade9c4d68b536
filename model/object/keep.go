package object

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"

	"rhizome/base/errs"
	"rhizome/base/ident"
	"rhizome/cluster/extent"
	"rhizome/cluster/register"
)

// keepSteps bounds how often one call looks at a row again that others change meanwhile.
const keepSteps = 8

// errLost says that somebody else took the follow-up work of a row over, or that the row
// changed: look at it again.
var errLost = errors.New("the row's work was taken over")

// keep does the follow-up work that an object's row notes about versions, and says which
// version is current where the row leaves that open.
func (s *Store) keep(ctx context.Context, row register.Row) error {
	done, err := s.keeping.enter(ctx, row)
	if err != nil {
		return err
	}
	defer done()
	for range keepSteps {
		v, _, err := s.Registers.Read(ctx, row)
		if err != nil {
			return err
		}
		e, err := takeApart(v)
		if err != nil || !e.Past.pending() {
			return err
		}
		left := false
		if len(e.Past.Notes) > 0 {
			k := &keeper{s: s, row: row, used: map[register.Row]bool{}}
			left, err = k.run(ctx)
		} else {
			err = s.fillGap(ctx, row, v)
		}
		if err != nil && !errors.Is(err, errLost) || left {
			return err
		}
	}
	return errs.Newf(errs.Unavailable, "the object is being changed all the time: %w", ErrBusy)
}

// rowLocks lets one goroutine of this node at a time do a row's work: another would take
// it over, and be taken over.
type rowLocks struct {
	mu   sync.Mutex
	held map[register.Row]chan struct{}
}

// enter waits for its turn; the returned function ends it.
func (l *rowLocks) enter(ctx context.Context, row register.Row) (leave func(), err error) {
	for {
		l.mu.Lock()
		busy, there := l.held[row]
		if !there {
			mine := make(chan struct{})
			if l.held == nil {
				l.held = map[register.Row]chan struct{}{}
			}
			l.held[row] = mine
			l.mu.Unlock()
			return func() {
				l.mu.Lock()
				defer l.mu.Unlock()
				delete(l.held, row)
				close(mine)
			}, nil
		}
		l.mu.Unlock()
		select {
		case <-busy:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// rules are left out by tests, which show what each of them is for.
type rules struct {
	noClaim   bool // versions' rows are written under any ballot
	blindWork bool // work is struck out, and claims are raised, by who lost the claim
	blindFill bool // a gap is filled whatever happened since the versions were looked at
	noMove    bool // references go on naming the object's row
	// Of revisions:
	blindTurn   bool // a version in its own row is taken for what it was when it was seen
	blindStrike bool // a note is struck out though it asks for something else by now
}

// keeper writes the rows of versions for the notes of one object's row.
//
// It may have been given up for dead, and what it does come late: after another did the
// work, struck the notes, and a version was deleted for good. So that it then writes
// nothing, it first claims the work: the object's row names the highest ballot that it may
// use in any version's row, and whoever claims after it uses higher ones, in every one of
// those rows, before he strikes a note out. Who needs a higher ballot than he claimed claims
// again, which fails when somebody else did or nothing is left.
type keeper struct {
	s     *Store
	row   register.Row
	claim register.Ballot
	over  register.Ballot // the claim before
	e     *entry
	used  map[register.Row]bool // rows in which the claim was used
}

// run claims the work, does it and strikes it out. left says that some of it has to wait.
func (k *keeper) run(ctx context.Context) (left bool, err error) {
	if err := k.take(ctx); err != nil {
		return false, err
	}
	if err := k.s.pins.looked(ctx, k.row); err != nil {
		return false, err
	}
	var done []note
	for i, n := range k.e.Past.Notes {
		ok, err := k.do(ctx, n, k.e.blobs[i])
		if err != nil {
			return false, err
		}
		if ok {
			done = append(done, n)
		}
	}
	left = len(done) < len(k.e.Past.Notes)
	if len(done) == 0 {
		return left, nil
	}
	return left, k.strike(ctx, done)
}

// take claims the work, above who claimed it before.
func (k *keeper) take(ctx context.Context) error {
	mine := k.s.Registers.NewBallot()
	v, err := k.s.Registers.Update(ctx, k.row, register.Change{Epoch: anyEpoch, Apply: func(old *register.Value) (*register.Value, error) {
		e, err := takeApart(old)
		if err != nil {
			return nil, err
		}
		if e.Past == nil || len(e.Past.Notes) == 0 {
			return nil, errLost
		}
		claim := mine
		if k.over = (register.Ballot{}); e.Past.Claim != nil {
			k.over = *e.Past.Claim
		}
		if !k.over.Less(claim) {
			claim.Round = k.over.Round + 1
		}
		k.claim, e.Past.Claim = claim, &claim
		return e.value()
	}})
	if err != nil {
		return err
	}
	if k.e, err = takeApart(v); err == nil {
		k.claim = *k.e.Past.Claim
	}
	return err
}

// raise claims the work again, up to a higher ballot.
func (k *keeper) raise(ctx context.Context, b register.Ballot) error {
	if b.Less(k.claim) {
		b = k.claim // it may be used as it is, once it is certain that nobody else claimed
	}
	_, err := k.change(ctx, func(e *entry) error {
		e.Past.Claim = &b
		return nil
	})
	if err == nil {
		k.claim = b
	}
	return err
}

// change rewrites the object's row if the work is still this keeper's.
func (k *keeper) change(ctx context.Context, f func(*entry) error) (*register.Value, error) {
	return k.s.Registers.Update(ctx, k.row, register.Change{Epoch: anyEpoch, Apply: func(old *register.Value) (*register.Value, error) {
		e, err := takeApart(old)
		if err != nil {
			return nil, err
		}
		if e.Past == nil || !k.s.rules.blindWork && (e.Past.Claim == nil || *e.Past.Claim != k.claim) {
			return nil, errLost
		}
		if err := f(e); err != nil {
			return nil, err
		}
		return e.value()
	}})
}

// write chooses a value of a version's row, nil for none, under the claim.
func (k *keeper) write(ctx context.Context, row register.Row, v *register.Value) error {
	ch := register.Change{Above: k.over, Raise: k.raise, Epoch: anyEpoch, AbsentToo: true,
		Apply: func(*register.Value) (*register.Value, error) { return v, nil }}
	if k.s.rules.noClaim {
		ch.Above, ch.Raise = register.Ballot{}, nil
	} else if !k.used[row] {
		k.used[row], ch.Ballot = true, k.claim
	}
	_, err := k.s.Registers.Update(ctx, row, ch)
	return err
}

// do does what one note asks for; false if that has to wait.
func (k *keeper) do(ctx context.Context, n note, blob []byte) (bool, error) {
	switch n.Do {
	case taskWrite:
		if n.Again {
			return true, k.putAgain(ctx, n.Version)
		}
		return true, k.put(ctx, n.Version, blob)
	case taskMirror:
		if k.e.Version == nil || k.e.Version.Number != n.Number {
			return true, nil
		}
		return true, k.put(ctx, k.e.Version, k.e.blob)
	}
	return k.remove(ctx, n)
}

// put gives a version a row of its own, and has its references name that.
func (k *keeper) put(ctx context.Context, v *version, blob []byte) error {
	row := versionRow(k.row, v.Number)
	if err := k.write(ctx, row, versionValue(v, blob)); err != nil {
		return err
	}
	ref := extent.Ref{ID: v.ID, Row: row, Ballot: k.claim}
	if k.s.rules.noMove {
		return nil
	}
	for _, id := range v.Extents {
		if err := k.s.Extents.MoveRef(ctx, id, ref); err != nil {
			return err
		}
	}
	if v.Holder == nil {
		return nil
	}
	return k.s.moveHolder(ctx, v.Holder.row(), ref)
}

// putAgain writes a version's row again after it was revised.
func (k *keeper) putAgain(ctx context.Context, v *version) error {
	there, blob, err := k.s.blobOf(ctx, k.row, v)
	if err != nil {
		return err
	}
	if there == nil {
		return errLost // it is deleted, and so this is not the keeper's work any more
	}
	return k.put(ctx, v, blob)
}

// remove drops what a deleted version references, then its row, unless it is being read
// here. The row holds what there is to drop until that is done.
func (k *keeper) remove(ctx context.Context, n note) (bool, error) {
	row := versionRow(k.row, n.Number)
	v, _, err := k.s.Registers.Read(ctx, row)
	if err != nil {
		return false, err
	}
	sl, err := decodeRow[slot](v)
	if err != nil {
		return false, err
	}
	drops := n.Drops
	if sl.Version != nil {
		if !n.ID.IsZero() && sl.Version.ID != n.ID {
			return true, nil // there is no such version
		}
		drops = sl.Version.drop()
	}
	for _, d := range drops {
		if k.s.pins.pinned(d.Version) {
			return false, nil
		}
		if err := k.s.dropAll(ctx, d); err != nil {
			return false, err
		}
	}
	return true, k.write(ctx, row, nil)
}

// strike strikes finished notes out.
func (k *keeper) strike(ctx context.Context, done []note) error {
	_, err := k.change(ctx, func(e *entry) error {
		for _, n := range done {
			i := e.Past.find(n.Number)
			if i < 0 || !e.Past.Notes[i].asks(n) && !k.s.rules.blindStrike {
				continue // there is something else to be done about it by now
			}
			if n.Do == taskMirror && e.Version != nil && e.Version.Number == n.Number {
				e.Past.Mirror, e.Past.Older = true, true
			}
			e.strike(i)
		}
		return nil
	})
	return err
}

// asks reports whether a note is still what was done.
func (n *note) asks(done note) bool {
	return n.Do == done.Do && n.ID == done.ID && n.Turn == done.Turn
}

// newest returns the newest of an object's noncurrent versions, nil if there is none; e is
// the object's row as it was before.
func (s *Store) newest(ctx context.Context, row register.Row, e *entry) (v *version, blob []byte, err error) {
	for i, n := range e.Past.notes() {
		if n.Version != nil && (v == nil || v.Number < n.Number) {
			v, blob = n.Version, e.blobs[i]
		}
	}
	p, err := s.Registers.Scan(ctx, register.Scan{Table: Versions, Parts: []string{row.Part},
		Prefix: escapeKey(row.Sort) + keyEnd, Limit: 1 + len(e.Past.notes())})
	if err != nil {
		return nil, nil, err
	}
	for _, at := range p.Entries {
		key, number, ok := splitVersion(at.Row.Sort)
		if !ok || key != row.Sort || v != nil && number <= v.Number {
			break // of a longer key, or older than what is noted
		}
		if e.Past.find(number) < 0 {
			return s.ownVersion(ctx, at.Row)
		}
	}
	if e.again(v) {
		if v, blob, err = s.blobOf(ctx, row, v); err == nil && v == nil {
			err = errLost
		}
	}
	return v, blob, err
}

// ownVersion reads a version that was seen just now.
func (s *Store) ownVersion(ctx context.Context, own register.Row) (*version, []byte, error) {
	v, _, err := s.Registers.Read(ctx, own)
	if err != nil {
		return nil, nil, err
	}
	sl, err := decodeRow[slot](v)
	if err != nil {
		return nil, nil, corrupt(own, err)
	}
	if sl.Version == nil {
		return nil, nil, errLost // it was deleted
	}
	return sl.Version, v.Blob, nil
}

// fillGap makes the newest of the noncurrent versions the current one. All that is deleted
// is deleted in the object's row: so if that is what it was before they were looked at, the
// one that was found stands. It keeps its own row, which its references name.
func (s *Store) fillGap(ctx context.Context, row register.Row, seen *register.Value) error {
	was, err := takeApart(seen)
	if err != nil {
		return err
	}
	next, blob, err := s.newest(ctx, row, was)
	if err != nil {
		return err
	}
	_, err = s.Registers.Update(ctx, row, register.Change{Epoch: anyEpoch, Apply: func(old *register.Value) (*register.Value, error) {
		if old == nil || !bytes.Equal(old.Data, seen.Data) && !s.rules.blindFill {
			return nil, errLost
		}
		e, err := takeApart(old)
		if err != nil {
			return nil, err
		}
		p := e.Past
		if !e.gap() { // nothing is missing
			p.Gap = nil
			return e.value()
		}
		if p.Gap, p.Older = nil, next != nil; next != nil {
			e.Version, e.blob, p.Mirror = next, blob, true
			if next.Number == p.Null {
				p.Null = 0
			}
		}
		return e.value()
	}})
	return err
}

// makeRoom does the follow-up work of a row that is too large for a change. If it still is,
// the current version gets a row of its own, so that the change need not keep its blob.
func (s *Store) makeRoom(ctx context.Context, row register.Row) error {
	if err := s.keep(ctx, row); err != nil {
		return err
	}
	_, err := s.Registers.Update(ctx, row, register.Change{Epoch: anyEpoch, Apply: func(old *register.Value) (*register.Value, error) {
		e, err := takeApart(old)
		if err != nil {
			return nil, err
		}
		if e.Version == nil || e.Past != nil && (e.Past.Mirror || len(e.Past.Notes) > 0) {
			return nil, errNothing
		}
		if e.Past == nil {
			e.Past = &past{Turn: newTurn()}
		}
		if e.Version.Number == 0 {
			e.Version.Number, e.Version.Null = numberBefore, true
		}
		e.Past.Number = max(e.Past.Number, e.Version.Number)
		e.note(note{Number: e.Version.Number, ID: e.Version.ID, Do: taskMirror}, nil)
		return e.value()
	}})
	if errors.Is(err, errNothing) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.keep(ctx, row)
}

// moveHolder is extent.Store's MoveRef for an upload.
func (s *Store) moveHolder(ctx context.Context, row register.Row, ref extent.Ref) error {
	_, err := s.changeUpload(ctx, row, func(r *uploadRecord) error {
		i := r.find(ref.ID)
		if i < 0 || !r.Refs[i].Dying && r.Refs[i].ref().Row == ref.Row && !r.Refs[i].Ballot.Less(ref.Ballot) {
			return errNothing
		}
		if r.Refs[i].ref().Row == ref.Row {
			ref.Ballot = ref.Ballot.Max(r.Refs[i].Ballot)
		}
		r.Refs[i] = holds(ref)
		return r.confirm(ref.ID)
	})
	if errors.Is(err, ErrNoSuchUpload) || errors.Is(err, errNothing) {
		return nil
	}
	return err
}

// removes reports whether a version is noted to be removed.
func (p *past) removes(number uint64, id ident.ID) bool {
	return p != nil && slices.ContainsFunc(p.Notes, func(n note) bool {
		return n.Do == taskRemove && n.Number == number && (n.ID.IsZero() || n.ID == id)
	})
}
